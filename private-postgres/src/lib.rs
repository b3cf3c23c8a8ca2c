//! A Postgres of our own in a directory: made on first use, adopted when it runs already, stopped by its last user.
//! `serve` keeps its data in one; tests run against one. Uses the system's Postgres binaries.

use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::unistd::{Gid, Uid, User as SystemUser, chown};
use tokio::process::Command;

mod dump;
mod process;
#[cfg(feature = "testing")]
pub mod testing;
mod users;
mod wal;

use process::{PidFile, Process};
use users::User;

const SUPERUSER: &str = "caravan";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no Postgres server programs found in PATH or /usr/lib/postgresql/*/bin: install the package postgresql")]
    NotInstalled,
    #[error(
        "the data was made by Postgres {made}, and what is installed is {installed}: install Postgres {made} beside it, or \
         move the data over with pg_dumpall of {made}"
    )]
    OtherMajor { made: String, installed: String },
    #[error("started as root, but there is no user postgres or nobody to run Postgres as")]
    NoUser,
    #[error("{program} failed: {output}")]
    Program { program: String, output: String },
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("the server was started with wal_recycle = on: it has to be started again")]
    WalRecycled,
    /// Of so many files.
    #[error("{0} older files of the write-ahead log are kept by a replication slot, an archiver or wal_keep_size")]
    WalKept(i64),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
}

impl Error {
    /// Whether the server is there, but takes no connections yet: it recovers from a crash, or it stops.
    fn is_not_yet(&self) -> bool {
        const CANNOT_CONNECT_NOW: &str = "57P03";
        matches!(self, Error::Sql(sqlx::Error::Database(error)) if error.code().as_deref() == Some(CANNOT_CONNECT_NOW))
    }
}

/// How long a start that fails is tried again: processes of a server that died may still be leaving.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often a start that fails, or a port that is taken, is tried again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// How long a server may take to recover from a crash: it reads all that was written since the last checkpoint.
const RECOVERY: Duration = Duration::from_secs(600);

/// A running Postgres cluster. Whoever has one and is done with it closes it; dropped, it leaves the server running.
#[derive(Debug, Clone)]
pub struct PrivatePostgres {
    bin: PathBuf,
    dir: PathBuf,
    port: u16,
    password: String,
    run_as: Option<(Uid, Gid)>,
    /// As options of the server.
    settings: String,
    user: User,
}

impl PrivatePostgres {
    /// The cluster in `dir`: made when there is none, adopted when it runs, else started with `settings`. Ready when
    /// this returns.
    pub async fn start(dir: &Path, settings: &[(&str, &str)]) -> Result<Self, Error> {
        let run_as = unprivileged()?;
        fs::create_dir_all(dir).map_err(|source| Error::File { path: dir.into(), source })?;
        let turn = users::turn(dir).await?;
        let user = User::enter(dir, &turn)?;
        let dir = place(dir, run_as).await?;
        let bin = find_binaries(&dir.join("data"))?;
        let settings = settings.iter().map(|(name, value)| format!(" -c {name}={value}")).collect();
        let mut cluster = PrivatePostgres { bin, dir, port: 0, password: String::new(), run_as, settings, user };
        match cluster.open().await {
            Ok(()) => Ok(cluster),
            Err(error) => {
                // Why it could not be opened tells more than why it could not be left.
                let _ = cluster.leave(&turn).await;
                Err(error)
            }
        }
    }

    async fn open(&mut self) -> Result<(), Error> {
        if !self.data().join("PG_VERSION").exists() {
            self.create().await?;
        }
        self.password = fs::read_to_string(self.dir.join("password"))?;
        self.port = self.choose_port().await?;
        self.port = self.run_server().await?;
        fs::write(self.dir.join(PORT), self.port.to_string())?;
        Ok(())
    }

    /// Starts the server again, on the same port, if it has died; says whether it had.
    pub async fn revive(&self) -> Result<bool, Error> {
        if self.is_running().await {
            return Ok(false);
        }
        let _turn = self.user.turn().await?;
        if self.is_running().await {
            return Ok(false);
        }
        self.run_server().await?;
        Ok(true)
    }

    /// Leaves the cluster. Its last user stops it.
    pub async fn close(self) -> Result<(), Error> {
        let turn = self.user.turn().await?;
        self.leave(&turn).await
    }

    async fn leave(&self, turn: &fs::File) -> Result<(), Error> {
        if self.user.leave(turn)? && self.is_running().await { self.stop().await } else { Ok(()) }
    }

    /// Starts the server unless it runs, and waits until it takes connections; gives its port.
    async fn run_server(&self) -> Result<u16, Error> {
        let begun = Instant::now();
        loop {
            match self.try_to_run().await {
                Ok(port) => return Ok(port),
                Err(error) => {
                    let limit = if error.is_not_yet() { RECOVERY } else { PATIENCE };
                    if begun.elapsed() > limit {
                        return Err(error);
                    }
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
            }
        }
    }

    async fn try_to_run(&self) -> Result<u16, Error> {
        use sqlx::Connection;
        if !self.is_running().await {
            self.pid_file().disown()?;
            self.launch().await?;
        }
        let port = self.pid_file().port().ok_or_else(|| io::Error::other("postmaster.pid names no port"))?;
        sqlx::PgConnection::connect(&self.url_at(port, "postgres")).await?.close().await?;
        Ok(port)
    }

    async fn is_running(&self) -> bool {
        if Path::new("/proc/self/stat").exists() {
            return self.pid_file().process() == Process::Server;
        }
        self.run("pg_ctl", &["status", "-D", &self.data_arg()]).await.is_ok()
    }

    async fn launch(&self) -> Result<(), Error> {
        let (port, settings) = (self.port, &self.settings);
        // A recycled file of the write-ahead log would keep what was deleted: see `discard_wal`.
        let options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c wal_recycle=off{settings}"
        );
        let log = self.dir.join("postgres.log");
        // pg_ctl's own limit of 60 s is too short for a large log.
        let (data, limit, log) = (self.data_arg(), RECOVERY.as_secs().to_string(), log.to_string_lossy());
        let arguments = ["start", "-w", "-t", &limit, "-D", &data, "-l", &log, "-o", &options];
        self.run("pg_ctl", &arguments).await.map_err(|error| match error {
            Error::Program { program, output } => {
                Error::Program { program, output: format!("{} Its log: {log}", output.trim_end()) }
            }
            error => error,
        })
    }

    /// The port for the server to start on: the one that it had, which its users go on to connect to. Another only
    /// where somebody else keeps that one: the processes of a server that died let go of it in a moment.
    async fn choose_port(&self) -> Result<u16, Error> {
        let last = fs::read_to_string(self.dir.join(PORT)).ok().and_then(|port| port.trim().parse().ok());
        let Some(last) = last else { return Ok(free_port()?) };
        let begun = Instant::now();
        loop {
            if self.is_running().await || TcpListener::bind(("127.0.0.1", last)).is_ok() {
                return Ok(last);
            }
            if begun.elapsed() > PATIENCE {
                return Ok(free_port()?);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The URL of a database in it, made if it does not exist.
    pub async fn database(&self, name: &str) -> Result<String, Error> {
        use sqlx::Connection;
        let mut connection = sqlx::PgConnection::connect(&self.url("postgres")).await?;
        make_database(&mut connection, name).await?;
        connection.close().await?;
        Ok(self.url(name))
    }

    pub fn url(&self, database: &str) -> String {
        self.url_at(self.port, database)
    }

    fn url_at(&self, port: u16, database: &str) -> String {
        format!("postgres://{SUPERUSER}:{}@127.0.0.1:{port}/{database}", self.password)
    }

    /// Stops the cluster whoever uses it, disconnecting them.
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

    fn pid_file(&self) -> PidFile {
        PidFile::of(&self.data())
    }

    async fn run(&self, program: &str, arguments: &[&str]) -> Result<(), Error> {
        let mut command = Command::new(self.bin.join(program));
        command.args(arguments).current_dir("/").stdin(Stdio::null());
        // A group of its own: Ctrl-C is for us, who end in order, and not for a program half-way through its work.
        command.process_group(0);
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

/// Where the programs are: those of the version that made `data`, if there is one, else the newest.
fn find_binaries(data: &Path) -> Result<PathBuf, Error> {
    let mut places: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let mut versions: Vec<PathBuf> =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    versions.sort_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
    places.splice(0..0, versions.into_iter().rev().map(|path| path.join("bin")));
    places.retain(|dir| dir.join("initdb").exists() && dir.join("pg_ctl").exists());
    let newest = places.first().ok_or(Error::NotInstalled)?;
    let Ok(made) = fs::read_to_string(data.join("PG_VERSION")) else { return Ok(newest.clone()) };
    let made = made.trim().to_owned();
    let found = places.iter().find(|bin| major(bin).as_ref() == Some(&made));
    let other = || Error::OtherMajor { made: made.clone(), installed: major(newest).unwrap_or_default() };
    found.cloned().ok_or_else(other)
}

/// The major version of the programs in a directory, from `postgres (PostgreSQL) 15.18`.
fn major(bin: &Path) -> Option<String> {
    let output = std::process::Command::new(bin.join("postgres")).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.split_whitespace().nth(2)?.split('.').next()?.to_owned())
}

/// Postgres refuses to run as root: then it runs as `postgres`, or else `nobody`.
fn unprivileged() -> Result<Option<(Uid, Gid)>, Error> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| SystemUser::from_name(name).ok().flatten())
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

/// Makes a database of a server if it does not exist. Two may do so at once: making it twice fails for one of them,
/// which is as good.
pub async fn make_database(connection: &mut sqlx::PgConnection, name: &str) -> Result<(), sqlx::Error> {
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(name)
        .fetch_one(&mut *connection)
        .await?;
    if exists {
        return Ok(());
    }
    let create = format!("create database \"{}\"", name.replace('"', "\"\""));
    match sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(connection).await {
        Err(error) if !is_duplicate(&error) => Err(error),
        _ => Ok(()),
    }
}

/// In the cluster's directory: the port that it had last.
const PORT: &str = "port";

/// Whether somebody else has made the database in the same moment.
fn is_duplicate(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| matches!(error.code().as_deref(), Some("42P04" | "23505")))
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
