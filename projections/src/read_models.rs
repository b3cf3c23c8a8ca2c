//! Reading documents: by id, and by plan.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use caravan_domain::condition::Entity;
use caravan_domain::kind::{Link, is_deleted};
use caravan_domain::{Actor, Condition, Context, Decider, EntityId, Kind, Record, Stamps, kinds};
use caravan_event_store::following::Checkpoints;
use caravan_event_store::{Json, Position, Revision, StreamId};
use caravan_postgres::SidePool;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sqlx::PgPool;

use crate::bookkeeping::{DOCUMENTS, OPENED, SEARCH};
use crate::document::Stored;
use crate::loader::{self, Loaded, Loader};
use crate::{Found, Kinds, NotSeen, Plan, ReadError, SearchTarget, schema, sql};

/// How long Postgres works on one plan, as its setting says it; and on one of somebody unknown.
const LONGEST: &str = "2s";
const LONGEST_OF_VISITORS: &str = "500ms";

/// How long a plan waits for what was opened.
const OPENING_LIMIT: Duration = Duration::from_secs(2);

/// Plans that are answered at a time.
const FINDING: u32 = 8;
const FINDING_OF_VISITORS: u32 = 4;

/// The documents of all kinds, cheap to clone.
#[derive(Clone)]
pub struct ReadModels(Arc<Inner>);

struct Inner {
    pool: PgPool,
    /// For plans, which may ask for much.
    finding: SidePool,
    /// For those of visitors, so that they hold up nobody but each other.
    finding_of_visitors: SidePool,
    kinds: Kinds,
    search: SearchTarget,
    checkpoints: Checkpoints,
    loaders: HashMap<&'static str, Loader>,
    /// Of kinds that have a parent: they read it along.
    with_parents: HashMap<&'static str, Loader>,
}

/// An entity's folded state, as stored or as its type, with the revision (its ETag) and position of the last event in
/// it.
#[derive(Debug, Clone, PartialEq)]
pub struct Document<S = Value> {
    pub id: EntityId,
    pub revision: Revision,
    pub position: Position,
    /// `None` while documents of an earlier release are being made anew.
    pub stamps: Option<Stamps>,
    pub state: S,
}

/// A moment in the life of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Made,
    LastChanged,
}

impl<S> Document<S> {
    /// When and by whom it was made; unavailable while it is being made anew.
    pub fn stamps(&self) -> Result<Stamps, ReadError> {
        self.stamps.ok_or_else(|| ReadError::Unavailable(Arc::new(NoStamps)))
    }

    /// The same document, its state seen as another type.
    pub(crate) fn with<T>(&self, state: T) -> Document<T> {
        let Document { id, revision, position, stamps, .. } = *self;
        Document { id, revision, position, stamps, state }
    }
}

impl Document<Json> {
    /// The same with its state as `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<Document<T>, ReadError> {
        Ok(self.with(self.state.read().map_err(ReadError::broken)?))
    }
}

/// The document was written before documents had stamps.
#[derive(Debug, thiserror::Error)]
#[error("it has no stamps yet: its kind is being rebuilt")]
struct NoStamps;

/// What is sealed has not been opened to be found by.
#[derive(Debug, thiserror::Error)]
#[error("what is found by sealed texts is being opened")]
struct NotOpened;

