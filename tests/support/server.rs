//! Starts `caravan serve` (or single roles) on a data directory of its own and stops it when dropped.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How to start a server.
#[derive(Clone)]
pub struct Settings {
    pub program: PathBuf,
    /// `serve`, `write-api`, `read-api` or `project`.
    pub role: &'static str,
    /// Further `CARAVAN_…` variables.
    pub variables: Vec<(String, String)>,
}

impl Settings {
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Settings { program: program.into(), role: "serve", variables: vec![] }
    }

    pub fn role(mut self, role: &'static str) -> Self {
        self.role = role;
        self
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }
}

pub struct Server {
    child: Child,
    settings: Settings,
    dir: Option<TempDir>,
    data_dir: PathBuf,
    port: u16,
}

impl Server {
    /// A server on a new data directory, ready.
    pub async fn start(settings: Settings) -> Server {
        let dir = reachable_directory();
        let data_dir = dir.path().to_owned();
        let mut server = Server::start_in(settings, &data_dir).await;
        server.dir = Some(dir);
        server
    }

    /// A server on an existing data directory, ready.
    pub async fn start_in(settings: Settings, data_dir: &Path) -> Server {
        let port = free_port();
        let child = spawn(&settings, data_dir, port);
        let mut server = Server { child, settings, dir: None, data_dir: data_dir.to_owned(), port };
        server.until_ready(Duration::from_secs(90)).await;
        server
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    pub fn outbox(&self) -> PathBuf {
        self.data_dir.join("outbox")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, at once and without a word.
    pub fn kill(&mut self) {
        self.child.kill().expect("the server can be killed");
        self.child.wait().expect("the server can be reaped");
    }

    /// Starts it again on the same data and port; how long until it was ready.
    pub async fn restart(&mut self) -> Duration {
        let started = Instant::now();
        self.child = spawn(&self.settings, &self.data_dir, self.port);
        self.until_ready(Duration::from_secs(60)).await;
        started.elapsed()
    }

    /// Stops it as an operator would, with SIGTERM.
    pub fn stop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Runs another command of the same program on the same data; its exit success and output.
    pub fn run(&self, arguments: &[&str]) -> (bool, String) {
        let output = self.runner().output(arguments);
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.success(), text)
    }

    /// What runs other commands of the program on the same data, apart from this server.
    pub fn runner(&self) -> Runner {
        Runner { settings: self.settings.clone(), data_dir: self.data_dir.clone(), port: self.port }
    }

    async fn until_ready(&mut self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let url = format!("{}/health/ready", self.url());
        loop {
            if let Ok(response) = reqwest::get(&url).await
                && response.status().is_success()
            {
                return;
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("the server ended with {status}:\n{}", self.log());
            }
            assert!(Instant::now() < deadline, "not ready after {limit:?}:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What it has written to its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(log_file(&self.data_dir, self.settings.role)).unwrap_or_default()
    }
}

/// Runs commands of the program on a server's data.
pub struct Runner {
    settings: Settings,
    data_dir: PathBuf,
    port: u16,
}

impl Runner {
    pub fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program can be started")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(&self.settings, &self.data_dir, self.port);
        command.args(arguments);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn log_file(data_dir: &Path, role: &str) -> PathBuf {
    data_dir.join(format!("{role}.log"))
}

fn command(settings: &Settings, data_dir: &Path, port: u16) -> Command {
    let mut command = Command::new(&settings.program);
    // What is set for the tests is not set for the program.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARAVAN_")) {
        command.env_remove(name);
    }
    command.env("CARAVAN_DATA_DIR", data_dir).env("CARAVAN_LISTEN", format!("127.0.0.1:{port}"));
    command.envs(settings.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    command
}

fn spawn(settings: &Settings, data_dir: &Path, port: u16) -> Child {
    std::fs::create_dir_all(data_dir).expect("the data directory can be made");
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(log_file(data_dir, settings.role))
        .expect("a log file can be made");
    command(settings, data_dir, port)
        .arg(settings.role)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a handle can be cloned"))
        .stderr(log)
        .spawn()
        .expect("the program can be started")
}

/// A temporary directory that others may pass through: started as root, Postgres runs as another user.
pub fn reachable_directory() -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let passable = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(dir.path(), passable).expect("its permissions can be set");
    dir
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("a bound socket has an address").port()
}
