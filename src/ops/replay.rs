//! `caravan replay`: the history for analysts, one JSON object a line.

use std::io::{self, BufWriter, Write};

use anyhow::{Result, bail};
use caravan_domain::kinds::KINDS;
use caravan_event_store::{Direction, Filter, Position, Recorded, StreamId, codec};
use clap::Args;
use serde_json::{Value, json};

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
        let mut categories = KINDS.iter().map(|kind| kind.name);
        if let Some(unknown) =
            self.category.as_ref().filter(|name| categories.all(|category| category != name.as_str()))
        {
            let known = KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
            bail!("there is no category {unknown}: there are {known}");
        }
        let mut out = BufWriter::new(io::stdout().lock());
        match self.print(node, &mut out).await.and_then(|printed| Ok(out.flush().map(|()| printed)?)) {
            Ok(0) => eprintln!("no events"),
            Ok(_) => {}
            // `caravan replay | head` is not an error.
            Err(error) if error.downcast_ref().is_some_and(is_broken_pipe) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Prints the events; gives their number.
    async fn print(&self, node: &Node, out: &mut impl Write) -> Result<usize> {
        let mut printed = 0;
        if let Some(stream) = &self.stream {
            let mut from = 0;
            loop {
                let page = node.store.read_stream(stream, from, Direction::Forwards, PAGE).await?;
                let Some(last) = page.last() else { return Ok(printed) };
                from = last.revision + 1;
                printed += page.len();
                page.iter().try_for_each(|event| line(event, out))?;
            }
        }
        let filter = Filter { categories: self.category.iter().cloned().collect(), ..Filter::default() };
        let mut from = self.from;
        loop {
            let page = node.store.read_all(from, Direction::Forwards, &filter, PAGE).await?;
            page.events.iter().try_for_each(|event| line(event, out))?;
            from = page.next;
            printed += page.events.len();
            if page.end {
                return Ok(printed);
            }
        }
    }
}

fn line(event: &Recorded, out: &mut impl Write) -> Result<()> {
    let (event_type, data) = codec::current(event)?;
    let line = json!({
        "position": event.position,
        "stream": event.stream.to_string(),
        "revision": event.revision,
        "id": event.id,
        "type": event_type,
        "time": event.time,
        "data": serde_json::from_str::<Value>(&data)?,
        "metadata": event.metadata()?,
    });
    serde_json::to_writer(&mut *out, &line).map_err(io::Error::from)?;
    Ok(out.write_all(b"\n")?)
}

fn is_broken_pipe(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}
