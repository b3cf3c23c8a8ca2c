//! `caravan replay`: the history for analysts, one JSON object a line.

use std::io::{self, BufWriter, Write};

use anyhow::Result;
use caravan_event_store::{Direction, Filter, Position, Recorded, StreamId, codec};
use clap::Args;
use serde_json::json;

use crate::node::Node;

/// Which events; all of them unless narrowed down.
#[derive(Args)]
pub struct Replay {
    /// Events of one stream, named by category, a dash and its id
    #[arg(long, conflicts_with_all = ["category", "from"])]
    stream: Option<StreamId>,
    /// Events of streams of one category, such as trip_booking
    #[arg(long)]
    category: Option<String>,
    /// Events after this position only
    #[arg(long, default_value_t = 0)]
    from: Position,
}

const PAGE: usize = 1_000;

impl Replay {
    pub async fn run(self, node: &Node) -> Result<()> {
        let mut out = BufWriter::new(io::stdout().lock());
        match self.print(node, &mut out).await.and_then(|()| Ok(out.flush()?)) {
            // `caravan replay | head` is not an error.
            Err(error) if error.downcast_ref().is_some_and(is_broken_pipe) => Ok(()),
            outcome => outcome,
        }
    }

    async fn print(&self, node: &Node, out: &mut impl Write) -> Result<()> {
        if let Some(stream) = &self.stream {
            let mut from = 0;
            loop {
                let page = node.store.read_stream(stream, from, Direction::Forwards, PAGE).await?;
                let Some(last) = page.last() else { return Ok(()) };
                from = last.revision + 1;
                page.iter().try_for_each(|event| line(event, out))?;
            }
        }
        let filter = Filter { categories: self.category.iter().cloned().collect(), ..Filter::default() };
        let mut from = self.from;
        loop {
            let page = node.store.read_all(from, Direction::Forwards, &filter, PAGE).await?;
            page.events.iter().try_for_each(|event| line(event, out))?;
            from = page.next;
            if page.end {
                return Ok(());
            }
        }
    }
}

fn line(event: &Recorded, out: &mut impl Write) -> Result<()> {
    let (event_type, data) = codec::current(event);
    let line = json!({
        "position": event.position,
        "stream": event.stream.to_string(),
        "revision": event.revision,
        "id": event.id,
        "type": event_type,
        "time": event.time,
        "data": data,
        "metadata": event.metadata,
    });
    serde_json::to_writer(&mut *out, &line).map_err(io::Error::from)?;
    Ok(out.write_all(b"\n")?)
}

fn is_broken_pipe(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}
