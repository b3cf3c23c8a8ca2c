//! Between a domain's events and what the log holds: types, ids, schema versions, and old shapes read as current ones.

use std::borrow::Cow;

use caravan_domain::Decider;
use caravan_domain::kind::{event_from_parts, event_to_parts};
use serde_json::Value;

use crate::event::{Metadata, NewEvent, Position, Recorded, StreamId, event_id};
use crate::json::Json;

/// An event that cannot be written as, or read from, its stored form.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    #[error("an event of {category} cannot be written as JSON")]
    Encode { category: &'static str, source: serde_json::Error },
    #[error("{event_type} of {stream} at position {position} does not have the shape of its type")]
    Decode { stream: StreamId, position: Position, event_type: String, source: serde_json::Error },
}

impl CodecError {
    pub(crate) fn decode(recorded: &Recorded, source: serde_json::Error) -> CodecError {
        CodecError::Decode {
            stream: recorded.stream.clone(),
            position: recorded.position,
            event_type: recorded.event_type.clone(),
            source,
        }
    }
}

/// How one stored shape of an event becomes the next.
struct Upcast {
    category: &'static str,
    event_type: &'static str,
    /// The schema version it reads; its result has the next.
    from: i16,
    upcast: fn(Value) -> Value,
}

/// Every change of shape there has been. A stored event is never edited: a new shape gets a line here.
const UPCASTS: &[Upcast] = &[];

/// The first shape of every event.
const FIRST_VERSION: i16 = 1;

/// The events of one command on one stream, ready to append.
pub fn encode<D: Decider>(
    events: &[D::Event],
    stream: &StreamId,
    metadata: &Metadata,
) -> Result<Vec<NewEvent>, CodecError> {
    let encode = |(index, event)| {
        let parts = event_to_parts::<D>(event).and_then(|(event_type, data)| Ok((event_type, Json::of(&data)?)));
        let (event_type, data) = parts.map_err(|source| CodecError::Encode { category: D::CATEGORY, source })?;
        Ok(NewEvent {
            id: event_id(metadata.command_id, stream, index),
            schema_version: current_version(UPCASTS, &stream.category, &event_type),
            event_type,
            data,
            metadata: metadata.clone(),
        })
    };
    events.iter().enumerate().map(encode).collect()
}

/// The event that was stored.
pub fn decode<D: Decider>(recorded: &Recorded) -> Result<D::Event, CodecError> {
    let (event_type, data) = current(recorded)?;
    event_from_parts::<D>(event_type, &data).map_err(|source| CodecError::decode(recorded, source))
}

/// Type of a stored event, and its data as JSON text in the current shape of its type: what a fold with its type erased
/// takes.
pub fn current(recorded: &Recorded) -> Result<(&str, Cow<'_, str>), CodecError> {
    let data = upcast(UPCASTS, recorded).map_err(|source| CodecError::decode(recorded, source))?;
    Ok((&recorded.event_type, data))
}

fn upcast<'r>(upcasts: &[Upcast], recorded: &'r Recorded) -> Result<Cow<'r, str>, serde_json::Error> {
    let mut steps: Vec<&Upcast> = upcasts_of(upcasts, &recorded.stream.category, &recorded.event_type)
        .filter(|upcast| upcast.from >= recorded.schema_version)
        .collect();
    if steps.is_empty() {
        return Ok(recorded.data.text().into());
    }
    steps.sort_by_key(|upcast| upcast.from);
    let data = steps.into_iter().fold(recorded.data.read()?, |data, step| (step.upcast)(data));
    Ok(data.to_string().into())
}

fn current_version(upcasts: &[Upcast], category: &str, event_type: &str) -> i16 {
    upcasts_of(upcasts, category, event_type).map(|upcast| upcast.from + 1).max().unwrap_or(FIRST_VERSION)
}

fn upcasts_of<'u>(upcasts: &'u [Upcast], category: &str, event_type: &str) -> impl Iterator<Item = &'u Upcast> {
    upcasts.iter().filter(move |upcast| upcast.category == category && upcast.event_type == event_type)
}

#[cfg(test)]
mod tests {
    use caravan_domain::{Context, EntityId, Rejection};
    use chrono::DateTime;
    use serde::{Deserialize, Serialize};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    struct Door;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type", content = "data")]
    enum DoorEvent {
        Opened { by: String },
        Locked {},
    }

