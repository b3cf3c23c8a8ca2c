//! A plain resource: its list over 100,000 records, beside the statement that it comes to, and its change beside
//! assign-ticket.

use anyhow::{Context, Result};
use futures::future::try_join_all;
use serde_json::{Value, json};
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgPool, Postgres};

use crate::assign::{ASYNC, Client, clients_of, load};
use crate::http::{Connection, Request};
use crate::report::{Pair, Row};
use crate::times::{self, Asker, Times};
use crate::world::World;

const RECORDS: usize = 100_000;

/// Connections that make them.
const MAKERS: usize = 64;

const CLIENTS: usize = 16;

/// Of a page, and of what is looked for: in one name of a thousand.
const PAGE: i64 = 50;
const PART: &str = "77";

const PATH: &str = "/propertycatalog-api/v1/listingamenities";

/// What the list comes to.
const STATEMENT: &str = r#"
    select covered.as_of, counted.total, page.id, page.revision, page.position, page.fold_version, page.state::text,
           page.born, page.created_at, page.created_by, page.updated_at
    from (select coalesce((select position from checkpoints where name = 'postgres'), 0) as as_of) covered
    cross join lateral (select count(*) as total from (
        select from doc_amenity d where d.deleted_at is null and d."name_text" like $1 limit 100000) counted) counted
    left join lateral (select * from (
        select d.id, d.revision, d.position, d.fold_version, d.state, d.born, d.created_at, d.created_by, d.updated_at
        from doc_amenity d where d.deleted_at is null and d."name_text" like $1) found
        order by found.born, found.id limit $2 offset 0) page on true
    order by page.born, page.id"#;

pub async fn measure(world: &World, rounds: u32) -> Result<[Row; 3]> {
    let admin = world.bookings.first().context("there is somebody")?.leader.clone();
    world.server.program().run(&["account", "role", "bench0", "admin"]).await?;
    let ids = make(world, &admin.token).await?;
    let pool =
        PgPoolOptions::new().max_connections(CLIENTS as u32).connect(world.server.program().database_url()).await?;
    let (mut one, mut many, mut changes) = (vec![], vec![], vec![]);
    let mut changing = changers(world, &admin.token, &ids).await?;
    let mut assigning = clients_of(world, ASYNC).await?;
    for round in 1..=rounds {
        let (limit, ours) = (statements(&pool, 1).await?, lists(world, 1).await?);
        eprintln!(
            "list of amenities: round {round} of {rounds}: {:.2} ms, statement {:.2} ms",
            ours.median, limit.median
        );
        one.push(Pair { ours: ours.median, limit: limit.median });
        let (limit, ours) = (statements(&pool, CLIENTS).await?, lists(world, CLIENTS).await?);
        eprintln!("list of amenities, {CLIENTS} clients: {:.2} ms p99, statement {:.2} ms p99", ours.p99, limit.p99);
        many.push(Pair { ours: ours.p99, limit: limit.p99 });
        let (limit, ours) = (load(&mut assigning).await?, load(&mut changing).await?);
        eprintln!("change of a record: {ours:.0}/s, assign-ticket {limit:.0}/s");
        changes.push(Pair { ours, limit });
    }
    Ok([
        Row::time("list-listing-amenities of 100,000 over HTTP, 1 client, median", &one, Some(2.0)),
        Row::time("list-listing-amenities of 100,000 over HTTP, 16 clients, p99", &many, Some(2.0)),
        Row::rate("update-listing-amenity over HTTP, 64 clients, beside assign-ticket", "s", &changes, 0.8),
    ])
}

/// Makes the records, all through the API; the ids of as many as there are makers.
async fn make(world: &World, token: &str) -> Result<Vec<String>> {
    eprintln!("making {RECORDS} amenities");
    let makers = (0..MAKERS).map(|maker| {
        let (address, token) = (world.server.address(), token.to_owned());
        tokio::spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut first = None;
            for number in (maker..RECORDS).step_by(MAKERS) {
                let body = json!({"name": format!("Amenity number {number}")});
                let answer = connection.send(&Request::post(PATH, &token, ASYNC, &body)).await?.success()?.json()?;
                first.get_or_insert(answer["listingAmenity"]["id"].as_str().unwrap_or_default().to_owned());
            }
            first.context("each makes one")
        })
    });
    let ids = try_join_all(makers.collect::<Vec<_>>()).await?.into_iter().collect::<Result<Vec<_>>>()?;
    // Until the read models have them, and what is known of their values.
    let mut connection = Connection::open(world.server.address()).await?;
    let whole = Request::get(&format!("{PATH}?pageRowCount=1"), "");
    loop {
        let answer: Value = connection.send(&whole).await?.success()?.json()?;
        if answer["paging"]["totalRowCount"] == RECORDS {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let pool = PgPool::connect(world.server.program().database_url()).await?;
    sqlx::query("analyze doc_amenity_v1").execute(&pool).await?;
    Ok(ids)
}

/// Lists over HTTP for one slice.
async fn lists(world: &World, count: usize) -> Result<Times> {
    let request = Request::get(&format!("{PATH}?name={PART}&pageRowCount={PAGE}"), "");
    times::of(times::clients(count, world.server.address(), &request).await?).await
}

/// The same of the statement, each client on a connection of its own.
async fn statements(pool: &PgPool, clients: usize) -> Result<Times> {
    let clients = (0..clients).map(async |_| anyhow::Ok(Statement(pool.acquire().await?)));
    times::of(try_join_all(clients).await?).await
}

struct Statement(PoolConnection<Postgres>);

impl Asker for Statement {
    async fn ask(&mut self) -> Result<()> {
        let statement = sqlx::query(STATEMENT).bind(format!("%{PART}%")).bind(PAGE + 1);
        statement.fetch_all(&mut *self.0).await?;
        Ok(())
    }
}

/// Clients that each change a record of their own to and fro.
async fn changers(world: &World, token: &str, ids: &[String]) -> Result<Vec<Client>> {
    let clients = ids.iter().map(|id| async move {
        let requests = ["a", "b"].map(|icon| {
            let body = json!({"iconUrl": format!("https://cdn.example.com/{icon}.svg")});
            Request::patch(&format!("{PATH}/{id}"), token, ASYNC, &body)
        });
        anyhow::Ok(Client { connection: Connection::open(world.server.address()).await?, requests })
    });
    try_join_all(clients).await
}
