//! What `postmaster.pid` says about the server of a data directory, and whether that is still so.

use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

/// The file in which a running server notes its process (line 1) and its port (line 4).
pub(crate) struct PidFile(PathBuf);

/// Whether the process that is named is a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Process {
    Server,
    /// Ended, but its parent has not asked how, so that its number is still taken.
    Zombie,
    /// The number went to another program after the server had died.
    Other,
    None,
}

impl PidFile {
    pub(crate) fn of(data: &Path) -> PidFile {
        PidFile(data.join("postmaster.pid"))
    }

    #[cfg(feature = "testing")]
    pub(crate) fn exists(&self) -> bool {
        self.0.exists()
    }

    pub(crate) fn port(&self) -> Option<u16> {
        self.line(3)?.parse().ok()
    }

    /// What runs under the number of the file; `None` also where there is no file. On Linux only.
    pub(crate) fn process(&self) -> Process {
        let stat = |pid: u32| fs::read_to_string(format!("/proc/{pid}/stat")).ok();
        let pid = self.line(0).and_then(|line| line.parse().ok());
        pid.and_then(stat).map_or(Process::None, |stat| process(&stat))
    }

    /// Sees to it that the number of a dead server does not keep the next one from starting, since whatever has it now
    /// counts as a server that runs.
    ///
    /// The file must not be removed: by it a new server knows whether processes of the dead one still write. Our own
    /// number is as good as none, for a server takes the number of who started `pg_ctl` for an old one.
    pub(crate) fn disown(&self) -> io::Result<()> {
        let stands_in_the_way = match self.process() {
            Process::Zombie => true,
            // Not if somebody listens there: it may be a server whose process cannot be seen from here.
            Process::Other => self.port().is_none_or(|port| TcpStream::connect(("127.0.0.1", port)).is_err()),
            Process::Server | Process::None => false,
        };
        if !stands_in_the_way {
            return Ok(());
        }
        let content = fs::read_to_string(&self.0)?;
        let rest = content.split_once('\n').map_or("", |(_, rest)| rest);
        fs::write(&self.0, format!("{}\n{rest}", std::process::id()))
    }

    fn line(&self, number: usize) -> Option<String> {
        Some(fs::read_to_string(&self.0).ok()?.lines().nth(number)?.trim().to_owned())
    }
}

/// Reads `/proc/<pid>/stat`: number, name in parentheses, state, and more.
fn process(stat: &str) -> Process {
    let name = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')'));
    match name.map(|(name, rest)| (name, rest.trim_start().chars().next())) {
        Some((name, Some(state))) if name.starts_with("postgres") => {
            if matches!(state, 'Z' | 'X') {
                Process::Zombie
            } else {
                Process::Server
            }
        }
        _ => Process::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zombie_is_no_server() {
        assert_eq!(process("812 (postgres) S 1 812 812 0"), Process::Server);
        assert_eq!(process("812 (postgres) Z 1 812 812 0"), Process::Zombie);
        assert_eq!(process("812 (a) Z (b) S 1 812"), Process::Other);
        assert_eq!(process(""), Process::Other);
    }
}