impl ReadModels {
    /// Makes the tables, views and indexes that `kinds` declare and that are missing, in a database whose migrations
    /// have run. Safe to run from several processes at once. Returns the kinds whose documents were folded by other
    /// rules than the program's, or not at all although the log has been followed: these need a [`crate::rebuild()`].
    pub async fn migrate(pool: &PgPool, kinds: Kinds) -> Result<Vec<&'static str>, ReadError> {
        schema::migrate(pool, kinds).await
    }

    /// Needs a running tokio runtime and a migrated database.
    pub fn open(pool: PgPool, kinds: Kinds, search: SearchTarget, checkpoints: Checkpoints) -> ReadModels {
        let keyed = SidePool::keyed(&pool, loader::CONNECTIONS);
        let loaders = kinds.iter().map(|kind| (kind.name, Loader::new(keyed.clone(), kind))).collect();
        let with_parents = kinds.iter().filter_map(|kind| {
            let parent = kind.parent?;
            let parent = kinds.iter().find(|kind| kind.name == parent.kind)?;
            Some((kind.name, Loader::with_parent(keyed.clone(), kind, parent)))
        });
        let with_parents = with_parents.collect();
        let finding = SidePool::beside(&pool, FINDING, &[("statement_timeout", LONGEST)]);
        let finding_of_visitors =
            SidePool::beside(&pool, FINDING_OF_VISITORS, &[("statement_timeout", LONGEST_OF_VISITORS)]);
        ReadModels(Arc::new(Inner {
            pool,
            finding,
            finding_of_visitors,
            kinds,
            search,
            checkpoints,
            loaders,
            with_parents,
        }))
    }

    /// The document of one aggregate. Its state says itself whether it is deleted.
    pub async fn get<D: Decider>(&self, id: EntityId) -> Result<Option<Document<D::State>>, ReadError> {
        Ok(self.get_many::<D>(&[id]).await?.pop())
    }

    /// The document of one aggregate and that of its parent, of one moment.
    pub async fn get_with_parent<D: Decider, P: Decider>(
        &self,
        id: EntityId,
    ) -> Result<Option<(Document<D::State>, Option<Document<P::State>>)>, ReadError> {
        let loader = self.0.with_parents.get(D::CATEGORY);
        let loader = loader.ok_or_else(|| ReadError::broken(format!("{} has no parent", D::CATEGORY)))?;
        let Some(loaded) = loader.load(vec![id.0]).await?.pop() else { return Ok(None) };
        Ok(Some((read(&loaded.own)?, loaded.parent.as_ref().map(read).transpose()?)))
    }

    /// A part of one aggregate's document, where the whole costs more to read than is needed.
    pub async fn part<D: Decider, P: DeserializeOwned>(&self, id: EntityId) -> Result<Option<P>, ReadError> {
        let stored = self.load(D::CATEGORY, &[id]).await?.pop();
        stored.map(|stored| serde_json::from_str(&stored.own.state).map_err(ReadError::broken)).transpose()
    }

    /// The documents of these ids, in their order; those missing are left out.
    pub async fn get_many<D: Decider>(&self, ids: &[EntityId]) -> Result<Vec<Document<D::State>>, ReadError> {
        self.load(D::CATEGORY, ids).await?.iter().map(|loaded| read(&loaded.own)).collect()
    }

    /// One record as its struct; `None` when it was never made or is deleted.
    pub async fn record<T: DeserializeOwned>(
        &self,
        record: &Record,
        id: EntityId,
    ) -> Result<Option<Document<T>>, ReadError> {
        Ok(self.records(record, &[id]).await?.pop())
    }

    /// The records of these ids, in their order; those missing or deleted are left out.
    pub async fn records<T: DeserializeOwned>(
        &self,
        record: &Record,
        ids: &[EntityId],
    ) -> Result<Vec<Document<T>>, ReadError> {
        let states = self.load(record.kind.name, ids).await?;
        let mut records = Vec::with_capacity(states.len());
        for loaded in states {
            let document = read::<caravan_domain::record::RecordState>(&loaded.own)?;
            if let Some(state) = document.state.get::<T>() {
                records.push(document.with(state));
            }
        }
        Ok(records)
    }

    /// An entity as somebody may see it; refused as its kind says.
    pub async fn see(&self, kind: &'static Kind, id: EntityId, viewer: &Context) -> Result<Document, NotSeen> {
        let loader = self.0.with_parents.get(kind.name).or(self.0.loaders.get(kind.name));
        let loader = loader.ok_or_else(|| ReadError::broken(format!("no documents of kind {}", kind.name)))?;
        let loaded = loader.load(vec![id.0]).await?.pop().ok_or_else(|| kind.no_such())?;
        let mut document = read::<Map<String, Value>>(&loaded.own)?;
        let parent_lives = match (&loaded.parent, kind.parent) {
            (_, None) => true,
            (None, Some(link)) if !document.state.contains_key(link.field) => true,
            (Some(parent), _) => !is_deleted(&read(parent)?.state),
            (None, _) => false,
        };
        let entity = Entity { kind, id, state: &document.state, parent_lives };
        kind.demand_seen(&entity, is_deleted(&document.state), viewer)?;
        kind.veil(id, &mut document.state, viewer);
        let state = Value::Object(std::mem::take(&mut document.state));
        Ok(document.with(state))
    }

    /// One page of what the plan describes, of what somebody sees in lists; refused where that can be nothing.
    pub async fn list(&self, mut plan: Plan, viewer: &Context) -> Result<Found<Value>, NotSeen> {
        let kind = plan.kind;
        if let Some(hidden) = plan.sort.iter().find(|sort| kind.shows(sort.field, viewer) != Condition::ALWAYS) {
            return Err(ReadError::invalid(hidden.field, "cannot be sorted by").into());
        }
        plan.conditions = plan.conditions.into_iter().map(|condition| as_seen(kind, condition, viewer)).collect();
        plan.conditions.push(kind.listed(plan.deleted, viewer)?);
        let pool = match viewer.actor {
            Actor::Anonymous => &self.0.finding_of_visitors,
            Actor::Person(_) | Actor::System => &self.0.finding,
        };
        let mut found = self.find_on(&plan, pool).await?.read::<Value>()?;
        for document in &mut found.documents {
            if let Value::Object(fields) = &mut document.state {
                kind.veil(document.id, fields, viewer);
            }
        }
        Ok(found)
    }

    /// One page of what the plan describes. Searchable kinds are found by the search target, others by Postgres.
    pub async fn find(&self, plan: &Plan) -> Result<Found, ReadError> {
        self.find_on(plan, &self.0.finding).await
    }

    async fn find_on(&self, plan: &Plan, pool: &SidePool) -> Result<Found, ReadError> {
        plan.check()?;
        match &self.0.search {
            SearchTarget::Elasticsearch(elastic) if plan.kind.searchable && crate::search::carries(plan) => {
                crate::search::find(&self.0.pool, elastic, plan).await
            }
            _ => {
                if plan.looks_at_opened() {
                    self.opened_follows().await?;
                }
                sql::find(pool, plan).await
            }
        }
    }

    /// Waits until what was opened is as far as the documents, so that whoever sees one finds it too; unavailable where
    /// that takes long, or while it is filled for the first time.
    async fn opened_follows(&self) -> Result<(), ReadError> {
        let sealed = self.0.kinds.iter().filter(|kind| !kind.sealed.is_empty());
        let sealed: Vec<&str> = sealed.map(|kind| kind.name).collect();
        let complete = crate::search::complete_up_to(&mut *self.0.pool.acquire().await?, &sealed).await?;
        let reached = complete.ok_or_else(|| ReadError::Unavailable(Arc::new(NotOpened)))?;
        let follows = self.0.checkpoints.wait(OPENED, reached, OPENING_LIMIT).await;
        follows.map_err(|error| ReadError::Unavailable(Arc::new(error)))
    }

    /// Whether Postgres, and the search target, answer.
    pub async fn ping(&self) -> Result<(), ReadError> {
        sqlx::query("select 1").execute(&self.0.pool).await?;
        match &self.0.search {
            SearchTarget::Postgres => Ok(()),
            SearchTarget::Elasticsearch(elastic) => Ok(elastic.ping().await?),
        }
    }

    /// Up to `limit` documents of a kind that clients copy, deleted ones too, that were made or last changed after a
    /// position of the log, in that order. Each was made, and last changed, at a position of its own.
    pub async fn after(
        &self,
        kind: &Kind,
        moment: Moment,
        position: Position,
        limit: usize,
    ) -> Result<Vec<Document>, ReadError> {
        let stored = sql::after(&self.0.finding, kind, moment, position, limit).await?;
        stored.iter().map(read).collect()
    }

    /// The document of a kind that clients copy that changed last.
    pub async fn latest(&self, kind: &Kind) -> Result<Option<Document>, ReadError> {
        sql::latest(&self.0.finding, kind).await?.as_ref().map(read).transpose()
    }

    /// The followers that must have passed an event for [`ReadModels::find`] to see it, but for what it finds by sealed
    /// texts; reads by id see what [`DOCUMENTS`] has written.
    pub fn search_followers(&self) -> &'static [&'static str] {
        match &self.0.search {
            SearchTarget::Elasticsearch(_) => &[DOCUMENTS, SEARCH],
            SearchTarget::Postgres => &[DOCUMENTS],
        }
    }

    /// The folded state of a stream as its document holds it, if that was folded by this version of the rules: where
    /// the write side starts from instead of the first event.
    pub async fn snapshot(&self, stream: &StreamId, fold_version: i32) -> Result<Option<Document>, ReadError> {
        if !self.0.loaders.contains_key(stream.category.as_str()) {
            return Ok(None);
        }
        let Some(stored) = self.load(&stream.category, &[stream.id]).await?.pop() else { return Ok(None) };
        if stored.own.fold_version != fold_version {
            return Ok(None);
        }
        Ok(Some(read(&stored.own)?))
    }

    /// Connections for what may ask for much.
    pub(crate) fn finding(&self) -> &SidePool {
        &self.0.finding
    }

    pub fn kinds(&self) -> &'static [&'static Kind] {
        self.0.kinds
    }

    async fn load(&self, kind: &str, ids: &[EntityId]) -> Result<Vec<Arc<Loaded>>, ReadError> {
        let loader =
            self.0.loaders.get(kind).ok_or_else(|| ReadError::broken(format!("no documents of kind {kind}")))?;
        if ids.is_empty() {
            return Ok(vec![]);
        }
        loader.load(ids.iter().map(|id| id.0).collect()).await
    }
}

