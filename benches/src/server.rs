//! `caravan serve` on the cluster that is measured.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use crate::cluster::{Cluster, target};
use crate::http::{Connection, Request};

/// The built program with a data directory and database of its own.
pub struct Program {
    path: PathBuf,
    data: PathBuf,
    database_url: String,
    address: SocketAddr,
    /// Further settings of it.
    variables: Vec<(String, String)>,
}

impl Program {
    /// On an empty database of that name, and an empty data directory.
    pub async fn fresh(cluster: &Cluster, name: &str) -> Result<Program> {
        let path = target()?.join("release/caravan");
        if !path.exists() {
            bail!("{} is missing: run `make build`", path.display());
        }
        cluster.fresh_database(&format!("{name}_keys")).await?;
        let database_url = cluster.fresh_database(name).await?;
        let data = cluster.dir().join(name);
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        std::fs::create_dir_all(&data)?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        Ok(Program { path, data, database_url, address, variables: vec![] })
    }

    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// Runs an operator's command.
    pub async fn run(&self, arguments: &[&str]) -> Result<()> {
        let output = self.command().args(arguments).output().await?;
        if !output.status.success() {
            bail!("caravan {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    fn serve(&self) -> Result<Child> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log())?;
        Ok(self.command().arg("serve").stdout(log.try_clone()?).stderr(log).spawn()?)
    }

    fn log(&self) -> PathBuf {
        self.data.join("serve.log")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command
            .env("CARAVAN_LISTEN", self.address.to_string())
            .env("CARAVAN_DATA_DIR", &self.data)
            .env("CARAVAN_DATABASE_URL", &self.database_url)
            .env("CARAVAN_DEMO", "no")
            .env("CARAVAN_LIMITS", "off")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }
}

pub struct Server {
    program: Program,
    child: Child,
}

impl Server {
    /// A server on an empty database and data directory, ready.
    pub async fn start(cluster: &Cluster) -> Result<Server> {
        let program = Program::fresh(cluster, "bench_serve").await?;
        let child = program.serve()?;
        let mut server = Server { program, child };
        server.until_ready().await?;
        Ok(server)
    }

    /// Stops it with SIGTERM and starts it again.
    pub async fn restart(&mut self) -> Result<()> {
        kill(Pid::from_raw(self.pid()?.try_into()?), Signal::SIGTERM)?;
        self.child.wait().await?;
        self.child = self.program.serve()?;
        self.until_ready().await
    }

    /// Likewise, with further settings from then on.
    pub async fn restart_with(&mut self, variables: &[(&str, &str)]) -> Result<()> {
        self.program.variables.extend(variables.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        self.restart().await
    }

    pub fn program(&self) -> &Program {
        &self.program
    }

    pub fn address(&self) -> SocketAddr {
        self.program.address
    }

    pub fn outbox(&self) -> PathBuf {
        self.program.data.join("outbox")
    }

    pub fn pid(&self) -> Result<u32> {
        self.child.id().context("the server has ended")
    }

    async fn until_ready(&mut self) -> Result<()> {
        let started = Instant::now();
        let request = Request::get("/health/ready", "");
        loop {
            if let Ok(mut connection) = Connection::open(self.address()).await
                && let Ok(answer) = connection.send(&request).await
                && answer.status == 200
            {
                return Ok(());
            }
            let log = || std::fs::read_to_string(self.program.log()).unwrap_or_default();
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}:\n{}", log());
            }
            if started.elapsed() > Duration::from_secs(60) {
                bail!("the server is not ready after 60 s:\n{}", log());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
