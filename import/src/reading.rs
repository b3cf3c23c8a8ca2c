//! Files as streams of announcements, in the forms that organisers publish.

use std::io::{self, BufReader, Read};
use std::path::Path;

use anyhow::Result;
use clap::ValueEnum;

use crate::announcement::Sink;
use crate::{calendar, flat, json_ld};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// By the file's name, else by how it begins
    Auto,
    /// schema.org Event as JSON-LD: one, an array, a @graph or list, or several of these
    Jsonld,
    /// iCalendar
    Ics,
    /// Rows under a header like that of demo/events.csv
    Csv,
    /// One schema.org Event or flat record a line
    Ndjson,
}

/// How much of a file decides what it is.
const BEGINNING: u64 = 64 * 1024;

impl Format {
    /// What a file of this name is; `Auto` where only its beginning tells.
    pub fn of(self, path: &Path) -> Format {
        if self != Format::Auto {
            return self;
        }
        let name = path.to_string_lossy().to_lowercase();
        let name = Path::new(name.strip_suffix(".gz").unwrap_or(&name));
        match name.extension().and_then(|extension| extension.to_str()) {
            Some("jsonld" | "json") => Format::Jsonld,
            Some("ics" | "ical") => Format::Ics,
            Some("csv" | "tsv") => Format::Csv,
            Some("ndjson" | "jsonl") => Format::Ndjson,
            _ => Format::Auto,
        }
    }

    fn begins(beginning: &[u8]) -> Format {
        let beginning = beginning.trim_ascii_start();
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
    pub fn read(self, mut input: impl Read, sink: &mut Sink) -> Result<()> {
        let mut read = vec![];
        input.by_ref().take(BEGINNING).read_to_end(&mut read)?;
        // A byte order mark belongs to none of the forms.
        let beginning = read.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&read);
        let is_utf16 = beginning.starts_with(b"\xff\xfe") || beginning.starts_with(b"\xfe\xff");
        anyhow::ensure!(!is_utf16, "is UTF-16: save it as UTF-8");
        let format = if self == Format::Auto { Format::begins(beginning) } else { self };
        // What was read stays in front. Carriage returns alone ended lines once, and some spreadsheets keep to that.
        let has_lines = beginning.contains(&b'\n') || !beginning.contains(&b'\r');
        let input = BufReader::new(WithLines { input: beginning.chain(input), has_lines });
        match format {
            Format::Jsonld => json_ld::read(input, sink),
            Format::Ics => calendar::read(input, sink),
            Format::Ndjson => flat::read_ndjson(input, sink),
            Format::Csv | Format::Auto => flat::read_csv(input, sink),
        }
    }
}

/// Makes line feeds of carriage returns, where these alone end lines.
struct WithLines<R> {
    input: R,
    has_lines: bool,
}

impl<R: Read> Read for WithLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        if !self.has_lines {
            buffer[..read].iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_name_or_beginning() {
        assert_eq!(Format::Auto.of(Path::new("x/events.JSONLD")), Format::Jsonld);
        assert_eq!(Format::Auto.of(Path::new("x/Events.ics.gz")), Format::Ics);
        assert_eq!(Format::Ics.of(Path::new("x/events.csv")), Format::Ics);
        assert_eq!(Format::Auto.of(Path::new("/dev/fd/63")), Format::Auto);
        assert_eq!(Format::begins(b"\n [{"), Format::Jsonld);
        assert_eq!(Format::begins(b"{\n \"@graph\""), Format::Jsonld);
        assert_eq!(Format::begins(b"{\"name\": 1}\n{"), Format::Ndjson);
        assert_eq!(Format::begins(b"begin:vcalendar\r\n"), Format::Ics);
        assert_eq!(Format::begins(b"name,starts_at\n"), Format::Csv);
    }

    #[test]
    fn what_tells_the_format_is_read_as_well() {
        let line = r#"{"name": "A", "starts_at": "2026-01-30"}"#;
        let lines = 5_000;
        let mut names = 0;
        let text = format!("\u{feff}{}", format!("{line}\n").repeat(lines));
        Format::Auto
            .read(text.as_bytes(), &mut |_, event| {
                names += usize::from(event.is_ok());
                true
            })
            .unwrap();
        assert_eq!(names, lines);
    }

    #[test]
    fn lines_may_end_with_carriage_returns_alone() {
        let calendar = "BEGIN:VCALENDAR\rBEGIN:VEVENT\rSUMMARY:A\rDTSTART:20270610\rEND:VEVENT\rEND:VCALENDAR\r";
        for text in [calendar, "name,starts_at\rA,2027-06-10\r"] {
            let mut names = vec![];
            let mut sink = |_, event: crate::announcement::Record| {
                names.extend(event.ok().map(|event| event.name));
                true
            };
            Format::Auto.read(text.as_bytes(), &mut sink).unwrap();
            assert_eq!(names, ["A"]);
        }
    }

    #[test]
    fn what_is_utf_16_is_refused() {
        assert!(
            Format::Csv.read(b"\xff\xfen\0".as_slice(), &mut |_, _| true).unwrap_err().to_string().contains("UTF-8")
        );
    }
}