/// A condition as it holds of what somebody sees: across links only as far as they see what is there, and with what is
/// private missing.
fn as_seen(kind: &'static Kind, condition: Condition, viewer: &Context) -> Condition {
    // Of the other side: that one may look at it, at the field that leads from there, and what is asked of it.
    let across = |link: &Link, leading: Option<&str>, inner: Condition| {
        let Some(kind) = kinds::find(link.kind) else { return Box::new(Condition::NEVER) };
        let listed = kind.listed(false, viewer).unwrap_or(Condition::NEVER);
        let led = leading.map_or(Condition::ALWAYS, |field| kind.shows(field, viewer));
        Box::new(Condition::all([listed, led, as_seen(kind, inner, viewer)]))
    };
    let each =
        |several: Vec<Condition>| several.into_iter().map(|condition| as_seen(kind, condition, viewer)).collect();
    match condition {
        Condition::All(several) => Condition::All(each(several)),
        Condition::Any(several) => Condition::Any(each(several)),
        Condition::Not(inner) => Condition::Not(Box::new(as_seen(kind, *inner, viewer))),
        Condition::Linked(link, inner) => {
            where_shown(kind.shows(link.field, viewer), Condition::Linked(link, across(&link, None, *inner)), false)
        }
        Condition::Back(link, inner) => Condition::Back(link, across(&link, Some(link.field), *inner)),
        Condition::Compare(one, _, other) => {
            let both = Condition::all([kind.shows(one, viewer), kind.shows(other, viewer)]);
            where_shown(both, condition, false)
        }
        Condition::Is(field, ref values) => {
            let missing_meets = values.contains(&Value::Null);
            where_shown(kind.shows(field, viewer), condition, missing_meets)
        }
        Condition::Contains(field, _) | Condition::Like(field, _) | Condition::Between(field, ..) => {
            where_shown(kind.shows(field, viewer), condition, false)
        }
        Condition::IdIn(_) | Condition::ParentLives => condition,
    }
}

