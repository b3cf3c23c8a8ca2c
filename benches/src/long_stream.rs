//! A command on a stream of 10,000 events against one of 10: the cache and the snapshots must make them alike.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::assign::ASYNC;
use crate::http::{Connection, Request};
use crate::report::{Pair, Row, percentile};
use crate::world::{Booking, World};

const LONG: i64 = 10_000;

/// Short streams, so that each stays short though every command adds an event.
const SHORT_STREAMS: usize = 32;

/// Measured commands on each short stream in a round, after one that warms it.
const COMMANDS: usize = 4;

/// Restarts in a round, since each gives one cold command on the long stream, and single ones tell little.
const RESTARTS: usize = 16;

pub async fn measure(world: &mut World, rounds: u32) -> Result<[Row; 2]> {
    let mut connection = Connection::open(world.server.address()).await?;
    let leader = world.bookings.first().context("there is a booking")?.leader.clone();
    let member = world.bookings.get(1).context("there is another booking")?.leader.clone();
    let mut long = Alternating::new(&world.book(&mut connection, &leader, &member).await?);
    eprintln!("a command on a long stream: appending {LONG} events");
    while long.send(&mut connection).await?.1 < LONG {}

    let mut warm = vec![];
    for round in 1..=rounds {
        let mut short = vec![];
        for _ in 0..SHORT_STREAMS {
            short.push(Alternating::new(&world.book(&mut connection, &leader, &member).await?));
        }
        let (mut of_long, mut of_short) = (vec![], vec![]);
        long.send(&mut connection).await?;
        for stream in &mut short {
            stream.send(&mut connection).await?;
            for _ in 0..COMMANDS {
                of_short.push(stream.send(&mut connection).await?.0);
                of_long.push(long.send(&mut connection).await?.0);
            }
        }
        let pair = Pair { ours: percentile(&mut of_long, 0.5), limit: percentile(&mut of_short, 0.5) };
        eprintln!("long stream, warm: round {round} of {rounds}: {:.2} ms, short {:.2} ms", pair.ours, pair.limit);
        warm.push(pair);
    }

    let mut cold = vec![];
    for round in 1..=rounds {
        let (mut of_long, mut of_short) = (vec![], vec![]);
        for _ in 0..RESTARTS {
            let mut short = Alternating::new(&world.book(&mut connection, &leader, &member).await?);
            world.server.restart().await?;
            connection = Connection::open(world.server.address()).await?;
            // Another stream's command first, so that no connection is opened on the way of those measured.
            let bookings = world.bookings.first().context("there is a booking")?;
            Alternating::new(bookings).send(&mut connection).await?;
            of_short.push(short.send(&mut connection).await?.0);
            of_long.push(long.send(&mut connection).await?.0);
        }
        let pair = Pair { ours: percentile(&mut of_long, 0.5), limit: percentile(&mut of_short, 0.5) };
        eprintln!("long stream, cold: round {round} of {rounds}: {:.2} ms, short {:.2} ms", pair.ours, pair.limit);
        cold.push(pair);
    }
    Ok([
        Row::time("command on a stream of 10,000 events against 10, warm", &warm, Some(1.5)),
        Row::time("command on a stream of 10,000 events against 10, cold", &cold, None),
    ])
}

/// A ticket that goes back and forth between two members.
struct Alternating {
    /// The next, and the one after.
    requests: [Request; 2],
}

impl Alternating {
    fn new(booking: &Booking) -> Self {
        Alternating { requests: booking.assignments(ASYNC) }
    }

    /// One command; its time in ms and the revision that the stream then has.
    async fn send(&mut self, connection: &mut Connection) -> Result<(f64, i64)> {
        let started = Instant::now();
        let answer = connection.send(&self.requests[0]).await?;
        let elapsed = started.elapsed().as_secs_f64() * 1_000.0;
        self.requests.reverse();
        let answer = answer.success()?;
        let etag = answer.header("etag").context("no ETag")?;
        let revision = etag.trim_start_matches("W/").trim_matches('"').parse()?;
        Ok((elapsed, revision))
    }
}
