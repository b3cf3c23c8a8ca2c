//! Where the records of JSON documents begin and end, whatever is wrong inside of them: found by depth and quotes, so
//! that one that cannot be read spoils no other.

use std::io::{self, BufRead};

/// Longest record, in bytes.
pub const LONGEST_RECORD: usize = 1024 * 1024;

/// Members whose elements are records of their own, however many: a document may consist of little else.
const LISTS: [&[u8]; 4] = [b"\"@graph\"", b"\"itemListElement\"", b"\"events\"", b"\"event\""];

/// A value of which the beginning was read.
#[derive(Debug, Clone, Copy, Default)]
struct Open {
    depth: u32,
    in_string: bool,
    is_escaped: bool,
    /// Where the last string of the outermost object begins and ends, and whether a colon came after it.
    key: (usize, usize),
    is_named: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Complete,
    /// What follows are elements of a list.
    List,
    TooLong,
    /// The input ends inside.
    Cut,
}

pub struct Scanner<R> {
    input: R,
    /// Read, and to be read again.
    again: Vec<u8>,
    at: usize,
    open: Open,
}

impl<R: BufRead> Scanner<R> {
    pub fn new(input: R) -> Scanner<R> {
        Scanner { input, again: vec![], at: 0, open: Open::default() }
    }

    /// The next byte that is no white space.
    pub fn significant(&mut self) -> io::Result<Option<u8>> {
        while let Some(byte) = self.peek()? {
            self.advance();
            // RFC 7464 begins each text of a sequence with a record separator.
            if !(byte.is_ascii_whitespace() || byte == b'\x1e') {
                return Ok(Some(byte));
            }
        }
        Ok(None)
    }

    /// Reads the value that begins with `first` into `value`, or as far as its `End` says.
    pub fn value(&mut self, first: u8, value: &mut Vec<u8>) -> io::Result<End> {
        value.clear();
        self.open = Open::default();
        if matches!(first, b'{' | b'[' | b'"') {
            if let Some(end) = self.take(first, value) {
                return Ok(end);
            }
            return self.read_on(value);
        }
        // A number or word ends before what follows it.
        value.push(first);
        while let Some(byte) = self.peek()?.filter(|byte| !b",]}{[\"".contains(byte) && !byte.is_ascii_whitespace()) {
            self.advance();
            if value.len() < LONGEST_RECORD {
                value.push(byte);
            }
        }
        Ok(End::Complete)
    }

    /// Passes over the rest of the value that was too long, or had a list in it.
    pub fn pass(&mut self) -> io::Result<End> {
        let mut value = vec![];
        loop {
            match self.read_on(&mut value)? {
                End::TooLong => value.clear(),
                End::List => self.open.depth += 1,
                end => return Ok(end),
            }
        }
    }

    /// Has `bytes` read again.
    pub fn put_back(&mut self, bytes: &[u8]) {
        let rest = self.again.split_off(self.at.min(self.again.len()));
        self.again.clear();
        self.again.extend(bytes);
        self.again.extend(rest);
        self.at = 0;
    }

    /// Follows a list that a value had in it: its end is the value's business again.
    pub fn closed_list(&mut self) {
        self.open = Open { depth: 1, ..Open::default() };
    }

    fn read_on(&mut self, value: &mut Vec<u8>) -> io::Result<End> {
        while let Some(byte) = self.peek()? {
            self.advance();
            if let Some(end) = self.take(byte, value) {
                return Ok(end);
            }
        }
        Ok(End::Cut)
    }

    /// Adds a byte to the value; says whether it ends there.
    fn take(&mut self, byte: u8, value: &mut Vec<u8>) -> Option<End> {
        let at = value.len();
        value.push(byte);
        let open = &mut self.open;
        if open.in_string {
            match byte {
                _ if open.is_escaped => open.is_escaped = false,
                b'\\' => open.is_escaped = true,
                b'"' => {
                    open.in_string = false;
                    if open.depth == 1 {
                        open.key.1 = at + 1;
                    }
                    if open.depth == 0 {
                        return Some(End::Complete);
                    }
                }
                _ => {}
            }
        } else {
            match byte {
                b'"' => {
                    open.in_string = true;
                    if open.depth == 1 && !open.is_named {
                        open.key.0 = at;
                    }
                }
                b':' if open.depth == 1 => open.is_named = true,
                b',' if open.depth == 1 => open.is_named = false,
                b'[' if open.depth == 1 && open.is_named => {
                    let name = value.get(open.key.0..open.key.1).unwrap_or_default();
                    if value[0] == b'{' && LISTS.contains(&name) {
                        return Some(End::List);
                    }
                    open.depth += 1;
                }
                b'{' | b'[' => open.depth += 1,
                b'}' | b']' => {
                    open.depth = open.depth.saturating_sub(1);
                    if open.depth == 0 {
                        return Some(End::Complete);
                    }
                }
                _ => {}
            }
        }
        (value.len() > LONGEST_RECORD).then_some(End::TooLong)
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        match self.again.get(self.at) {
            Some(byte) => Ok(Some(*byte)),
            None => Ok(self.input.fill_buf()?.first().copied()),
        }
    }

