//! Files as streams of announcements, in the forms that organisers publish.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::announcement::{Announcement, Spot};
use super::{calendar, flat, json_ld};

/// Takes one record, or what is wrong with it; says whether more are wanted.
pub type Sink<'s> = dyn FnMut(Spot, Result<Announcement, String>) -> bool + 's;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// By the file's name, else by how it begins
    Auto,
    /// schema.org Event as JSON-LD: one, an array or a @graph
    Jsonld,
    /// iCalendar
    Ics,
    /// Rows under a header like that of demo/events.csv
    Csv,
    /// One schema.org Event or flat record a line
    Ndjson,
}

/// How much of a file decides what it is.
const BEGINNING: usize = 64 * 1024;

impl Format {
    /// What a file is, read from its name or its beginning.
    pub fn of(self, path: &Path) -> Result<Format> {
        if self != Format::Auto {
            return Ok(self);
        }
        match path.extension().and_then(|extension| extension.to_str()).map(str::to_lowercase).as_deref() {
            Some("jsonld" | "json") => Ok(Format::Jsonld),
            Some("ics" | "ical") => Ok(Format::Ics),
            Some("csv") => Ok(Format::Csv),
            Some("ndjson" | "jsonl") => Ok(Format::Ndjson),
            _ => {
                let mut beginning = vec![];
                let file = File::open(path).with_context(|| path.display().to_string())?;
                file.take(BEGINNING as u64).read_to_end(&mut beginning)?;
                Ok(Format::begins(&beginning))
            }
        }
    }

    fn begins(beginning: &[u8]) -> Format {
        let beginning = beginning.strip_prefix(b"\xef\xbb\xbf").unwrap_or(beginning).trim_ascii_start();
        let line = beginning.split(|byte| *byte == b'\n').next().unwrap_or_default();
        match beginning.first() {
            Some(b'[') => Format::Jsonld,
            // An object that ends with its line is followed by others.
            Some(b'{') if serde_json::from_slice::<serde_json::Value>(line).is_ok() => Format::Ndjson,
            Some(b'{') => Format::Jsonld,
            _ if line.to_ascii_uppercase().starts_with(b"BEGIN:VCALENDAR") => Format::Ics,
            _ => Format::Csv,
        }
    }

    /// Reads records into `sink` until it wants no more. An error means that the rest cannot be read.
    pub fn read(self, input: impl Read, sink: &mut Sink) -> Result<()> {
        let mut input = BufReader::with_capacity(BEGINNING, input);
        // A byte order mark belongs to none of the forms.
        if input.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
            input.consume(3);
        }
        match self {
            Format::Jsonld => json_ld::read(input, sink),
            Format::Ics => calendar::read(input, sink),
            Format::Ndjson => flat::read_ndjson(input, sink),
            Format::Csv | Format::Auto => flat::read_csv(input, sink),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_name_or_beginning() {
        assert_eq!(Format::Auto.of(Path::new("x/events.JSONLD")).unwrap(), Format::Jsonld);
        assert_eq!(Format::Ics.of(Path::new("x/events.csv")).unwrap(), Format::Ics);
        assert_eq!(Format::begins(b"\xef\xbb\xbf\n [{"), Format::Jsonld);
        assert_eq!(Format::begins(b"{\n \"@graph\""), Format::Jsonld);
        assert_eq!(Format::begins(b"{\"name\": 1}\n{"), Format::Ndjson);
        assert_eq!(Format::begins(b"begin:vcalendar\r\n"), Format::Ics);
        assert_eq!(Format::begins(b"name,starts_at\n"), Format::Csv);
        assert!(Format::Auto.of(Path::new("/nowhere/events")).is_err());
    }
}
