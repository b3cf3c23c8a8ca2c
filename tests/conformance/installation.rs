//! The installations that scenarios run against: started here, or given.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use caravan_private_postgres::testing;
use tempfile::TempDir;

use crate::run::Target;
use crate::support::server::reachable_directory;
use crate::support::{Server, Settings, elasticsearch};

/// Servers, stopped when dropped.
pub struct Installation {
    target: Target,
    _servers: Vec<Server>,
    _data: Option<TempDir>,
}

impl Installation {
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The running installation that `CARAVAN_CONFORMANCE_URL` names.
    pub fn given() -> Option<Installation> {
        let variable = |name: &str| std::env::var(format!("CARAVAN_CONFORMANCE_{name}")).ok();
        let write = variable("URL")?;
        let read = variable("READ_URL").unwrap_or_else(|| write.clone());
        let outbox = variable("OUTBOX").expect("CARAVAN_CONFORMANCE_OUTBOX is needed beside CARAVAN_CONFORMANCE_URL");
        let program = Arc::new(|arguments: &[&str]| {
            let mut command = Command::new(program());
            // What steers the test is no setting of the program, which refuses variables it does not know.
            for name in ["CONFORMANCE_URL", "CONFORMANCE_READ_URL", "CONFORMANCE_OUTBOX", "SCENARIO", "UPDATE_COVERAGE"]
            {
                command.env_remove(format!("CARAVAN_{name}"));
            }
            command.args(arguments).output().expect("the program can be started")
        });
        let target = Target { write, read, outbox: outbox.into(), program };
        Some(Installation { target, _servers: vec![], _data: None })
    }

    /// `caravan serve` on everything of its own.
    pub async fn serve() -> Installation {
        Installation::one(settings()).await
    }

    pub async fn serve_on_elasticsearch() -> Installation {
        let url = elasticsearch::empty().await;
        Installation::one(settings().with("CARAVAN_SEARCH", url)).await
    }

    /// Both APIs and the projector as processes of their own on one Postgres.
    pub async fn three_processes() -> Installation {
        let data = reachable_directory();
        let settings = settings().with("CARAVAN_DATABASE_URL", testing::database().await).with("CARAVAN_DEMO", "no");
        let write = Server::start_in(settings.clone().role("write-api"), data.path()).await;
        let read = Server::start_in(settings.clone().role("read-api"), data.path()).await;
        let project = Server::start_in(settings.role("project"), data.path()).await;
        fill(&write);
        let target = target(&write, &read);
        Installation { target, _servers: vec![write, read, project], _data: Some(data) }
    }

    async fn one(settings: Settings) -> Installation {
        let server = Server::start(settings.with("CARAVAN_DEMO", "no")).await;
        fill(&server);
        let target = target(&server, &server);
        Installation { target, _servers: vec![server], _data: None }
    }
}

/// What scenarios go by.
fn settings() -> Settings {
    Settings::new(program()).with("CARAVAN_MAIL_SENDERS", "trips@example.com")
}

fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_caravan").into()
}

fn target(write: &Server, read: &Server) -> Target {
    let runner = write.runner();
    Target {
        write: write.url(),
        read: read.url(),
        outbox: write.outbox(),
        program: Arc::new(move |arguments| runner.output(arguments)),
    }
}

/// Puts in what scenarios find there: events, and a file that goes with mails.
fn fill(server: &Server) {
    let events = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/events.ndjson");
    let (success, output) = server.run(&["import", "events", events]);
    assert!(success, "import: {output}");
    let trips = server.outbox().with_file_name("files").join("attachments/trips");
    std::fs::create_dir_all(&trips).expect("the data directory can be written");
    std::fs::write(trips.join("plan.pdf"), PLAN).expect("the data directory can be written");
}

const PLAN: &[u8] = include_bytes!("files/attachments/trips/plan.pdf");
