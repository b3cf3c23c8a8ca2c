//! Pictures by how they are voted on.

use std::collections::HashMap;

use caravan_domain::EntityId;
use caravan_domain::catalogue::picture::{Motif, PICTURE, Picture};
use sqlx::{AssertSqlSafe, QueryBuilder};
use uuid::Uuid;

use crate::{ReadError, ReadModels, schema};

/// A picture among others of the same.
#[derive(Debug, Clone, PartialEq)]
pub struct RankedPicture {
    pub id: EntityId,
    pub picture: Picture,
    /// Votes for it without those against it.
    pub rank: i64,
}

/// Pictures with their ranks, before `where`.
fn ranked() -> String {
    format!("from {} p left join tally_picture t on t.picture = p.id", schema::view(&PICTURE.kind))
}

fn column(field: &str) -> String {
    PICTURE.kind.field(field).map(schema::column).unwrap_or_default()
}

impl ReadModels {
    /// The pictures of one motif: those of the highest rank first, of one rank the oldest.
    pub async fn pictures(&self, of: &Motif, count: usize) -> Result<Vec<RankedPicture>, ReadError> {
        let mut sql =
            QueryBuilder::new(format!("select p.id, coalesce(t.rank, 0) {} where p.deleted_at is null", ranked()));
        match of {
            Motif::Thing(thing) => sql.push(format!(" and p.{} = ", column("thing"))).push_bind(thing.0),
            Motif::BuiltIn(name) => sql.push(format!(" and p.{} = ", column("built_in"))).push_bind(name),
        };
        sql.push(" order by 2 desc, p.born, p.id limit ").push_bind(i64::try_from(count).unwrap_or(i64::MAX));
        let mut connection = self.finding().acquire().await?;
        let ranked: Vec<(Uuid, i64)> = sql.build_query_as().fetch_all(&mut *connection).await?;
        drop(connection);
        let ids: Vec<EntityId> = ranked.iter().map(|(id, _)| EntityId(*id)).collect();
        let ranks: HashMap<EntityId, i64> = ranked.into_iter().map(|(id, rank)| (EntityId(id), rank)).collect();
        let pictures = self.records::<Picture>(&PICTURE, &ids).await?;
        let ranked = pictures.into_iter().map(|found| RankedPicture {
            id: found.id,
            picture: found.state,
            rank: ranks.get(&found.id).copied().unwrap_or_default(),
        });
        Ok(ranked.collect())
    }

    /// Of each of these things the picture that comes first, if it has any.
    pub async fn first_pictures(&self, things: &[EntityId]) -> Result<HashMap<EntityId, EntityId>, ReadError> {
        if things.is_empty() {
            return Ok(HashMap::new());
        }
        let (thing, ranked) = (column("thing"), ranked());
        let sql = format!(
            "select distinct on (p.{thing}) p.{thing}, p.id {ranked}
             where p.deleted_at is null and p.{thing} = any($1)
             order by p.{thing}, coalesce(t.rank, 0) desc, p.born, p.id"
        );
        let mut connection = self.finding().acquire().await?;
        let things: Vec<Uuid> = things.iter().map(|thing| thing.0).collect();
        let first: Vec<(Uuid, Uuid)> =
            sqlx::query_as(AssertSqlSafe(sql)).bind(things).fetch_all(&mut *connection).await?;
        Ok(first.into_iter().map(|(thing, picture)| (EntityId(thing), EntityId(picture))).collect())
    }
}
