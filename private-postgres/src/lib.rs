//! A Postgres of our own in a directory: made on first use, adopted when it runs already, stopped when told to.
//! `serve` keeps its data in one; tests run against one. Uses the system's Postgres binaries.

use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::unistd::{Gid, Uid, User, chown};
use tokio::process::Command;

pub mod testing;

const SUPERUSER: &str = "caravan";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no Postgres server programs found in PATH or /usr/lib/postgresql/*/bin: install the package postgresql")]
    NotInstalled,
    #[error("started as root, but there is no user postgres or nobody to run Postgres as")]
    NoUser,
    #[error("{program} failed: {output}")]
    Program { program: String, output: String },
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
}

/// A running Postgres cluster.
#[derive(Debug, Clone)]
pub struct PrivatePostgres {
    bin: PathBuf,
    dir: PathBuf,
    port: u16,
    password: String,
    run_as: Option<(Uid, Gid)>,
    adopted: bool,
}

impl PrivatePostgres {
    /// The cluster in `dir`: made when there is none, adopted when it runs, else started with `settings`. Ready when
    /// this returns.
    pub async fn start(dir: &Path, settings: &[(&str, &str)]) -> Result<Self, Error> {
        let bin = find_binaries()?;
        let run_as = unprivileged()?;
        let dir = place(dir, run_as).await?;
        let mut cluster = PrivatePostgres { bin, dir, port: 0, password: String::new(), run_as, adopted: true };
        if !cluster.data().join("PG_VERSION").exists() {
            cluster.create().await?;
        }
        cluster.password = fs::read_to_string(cluster.dir.join("password"))?;
        if !cluster.is_running().await {
            cluster.adopted = false;
            cluster.launch(settings).await?;
        }
        cluster.port = cluster.running_port()?;
        Ok(cluster)
    }

    /// Whether it was running already when we came.
    pub fn adopted(&self) -> bool {
        self.adopted
    }

    /// Whether a cluster in `dir` runs at this moment.
    pub async fn runs_in(dir: &Path) -> bool {
        let dir = moved_to(dir).unwrap_or_else(|| dir.to_owned());
        server_pid(&dir.join("data")).is_some()
    }

    async fn is_running(&self) -> bool {
        let pid_file = self.data().join("postmaster.pid");
        if pid_file.exists() && server_pid(&self.data()).is_none() {
            // Left behind by a machine that went down: its number may belong to another program by now, which would
            // keep Postgres from starting.
            let _ = fs::remove_file(pid_file);
        }
        self.run("pg_ctl", &["status", "-D", &self.data_arg()]).await.is_ok()
    }

    async fn launch(&self, settings: &[(&str, &str)]) -> Result<(), Error> {
        let port = free_port()?;
        let mut options = format!("-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''");
        for (name, value) in settings {
            options.push_str(&format!(" -c {name}={value}"));
        }
        let log = self.dir.join("postgres.log");
        // Recovery after a crash takes as long as it takes; pg_ctl's own limit of 60 s is too short for a large log.
        let data = self.data_arg();
        let arguments = ["start", "-w", "-t", "600", "-D", &data, "-l", &log.to_string_lossy(), "-o", &options];
        self.run("pg_ctl", &arguments).await
    }

    /// The URL of a database in it, made if it does not exist.
    pub async fn database(&self, name: &str) -> Result<String, Error> {
        use sqlx::{AssertSqlSafe, Connection, Executor};
        let mut connection = sqlx::PgConnection::connect(&self.url("postgres")).await?;
        let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
            .bind(name)
            .fetch_one(&mut connection)
            .await?;
        if !exists {
            let create = format!("create database \"{}\"", name.replace('"', "\"\""));
            connection.execute(AssertSqlSafe(create)).await?;
        }
        connection.close().await?;
        Ok(self.url(name))
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://{SUPERUSER}:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// Stops the cluster, disconnecting whoever is connected.
    pub async fn stop(&self) -> Result<(), Error> {
        self.run("pg_ctl", &["stop", "-w", "-m", "fast", "-D", &self.data_arg()]).await
    }

    async fn create(&self) -> Result<(), Error> {
        let mut random = [0u8; 16];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let password: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let file = self.dir.join("password");
        let mut handle = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&file)?;
        handle.write_all(password.as_bytes())?;
        if let Some((uid, gid)) = self.run_as {
            chown(&file, Some(uid), Some(gid)).map_err(io::Error::from)?;
        }
        // Made beside and renamed, so that a half-made cluster is never taken for a whole one.
        let unfinished = self.dir.join("data.unfinished");
        let _ = fs::remove_dir_all(&unfinished);
        let (directory, pwfile) = (unfinished.to_string_lossy(), format!("--pwfile={}", file.display()));
        self.run(
            "initdb",
            &["-D", &directory, "-U", SUPERUSER, "-A", "scram-sha-256", &pwfile, "-E", "UTF8", "--locale=C.UTF-8"],
        )
        .await?;
        fs::rename(&unfinished, self.data())?;
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn data_arg(&self) -> String {
        self.data().to_string_lossy().into_owned()
    }

    /// Line 4 of `postmaster.pid` is the port.
    fn running_port(&self) -> Result<u16, Error> {
        let pid_file = fs::read_to_string(self.data().join("postmaster.pid"))?;
        let port = pid_file.lines().nth(3).and_then(|line| line.trim().parse().ok());
        port.ok_or_else(|| io::Error::other("postmaster.pid names no port").into())
    }

    async fn run(&self, program: &str, arguments: &[&str]) -> Result<(), Error> {
        let mut command = Command::new(self.bin.join(program));
        command.args(arguments).current_dir("/").stdin(Stdio::null());
        if let Some((uid, gid)) = self.run_as {
            command.uid(uid.as_raw()).gid(gid.as_raw());
        }
        // The server inherits our output handles, so waiting for their end would wait for the server: use a file.
        let output = tempfile_in(&self.dir)?;
        let status = command.stdout(output.1.try_clone()?).stderr(output.1).status().await?;
        let text = fs::read_to_string(&output.0).unwrap_or_default();
        let _ = fs::remove_file(&output.0);
        if status.success() { Ok(()) } else { Err(Error::Program { program: program.to_owned(), output: text }) }
    }
}

fn tempfile_in(dir: &Path) -> io::Result<(PathBuf, fs::File)> {
    let mut random = [0u8; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let path = dir.join(format!("output-{:016x}", u64::from_ne_bytes(random)));
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    Ok((path, file))
}

fn find_binaries() -> Result<PathBuf, Error> {
    let mut places: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let mut versions: Vec<PathBuf> =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    versions.sort_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
    places.splice(0..0, versions.into_iter().rev().map(|path| path.join("bin")));
    places.into_iter().find(|dir| dir.join("initdb").exists() && dir.join("pg_ctl").exists()).ok_or(Error::NotInstalled)
}

/// Postgres refuses to run as root: then it runs as `postgres`, or else `nobody`.
fn unprivileged() -> Result<Option<(Uid, Gid)>, Error> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| User::from_name(name).ok().flatten())
        .map(|user| Some((user.uid, user.gid)))
        .ok_or(Error::NoUser)
}

/// Where the cluster of `dir` lives: `dir` itself, unless the user that Postgres runs as cannot get there (a directory
/// below /root, say): then a directory of its own below /var/lib, noted in `dir`.
async fn place(dir: &Path, run_as: Option<(Uid, Gid)>) -> Result<PathBuf, Error> {
    let make = |dir: &Path| -> Result<PathBuf, Error> {
        let file = |source| Error::File { path: dir.into(), source };
        fs::create_dir_all(dir).map_err(file)?;
        let dir = dir.canonicalize().map_err(file)?;
        if let Some((uid, gid)) = run_as {
            chown(&dir, Some(uid), Some(gid)).map_err(|errno| file(errno.into()))?;
        }
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).map_err(file)?;
        Ok(dir)
    };
    if let Some(moved) = moved_to(dir) {
        return make(&moved);
    }
    let dir = make(dir)?;
    let Some((uid, gid)) = run_as else { return Ok(dir) };
    let mut list = Command::new("ls");
    list.arg(&dir).uid(uid.as_raw()).gid(gid.as_raw()).current_dir("/").stdout(Stdio::null()).stderr(Stdio::null());
    if list.status().await?.success() {
        return Ok(dir);
    }
    let mut random = [0u8; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let moved = make(&PathBuf::from(format!("/var/lib/caravan/{:016x}", u64::from_ne_bytes(random))))?;
    tracing::info!("Postgres cannot reach {}, its data is in {}", dir.display(), moved.display());
    fs::write(dir.join(MOVED), moved.to_string_lossy().as_bytes())?;
    Ok(moved)
}

/// In a data directory that Postgres cannot reach: the path of the one it uses instead.
const MOVED: &str = "moved-to";

fn moved_to(dir: &Path) -> Option<PathBuf> {
    fs::read_to_string(dir.join(MOVED)).ok().map(PathBuf::from)
}

/// The process number in `postmaster.pid`, if that process is a Postgres.
fn server_pid(data: &Path) -> Option<u32> {
    let pid: u32 = fs::read_to_string(data.join("postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    name.starts_with("postgres").then_some(pid)
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
