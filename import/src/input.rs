//! What is imported, so that it can be read twice: ids are gathered before anything is put.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, ensure};
use flate2::bufread::MultiGzDecoder;

pub enum Input {
    File(File),
    Bytes(&'static [u8]),
}

impl Input {
    /// A file, or standard input for `-`. What comes only once, as from a pipe, is kept in a temporary file.
    pub fn open(path: &Path) -> Result<Input> {
        if path == Path::new("-") {
            return Input::kept(io::stdin());
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        ensure!(!metadata.is_dir(), "{} is a directory", path.display());
        if metadata.is_file() { Ok(Input::File(file)) } else { Input::kept(file) }
    }

    fn kept(mut once: impl Read) -> Result<Input> {
        let mut file = tempfile::tempfile().context("a temporary file")?;
        io::copy(&mut once, &mut file)?;
        Ok(Input::File(file))
    }

    /// In bytes, as it is stored.
    pub fn bytes(&self) -> io::Result<u64> {
        match self {
            Input::File(file) => Ok(file.metadata()?.len()),
            Input::Bytes(bytes) => Ok(bytes.len() as u64),
        }
    }

    /// From the beginning, decompressed where it is gzip; `read` counts the bytes that are stored.
    pub fn read(&self, read: Arc<AtomicU64>) -> io::Result<Box<dyn Read + Send>> {
        let stored: Box<dyn Read + Send> = match self {
            Input::File(file) => {
                let mut file = file.try_clone()?;
                file.rewind()?;
                Box::new(file)
            }
            Input::Bytes(bytes) => Box::new(*bytes),
        };
        let mut stored = BufReader::new(Counted { input: stored, read });
        let is_gzip = stored.fill_buf()?.starts_with(b"\x1f\x8b");
        Ok(if is_gzip { Box::new(MultiGzDecoder::new(stored)) } else { Box::new(stored) })
    }
}

struct Counted {
    input: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
