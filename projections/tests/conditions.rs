//! What SQL finds is what holds: random documents and conditions, in lists and one by one.

use std::cmp::Ordering;

use caravan_domain::condition::{Entity, Pattern};
use caravan_domain::kind::DELETED_AT;
use caravan_domain::{Condition, EntityId};
use caravan_event_store::StreamId;
use caravan_projections::{Plan, SearchTarget};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

use crate::support::kinds::{ALL, CASE, NOTE};
use crate::support::{id, world};

const DOCUMENTS: u64 = 120;
const CONDITIONS: usize = 400;

/// Few enough values that conditions meet documents, some not of their field's type.
fn value(field: &'static str) -> BoxedStrategy<Value> {
    let texts = prop_oneof![
        Just("Straße"),
        Just("STRASSE"),
        Just("a"),
        Just("A"),
        Just("100%"),
        Just("a_b"),
        Just("\\"),
        Just("ΟΔΟΣ"),
        Just(""),
    ];
    match field {
        "word" | "text" => texts.prop_map(Value::from).boxed(),
        "words" => vec(texts.prop_map(Value::from), 0..3).prop_map(Value::from).boxed(),
        "about" | "case" => (1u64..5).prop_map(|number| json!(id(&CASE, number))).boxed(),
        "count" => (-2i64..3).prop_map(Value::from).boxed(),
        "share" => prop_oneof![Just(json!(0.1)), Just(json!(0.25)), Just(json!(-1)), Just(json!(1e9))].boxed(),
        "done" => any::<bool>().prop_map(Value::from).boxed(),
        "at" | DELETED_AT => prop_oneof![
            Just("2031-01-01T00:00:00Z"),
            Just("2031-01-01T01:00:00+01:00"),
            Just("2031-01-01T00:00:00.500Z"),
            Just("2032-01-01T00:00:00Z"),
        ]
        .prop_map(Value::from)
        .boxed(),
        _ => prop_oneof![Just("2031-01-01"), Just("2031-01-02"), Just("2031-12-31")].prop_map(Value::from).boxed(),
    }
}

const FIELDS: [&str; 10] = ["word", "words", "text", "about", "case", "count", "share", "done", "at", "day"];
const COMPARED: [&str; 10] = ["word", "text", "about", "case", "count", "share", "done", "at", "day", DELETED_AT];

fn document() -> impl Strategy<Value = Value> {
    let fields: Vec<_> = FIELDS
        .iter()
        .map(|field| {
            let misfit = prop_oneof![Just(json!(7)), Just(json!("x")), Just(json!({"a": 1}))];
            // A parent is an id or missing.
            let misfit = if *field == "case" { Just(Value::Null).boxed() } else { misfit.boxed() };
            prop_oneof![6 => value(field), 2 => Just(Value::Null), 1 => misfit].prop_map(move |value| (*field, value))
        })
        .collect();
    fields.prop_map(|fields| {
        let present = fields.into_iter().filter(|(_, value)| !value.is_null());
        Value::Object(present.map(|(field, value)| (field.to_owned(), value)).collect())
    })
}

