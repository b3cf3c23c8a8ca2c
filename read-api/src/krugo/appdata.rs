//! The `appdata` group: tables that clients keep copies of. A client takes the cache keys, reads each table from its
//! start key piece by piece, and then asks what has changed since the keys it took.

use caravan_domain::Kind;
use caravan_domain::catalogue::city::CITY;
use caravan_domain::catalogue::event::{self, EventState};
use caravan_domain::catalogue::performer::PERFORMER;
use caravan_domain::catalogue::region::REGION;
use caravan_domain::record::RecordState;
use caravan_projections::{Document, Moment};
use caravan_wire::krugo::{appdata as shapes, catalogue};
use caravan_wire::{Answer, Call, Failure, Outcome};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Read;

/// The most items of an answer.
const PIECE: usize = 1_000;

struct Table {
    name: &'static str,
    kind: &'static Kind,
    /// What an item shows; none of one that is deleted.
    members: fn(&Document) -> Result<Option<Value>, serde_json::Error>,
}

const TABLES: [Table; 4] = [
    Table { name: "cities", kind: &CITY.kind, members: |city| record(city, shapes::city) },
    Table { name: "regions", kind: &REGION.kind, members: |region| record(region, shapes::region) },
    Table { name: "performers", kind: &PERFORMER.kind, members: |performer| record(performer, shapes::performer) },
    Table { name: "events", kind: &event::KIND, members: event },
];

fn record<T: DeserializeOwned>(document: &Document, show: fn(&T) -> Value) -> Result<Option<Value>, serde_json::Error> {
    Ok(RecordState::deserialize(&document.state)?.get::<T>().as_ref().map(show))
}

/// A cancelled one is gone from every list.
fn event(document: &Document) -> Result<Option<Value>, serde_json::Error> {
    Ok(match EventState::deserialize(&document.state)? {
        EventState::Scheduled(published) => Some(catalogue::event(document.id, &published)),
        EventState::Cancelled(_) | EventState::Unknown => None,
    })
}

impl Table {
    fn named(name: &str, field: &str) -> Result<&'static Table, Failure> {
        let known = || TABLES.each_ref().map(|table| table.name).join(", ");
        let table = const { &TABLES }.iter().find(|table| table.name == name);
        table.ok_or_else(|| Failure::invalid(field, format!("is none of {}", known())))
    }

    async fn items(&self, call: &Call<Read>, moment: Moment, after: i64) -> Outcome {
        let documents = call.state.models.after(self.kind, moment, after, PIECE).await?;
        let item = |document: &Document| -> Result<Value, Failure> {
            let members = (self.members)(document).map_err(Failure::broken)?;
            Ok(shapes::item(document.id, document.position, &document.stamps()?, members))
        };
        Ok(Answer::json(documents.iter().map(item).collect::<Result<_, _>>()?))
    }
}

pub(super) async fn start_keys(_: Call<Read>) -> Outcome {
    Ok(Answer::json(TABLES.iter().map(|table| shapes::start_key(table.name)).collect()))
}

pub(super) async fn cache_keys(call: Call<Read>) -> Outcome {
    let mut keys = vec![];
    for table in &TABLES {
        let latest = call.state.models.latest(table.kind).await?;
        let stamps = latest.as_ref().map(Document::stamps).transpose()?;
        let position = latest.map_or(0, |latest| latest.position);
        keys.push(shapes::cache_key(table.name, position, stamps.as_ref()));
    }
    Ok(Answer::json(keys.into()))
}

/// Where to read on: after the start key. The names of the keys, and the second, follow from the table.
#[derive(Deserialize)]
struct Piece {
    table: String,
    start_key: Option<String>,
    #[serde(rename = "base_table_name")]
    _base_table_name: Option<String>,
    #[serde(rename = "start_key_name")]
    _start_key_name: Option<String>,
    #[serde(rename = "sort_key_name")]
    _sort_key_name: Option<String>,
    #[serde(rename = "sort_key")]
    _sort_key: Option<String>,
}

pub(super) async fn items(call: Call<Read>) -> Outcome {
    let Piece { table, start_key, .. } = call.body()?;
    let after = start_key.map_or(Ok(0), |key| position(&key, "start_key"))?;
    Table::named(&table, "table")?.items(&call, Moment::Made, after).await
}

#[derive(Deserialize)]
struct Since {
    primary_key: String,
    secondary_key: String,
}

pub(super) async fn changes(call: Call<Read>) -> Outcome {
    let Since { primary_key, secondary_key } = call.body()?;
    let after = position(&secondary_key, "secondary_key")?;
    Table::named(&primary_key, "primary_key")?.items(&call, Moment::LastChanged, after).await
}

fn position(key: &str, field: &str) -> Result<i64, Failure> {
    let position = key.parse().ok().filter(|position: &i64| *position >= 0);
    position.ok_or_else(|| Failure::invalid(field, "is no key of this table"))
}