/// A condition on a field that is shown where `shown` holds, and else meets it or not as a missing value does.
fn where_shown(shown: Condition, condition: Condition, missing_meets: bool) -> Condition {
    if shown == Condition::ALWAYS {
        return condition;
    }
    let hidden = Condition::Not(Box::new(shown.clone()));
    let seen = Condition::all([shown, condition]);
    if missing_meets { Condition::any([hidden, seen]) } else { seen }
}

pub(crate) fn read<S: DeserializeOwned>(stored: &Stored) -> Result<Document<S>, ReadError> {
    let state = serde_json::from_str(&stored.state).map_err(ReadError::broken)?;
    let Stored { id, revision, position, stamps, .. } = *stored;
    Ok(Document { id: EntityId(id), revision, position, stamps, state })
}

#[cfg(test)]
mod tests {
    use caravan_domain::condition::Pattern;
    use caravan_domain::identity::{Role, Roles};
    use caravan_domain::platform::settings::SETTINGS;
    use caravan_domain::{Actor, EntityId};
    use chrono::DateTime;
    use serde_json::json;

    use super::*;

    fn viewer(roles: Roles) -> Context {
        Context { actor: Actor::Person(EntityId(uuid::Uuid::nil())), roles, now: DateTime::UNIX_EPOCH }
    }