fn condition() -> impl Strategy<Value = Condition> {
    let field = || proptest::sample::select(&COMPARED[..]);
    let is = field().prop_flat_map(|field| {
        let values = vec(prop_oneof![3 => value(field), 1 => Just(Value::Null)], 0..3);
        values.prop_map(move |values| Condition::Is(field, values))
    });
    let between = field().prop_filter("has an order", |field| *field != "done").prop_flat_map(|field| {
        let bound = || proptest::option::of(value(field));
        (bound(), bound()).prop_map(move |(from, to)| Condition::Between(field, from, to))
    });
    let orderings: [&[Ordering]; 5] = [
        &[],
        &[Ordering::Less],
        &[Ordering::Equal],
        &[Ordering::Less, Ordering::Greater],
        &[Ordering::Equal, Ordering::Greater],
    ];
    let alike =
        [("word", "word"), ("about", "case"), ("count", "share"), ("at", DELETED_AT), ("text", "text"), ("day", "day")];
    let compare = (proptest::sample::select(alike.to_vec()), proptest::sample::select(orderings.to_vec()))
        .prop_map(|((one, other), orderings)| Condition::Compare(one, orderings, other));
    let part = prop_oneof![Just("a"), Just("%"), Just("_"), Just("ss"), Just("ß"), Just("οδ"), Just("\\"), Just("")];
    let like = prop_oneof![
        Just("%"),
        Just("a%"),
        Just("%A"),
        Just("_"),
        Just("%_%_%"),
        Just("Stra_e"),
        Just("%ß%"),
        Just("100\\%"),
        Just("%\\_b"),
        Just(""),
        Just("%%s%e%"),
        Just("Οδ%"),
    ];
    let leaf = prop_oneof![
        is,
        between,
        compare,
        part.prop_map(|part| Condition::Like("text", Pattern::part(part))),
        (like, proptest::sample::select(&["text", "word"][..]), any::<bool>())
            .prop_map(|(text, field, exact)| Condition::Like(field, Pattern { text: text.to_owned(), exact })),
        vec(Just("a".to_owned()), 0..2).prop_map(|values| Condition::Contains("words", values)),
        vec((1..DOCUMENTS).prop_map(|number| id(&NOTE, number)), 0..4).prop_map(Condition::IdIn),
        Just(Condition::ParentLives),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Condition::All),
            vec(inner.clone(), 0..3).prop_map(Condition::Any),
            inner.prop_map(|condition| Condition::Not(Box::new(condition))),
        ]
    })
}

fn some<S: Strategy>(runner: &mut TestRunner, strategy: &S) -> S::Value {
    strategy.new_tree(runner).expect("there is one").current()
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_find_exactly_what_conditions_hold_for() {
    let world = world(ALL, SearchTarget::Postgres).await;
    world.follow();
    let mut runner = TestRunner::deterministic();
    for number in 1..4 {
        world.create(&CASE, number, json!({"label": "a case"})).await;
    }
    let gone = StreamId::new(CASE.name, id(&CASE, 2));
    world.append(&gone, vec![("Deleted", json!({"at": "2031-01-01T00:00:00Z"}))]).await;
    for number in 1..=DOCUMENTS {
        world.create(&NOTE, number, some(&mut runner, &document())).await;
        if number % 6 == 0 {
            let deleted = vec![("Deleted", json!({"at": some(&mut runner, &value(DELETED_AT))}))];
            world.append(&StreamId::new(NOTE.name, id(&NOTE, number)), deleted).await;
        }
    }
    world.caught_up("postgres").await;
    let all = || Plan { deleted: true, ..Plan::all(&NOTE, 500) };
    let documents = world.find(&all()).await.documents;
    assert_eq!(documents.len() as u64, DOCUMENTS);
    let states: Vec<(EntityId, Map<String, Value>)> =
        documents.into_iter().map(|document| (document.id, document.state.as_object().cloned().unwrap())).collect();
    let mut met = 0;
    for _ in 0..CONDITIONS {
        let condition = some(&mut runner, &condition());
        let holds = |(id_of, state): &&(EntityId, Map<String, Value>)| {
            let parent = state.get("case").and_then(Value::as_str);
            let parent_lives =
                parent.is_none_or(|parent| [1, 3].map(|n| id(&CASE, n).to_string()).contains(&parent.to_owned()));
            condition.holds(&Entity { kind: &NOTE, id: *id_of, state, parent_lives })
        };
        let expected: Vec<u64> = states.iter().filter(holds).map(|(id, _)| id.number()).collect();
        let found = world.numbers(&all().and(condition.clone())).await;
        assert_eq!(found, expected, "{condition:?}");
        met += usize::from(!found.is_empty() && found.len() < states.len());
    }
    assert!(met > CONDITIONS / 3, "only {met} conditions tell documents apart");
}
