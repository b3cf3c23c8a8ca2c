//! Content lines of iCalendar, read as mildly as they are written.

use std::io::{self, BufRead};

/// Longest event, in bytes; nothing longer is kept of a line.
pub const LONGEST_EVENT: usize = 1024 * 1024;

/// `NAME;PARAMETER=value:value`, with names in capitals.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub name: String,
    parameters: Vec<(String, String)>,
    pub value: String,
}

impl Line {
    /// `None` for what is no content line, such as the rest of a text whose line breaks were not encoded.
    pub fn parse(text: &str) -> Option<Line> {
        let end = text.find([':', ';'])?;
        let name = text[..end].trim();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return None;
        }
        let colon = value_at(text, end)?;
        let parameters = parameters(&text[end..colon]);
        // Blanks at the end of a line are nobody's intention.
        let value = text[colon + 1..].trim_end().to_owned();
        Some(Line { name: name.to_ascii_uppercase(), parameters, value })
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The value as text: `\n`, `\,`, `\;` and `\\` decoded.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.value.len());
        let mut chars = self.value.chars();
        while let Some(char) = chars.next() {
            match char {
                '\\' => match chars.next() {
                    Some('n' | 'N') => text.push('\n'),
                    Some(escaped) => text.push(escaped),
                    None => {}
                },
                char => text.push(char),
            }
        }
        text
    }
}

/// Where the value begins: at the first colon outside quotes and brackets (`TZID=(UTC-08:00) Pacific Time:…`); where
/// these are not in pairs, at the first of all.
fn value_at(text: &str, from: usize) -> Option<usize> {
    let mut is_quoted = false;
    let mut brackets = 0;
    for (at, char) in text.char_indices().skip_while(|(at, _)| *at < from) {
        match char {
            '"' => is_quoted = !is_quoted,
            '(' if !is_quoted => brackets += 1,
            ')' if !is_quoted => brackets -= 1,
            ':' if !is_quoted && brackets <= 0 => return Some(at),
            _ => {}
        }
    }
    text[from..].find(':').map(|at| from + at)
}

fn parameters(text: &str) -> Vec<(String, String)> {
    let mut is_quoted = false;
    let parts = text.split(|char: char| {
        is_quoted ^= char == '"';
        char == ';' && !is_quoted
    });
    let pairs = parts.filter_map(|part| part.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_ascii_uppercase(), value.trim().trim_matches('"').to_owned())).collect()
}

/// Reads a content line with the lines it was folded into, which may split a character. Says how many lines it was.
pub fn read_unfolded(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<u64> {
    line.clear();
    let mut read = 0;
    while read_line(input, line)? {
        read += 1;
        while line.last().is_some_and(|byte| b"\r\n".contains(byte)) {
            line.pop();
        }
        match input.fill_buf()?.first() {
            Some(b' ' | b'\t') => input.consume(1),
            _ => break,
        }
    }
    Ok(read)
}

/// Reads to the next line feed and keeps as much as an event may hold.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    let mut is_read = false;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(is_read);
        }
        is_read = true;
        let end = buffer.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let taken = end.unwrap_or(buffer.len());
        let kept = taken.min((LONGEST_EVENT + 1).saturating_sub(line.len()));
        line.extend(&buffer[..kept]);
        input.consume(taken);
        if end.is_some() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_mildly() {
        let start = Line::parse("dtstart;tzid=\"America/Toronto\";VALUE=DATE-TIME:20260130T190000  ").unwrap();
        assert_eq!((start.name.as_str(), start.value.as_str()), ("DTSTART", "20260130T190000"));
        assert_eq!(start.parameter("TZID"), Some("America/Toronto"));
        let quoted = Line::parse("DTSTAMP;TZID=\"Greenwich Mean Time:Dublin; London\":2027").unwrap();
        assert_eq!(
            (quoted.parameter("TZID"), quoted.value.as_str()),
            (Some("Greenwich Mean Time:Dublin; London"), "2027")
        );
        let bracketed = Line::parse("DTSTART;TZID=(UTC-08:00) Pacific Time (US & Canada):20270610T190000").unwrap();
        assert_eq!(bracketed.parameter("TZID"), Some("(UTC-08:00) Pacific Time (US & Canada)"));
        assert_eq!(Line::parse("SUMMARY:a (b: c").unwrap().value, "a (b: c");
        assert_eq!(Line::parse("ORGANIZER;CN=\"The \"Big\" Club\":mailto:a@b").unwrap().value, "mailto:a@b");
        assert_eq!(Line::parse("ORGANIZER;CN=\"Unclosed:mailto:a@b").unwrap().value, "mailto:a@b");
        assert_eq!(Line::parse("DTEND:").unwrap().value, "");
        for text in ["line two without colon", "", ":", "Join us: https://example.com", "no;colon"] {
            assert_eq!(Line::parse(text), None, "{text}");
        }
    }

    #[test]
    fn text_is_decoded() {
        assert_eq!(Line::parse(r"SUMMARY:A\, B\; C\\D\nE\").unwrap().text(), "A, B; C\\D\nE");
    }
}