    #[test]
    fn what_is_private_is_missing_to_strangers_however_they_ask() {
        let kind: &'static Kind = &SETTINGS.kind;
        let stranger = viewer(Roles::NONE);
        let staff = viewer([Role::Admin].into_iter().collect());
        let host = || Condition::Is("smtp_host", vec![json!("mail.example.org")]);
        let ways = [
            host(),
            Condition::Like("smtp_host", Pattern::part("mail")),
            Condition::Between("smtp_host", Some(json!("a")), None),
            Condition::Contains("smtp_host", vec!["a".into()]),
            Condition::All(vec![host()]),
            Condition::Any(vec![host()]),
        ];
        for way in ways {
            let seen = as_seen(kind, way.clone(), &stranger);
            assert!(
                matches!(&seen, Condition::Any(none) if none.is_empty())
                    || seen == Condition::All(vec![Condition::NEVER])
                    || seen == Condition::Any(vec![Condition::NEVER]),
                "{seen:?}"
            );
            assert_eq!(as_seen(kind, way.clone(), &staff), way);
        }
        // Negated it holds of all, and whoever asks for a missing one finds each.
        let not = as_seen(kind, Condition::Not(Box::new(host())), &stranger);
        assert_eq!(not, Condition::Not(Box::new(Condition::NEVER)));
        let missing = as_seen(kind, Condition::Is("smtp_host", vec![Value::Null]), &stranger);
        assert!(matches!(missing, Condition::Not(never) if *never == Condition::NEVER));
        let public = Condition::Is("app_name", vec![json!("x")]);
        assert_eq!(as_seen(kind, public.clone(), &stranger), public);
    }

    #[test]
    fn across_a_link_nobody_sees_more() {
        let link = Link { field: "settings", kind: "settings" };
        let across = Condition::Linked(link, Box::new(Condition::Is("smtp_host", vec![json!("a")])));
        let stranger = viewer(Roles::NONE);
        let seen = as_seen(&SETTINGS.kind, across, &stranger);
        assert_eq!(seen, Condition::Linked(link, Box::new(Condition::NEVER)));
        let hidden = Link { field: "entry", kind: "audit_log" };
        let seen = as_seen(&SETTINGS.kind, Condition::Back(hidden, Box::new(Condition::ALWAYS)), &stranger);
        assert_eq!(seen, Condition::Back(hidden, Box::new(Condition::NEVER)));
    }
}
