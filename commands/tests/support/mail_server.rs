//! A mail server of its own process, which speaks SMTP and keeps what it accepts.
#![allow(dead_code)] // each test program uses its own part

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// `smtp_server.py`, running until dropped.
pub struct MailServer {
    process: Child,
    pub port: u16,
    dir: TempDir,
}

impl MailServer {
    pub fn start(arguments: &[&str]) -> MailServer {
        let dir = tempfile::tempdir().unwrap();
        let mut process = Command::new("python3")
            .args(["-c", include_str!("smtp_server.py")])
            .arg(dir.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test needs python3 for its mail server");
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        MailServer { process, port: port.trim().parse().expect("the mail server says its port"), dir }
    }

    /// What was accepted, in order.
    pub fn mails(&self) -> Vec<Value> {
        let mut paths: Vec<_> = std::fs::read_dir(self.dir.path()).unwrap().map(|file| file.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        paths.iter().map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
    }

    /// From now on whoever sends a mail is not told that it is kept.
    pub fn hold(&self) {
        std::fs::write(self.holding(), "").unwrap();
    }

    /// Answers again, also what was held back.
    pub fn release(&self) {
        std::fs::remove_file(self.holding()).unwrap();
    }

    fn holding(&self) -> PathBuf {
        self.dir.path().join("hold")
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