    impl Decider for Door {
        const CATEGORY: &'static str = "door";
        type State = u8;
        type Command = ();
        type Event = DoorEvent;

        fn decide(_: &u8, (): (), _: &Context) -> Result<Vec<DoorEvent>, Rejection> {
            Ok(vec![])
        }

        fn evolve(state: u8, _: &DoorEvent) -> u8 {
            state + 1
        }
    }

    fn metadata() -> Metadata {
        let command_id = Uuid::from_u128(7);
        Metadata { command_id, correlation_id: command_id, causation_id: None, actor: None, dialect: "test".into() }
    }

    fn stream() -> StreamId {
        StreamId::new("door", EntityId::from_parts(1, [0; 10]))
    }

    fn recorded(event: NewEvent) -> Recorded {
        Recorded {
            id: event.id,
            stream: stream(),
            revision: 0,
            position: 1,
            event_type: event.event_type,
            schema_version: event.schema_version,
            time: DateTime::UNIX_EPOCH,
            data: event.data,
            metadata: Json::of(&event.metadata).unwrap(),
        }
    }

    #[test]
    fn an_event_comes_back_as_it_went_in() {
        let events = [DoorEvent::Opened { by: "Ada".into() }, DoorEvent::Locked {}];
        let encoded = encode::<Door>(&events, &stream(), &metadata()).unwrap();
        assert_eq!(encoded[0].event_type, "Opened");
        assert_eq!(encoded[0].data.text(), r#"{"by":"Ada"}"#);
        assert_eq!(encoded[1].data.text(), "{}");
        let decoded: Vec<_> = encoded.into_iter().map(|event| decode::<Door>(&recorded(event)).unwrap()).collect();
        assert_eq!(decoded, events);
    }

    #[test]
    fn ids_follow_from_command_stream_and_index() {
        let events = [DoorEvent::Locked {}, DoorEvent::Locked {}];
        let once = encode::<Door>(&events, &stream(), &metadata()).unwrap();
        assert_eq!(once, encode::<Door>(&events, &stream(), &metadata()).unwrap());
        assert_ne!(once[0].id, once[1].id);
        let other = StreamId::new("gate", stream().id);
        assert_ne!(once[0].id, encode::<Door>(&events, &other, &metadata()).unwrap()[0].id);
    }

    #[test]
    fn an_event_of_unknown_shape_is_named() {
        let mut event = recorded(encode::<Door>(&[DoorEvent::Locked {}], &stream(), &metadata()).unwrap().remove(0));
        event.event_type = "Painted".into();
        let error = decode::<Door>(&event).unwrap_err().to_string();
        assert!(error.contains("Painted") && error.contains("position 1"), "{error}");
    }

    #[test]
    fn an_event_with_a_nul_is_not_written() {
        let events = [DoorEvent::Opened { by: "A\0".into() }];
        let error = encode::<Door>(&events, &stream(), &metadata()).unwrap_err();
        assert!(matches!(error, CodecError::Encode { category: "door", .. }), "{error}");
    }

    const CHANGES: &[Upcast] = &[
        Upcast { category: "door", event_type: "Opened", from: 1, upcast: |data| json!({"person": data["by"]}) },
        Upcast {
            category: "door",
            event_type: "Opened",
            from: 2,
            upcast: |data| json!({"person": data["person"], "key": null}),
        },
    ];

    #[test]
    fn old_shapes_are_read_as_the_current_one() {
        let mut event = recorded(encode::<Door>(&[DoorEvent::Locked {}], &stream(), &metadata()).unwrap().remove(0));
        event.event_type = "Opened".into();
        let current = json!({"person": "Ada", "key": null});
        for (version, stored) in [(1, json!({"by": "Ada"})), (2, json!({"person": "Ada"})), (3, current.clone())] {
            event.schema_version = version;
            event.data = Json::of(&stored).unwrap();
            let data = upcast(CHANGES, &event).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&data).unwrap(), current, "version {version}");
        }
        assert_eq!(current_version(CHANGES, "door", "Opened"), 3);
        assert_eq!(current_version(CHANGES, "door", "Locked"), 1);
        assert_eq!(current_version(CHANGES, "gate", "Opened"), 1);
    }
}