    fn advance(&mut self) {
        if self.at < self.again.len() {
            self.at += 1;
        } else {
            self.input.consume(1);
        }
    }
}

/// Places in a value that cannot be read where another one may begin: at an object that begins a list, or after a comma
/// or another value.
pub fn resumptions(value: &[u8]) -> impl Iterator<Item = usize> {
    let is_after_value =
        |at: usize| value[..at].trim_ascii_end().last().is_some_and(|before| b"[,}]\"".contains(before));
    (1..value.len()).filter(move |at| value[*at] == b'{' && is_after_value(*at))
}

/// A text among the members of an object that cannot be read, or of which only the beginning was.
pub fn text_member(object: &[u8], name: &str) -> Option<String> {
    let (mut depth, mut at) = (0_u32, 0);
    let mut key = None;
    while let Some(byte) = object.get(at) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b':' if depth == 1 && key.as_deref() == Some(name) => {
                let mut values = serde_json::Deserializer::from_slice(&object[at + 1..]).into_iter();
                return values.next()?.ok();
            }
            b'"' => {
                let mut texts = serde_json::Deserializer::from_slice(&object[at..]).into_iter::<String>();
                key = texts.next()?.ok();
                at += texts.byte_offset().max(1);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of a text, and how each ended.
    fn values(text: &str) -> Vec<(String, End)> {
        let mut scanner = Scanner::new(text.as_bytes());
        let mut found = vec![];
        let mut value = vec![];
        while let Some(first) = scanner.significant().unwrap() {
            let end = scanner.value(first, &mut value).unwrap();
            found.push((String::from_utf8(value.clone()).unwrap(), end));
        }
        found
    }

    #[test]
    fn values_end_where_their_brackets_do() {
        let expected = [r#"{"a": "}\"{", "b": [1, {}]}"#, "[1, 2]", r#""x""#, "-1.5e3", "nu"]
            .map(|text| (text.to_owned(), End::Complete));
        assert_eq!(values(&expected.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(" ")), expected);
        assert_eq!(values("{\"a\": \"line\nbreak\"}{}").len(), 2);
        assert_eq!(values("{\"a\": [").last().unwrap().1, End::Cut);
    }

    #[test]
    fn lists_are_told_by_their_name() {
        assert_eq!(values(r#"{"@context": "x", "@graph": [1"#)[0].1, End::List);
        for other in [
            r#"{"@graph": {"a": [1]}}"#,
            r#"{"a": "@graph", "b": [1]}"#,
            r#"{"a": {"@graph": [1]}}"#,
            r#"{"subEvent": [1]}"#,
        ] {
            assert_eq!(values(other)[0].1, End::Complete, "{other}");
        }
    }

    #[test]
    fn what_is_too_long_is_passed_over() {
        let long = format!("{{\"a\": \"{}\"}} 7", "x".repeat(LONGEST_RECORD));
        let mut scanner = Scanner::new(long.as_bytes());
        let mut value = vec![];
        let first = scanner.significant().unwrap().unwrap();
        assert_eq!(scanner.value(first, &mut value).unwrap(), End::TooLong);
        assert_eq!(scanner.pass().unwrap(), End::Complete);
        assert_eq!(scanner.significant().unwrap(), Some(b'7'));
    }

    #[test]
    fn what_is_put_back_is_read_first() {
        let mut scanner = Scanner::new(b"c".as_slice());
        scanner.put_back(b"b");
        scanner.put_back(b"a");
        let mut read = String::new();
        while let Some(byte) = scanner.significant().unwrap() {
            read.push(byte.into());
        }
        assert_eq!(read, "abc");
    }

    #[test]
    fn a_value_may_begin_a_list_or_after_an_object() {
        assert_eq!(resumptions(br#"{"a": [{"b": 1}, {"c": 2} {}"#).collect::<Vec<_>>(), [7, 17, 26]);
    }

    #[test]
    fn members_are_found_in_what_cannot_be_read() {
        let odd = br#"{"a": {"name": "inner"}, "b": "name", "name": "Fe\"st", "c": [}"#;
        assert_eq!(text_member(odd, "name").as_deref(), Some("Fe\"st"));
        assert_eq!(text_member(br#"{"name": "Fest"#, "name"), None);
        assert_eq!(text_member(br#"{"name": 7, "c"#, "name"), None);
    }
}
