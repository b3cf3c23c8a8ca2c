//! Stops the Postgres that tests left running for one another.

#[tokio::main]
async fn main() -> Result<(), caravan_private_postgres::Error> {
    caravan_private_postgres::testing::stop().await
}
