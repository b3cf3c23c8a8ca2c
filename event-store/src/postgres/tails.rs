//! Reading stream tails for everybody in this process: what has queued meanwhile is read in one statement.

use std::sync::Arc;

use caravan_postgres::{SidePool, is_transient};
use sqlx::pool::PoolConnection;
use sqlx::{Error, PgPool};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::read;
use crate::event::{Recorded, Revision, StreamId};
use crate::port::StoreError;

/// Statements at once. More would make each of them smaller, and a long tail should not hold up all others.
const STATEMENTS: u32 = 2;

/// The most requests in one statement.
const MAX_REQUESTS: usize = 256;

pub(super) struct Queued {
    pub tails: Vec<(StreamId, Revision)>,
    pub answer: oneshot::Sender<Result<Vec<Vec<Recorded>>, StoreError>>,
}

/// Reads until the store is gone, on connections of its own.
pub(super) async fn run(main: PgPool, mut queue: mpsc::Receiver<Queued>) {
    let pool = SidePool::keyed(&main, STATEMENTS);
    let statements = Arc::new(Semaphore::new(STATEMENTS as usize));
    let mut batch = Vec::with_capacity(MAX_REQUESTS);
    loop {
        let Ok(permit) = statements.clone().acquire_owned().await else { return };
        if queue.recv_many(&mut batch, MAX_REQUESTS).await == 0 {
            return;
        }
        let (pool, batch) = (pool.clone(), std::mem::take(&mut batch));
        tokio::spawn(async move {
            answer(&pool, batch).await;
            drop(permit);
        });
    }
}

async fn answer(pool: &SidePool, batch: Vec<Queued>) {
    let tails: Vec<&(StreamId, Revision)> = batch.iter().flat_map(|queued| &queued.tails).collect();
    match read_in_time(pool, &tails).await {
        Ok(read) => {
            let mut read = read.into_iter();
            for queued in batch {
                let answer = read.by_ref().take(queued.tails.len()).collect();
                let _ = queued.answer.send(Ok(answer));
            }
        }
        Err(error) => {
            let transient = is_transient(&error);
            let error = Arc::new(error);
            for queued in batch {
                let source = Box::new(error.clone());
                let answer = if transient { StoreError::Unavailable(source) } else { StoreError::Refused(source) };
                let _ = queued.answer.send(Err(answer));
            }
        }
    }
}

async fn read_in_time(pool: &SidePool, tails: &[&(StreamId, Revision)]) -> Result<Vec<Vec<Recorded>>, Error> {
    let mut connection = pool.acquire().await?;
    let read = SidePool::in_time(read::tails(&mut connection, tails)).await;
    if matches!(read, Err(Error::Io(_))) {
        drop(PoolConnection::detach(connection));
    }
    read
}
