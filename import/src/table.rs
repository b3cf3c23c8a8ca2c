//! CSV as spreadsheets write it: rows of fields under a header.
//!
//! Rows are found before they are read, so that a quote that nobody closes spoils only its own row.

use std::io::BufRead;

use crate::when::When;

/// How far a quote may go on over lines, in bytes.
const LONGEST_ROW: usize = 64 * 1024;

#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    Fields(Vec<Vec<u8>>),
    /// It opens a quote and does not close it, or not where a field ends.
    Unclosed,
    TooLong,
}

pub struct Table<R> {
    input: R,
    separator: u8,
    /// Lines read ahead, to be read again, the next one last.
    ahead: Vec<Vec<u8>>,
    /// How many lines were taken.
    line: u64,
    /// Of the header, once it was read.
    columns: usize,
    /// The column whose fields are all dates, and so tell a row from a line of text.
    dates: Option<usize>,
}

/// The column that tells rows.
const DATES: &str = "starts_at";

impl<R: BufRead> Table<R> {
    pub fn new(input: R) -> Table<R> {
        Table { input, separator: b',', ahead: vec![], line: 0, columns: 0, dates: None }
    }

    /// The header, in lower case with `_` for spaces; and the separator is whichever parts it best. `sep=;` before it
    /// is passed over.
    pub fn header(&mut self) -> std::io::Result<Vec<String>> {
        let mut stated = None;
        loop {
            let Some(line) = self.next_line()? else { return Ok(vec![]) };
            let text = String::from_utf8_lossy(&line).trim().to_lowercase();
            if let Some(separator) = text.trim_matches('"').strip_prefix("sep=") {
                stated = separator.bytes().next().or(Some(b'\t'));
            } else if !text.is_empty() {
                self.put_back(line);
                break;
            }
        }
        let line = self.ahead.last().cloned().unwrap_or_default();
        let count = |separator: &u8| line.iter().filter(|byte| *byte == separator).count();
        self.separator = stated.or_else(|| [b'|', b'\t', b';', b','].into_iter().max_by_key(count)).unwrap_or(b',');
        let Some((_, Row::Fields(fields))) = self.row()? else { return Ok(vec![]) };
        let names =
            fields.iter().map(|field| String::from_utf8_lossy(field).trim().to_lowercase().replace([' ', '-'], "_"));
        let names: Vec<String> = names.collect();
        self.columns = names.len();
        self.dates = names.iter().position(|name| name == DATES);
        Ok(names)
    }

    /// The next row that is not blank, and the line that it begins with.
    pub fn row(&mut self) -> std::io::Result<Option<(u64, Row)>> {
        loop {
            let Some(mut text) = self.next_line()? else { return Ok(None) };
            let first = self.line;
            if text.trim_ascii().is_empty() {
                continue;
            }
            let mut more: Vec<Vec<u8>> = vec![];
            let row = loop {
                // Only a quote can end what a quote began.
                let may_end = more.last().is_none_or(|line| line.contains(&b'"'));
                match if may_end { self.split(&text, false) } else { Split::Open } {
                    Split::Fields(fields) if more.is_empty() || self.is_one(&fields, &text, &more) => {
                        break Row::Fields(fields);
                    }
                    // What seems to close the quote is a text's own: `12" discs`.
                    Split::Fields(_) => break Row::Unclosed,
                    Split::Broken => break Row::Unclosed,
                    Split::Open if text.len() > LONGEST_ROW => break Row::Unclosed,
                    Split::Open => match self.next_line()? {
                        Some(line) => {
                            text.push(b'\n');
                            text.extend(&line);
                            more.push(line);
                        }
                        None => break Row::Unclosed,
                    },
                }
            };
            if row == Row::Unclosed {
                // What follows its first line are rows of their own.
                more.into_iter().rev().for_each(|line| self.put_back(line));
                let is_long = self.line == first && text.len() > LONGEST_LINE;
                return Ok(Some((first, if is_long { Row::TooLong } else { row })));
            }
            let row = if text.len() > LONGEST_LINE { Row::TooLong } else { row };
            return Ok(Some((first, row)));
        }
    }

    /// Whether fields that a quote holds together over lines are one row, rather than several of which one opens a
    /// quote and another has one at a field's end.
    fn is_one(&self, fields: &[Vec<u8>], text: &[u8], more: &[Vec<u8>]) -> bool {
        if self.columns == 0 {
            return true;
        }
        let is_row = |line: &[u8]| match self.split(line, true) {
            Split::Fields(fields) => self.fits(&fields) && self.has_date(&fields),
            Split::Open | Split::Broken => false,
        };
        let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let are_several = is_row(first) && more.iter().any(|line| is_row(line));
        let is_cut_off = fields.len() < self.columns;
        self.fits(fields) && !are_several && (!is_cut_off || self.has_date(fields))
    }

    /// Whether there is a column for each field, but for empty ones.
    fn fits(&self, fields: &[Vec<u8>]) -> bool {
        fields.iter().skip(self.columns).all(|field| field.trim_ascii().is_empty())
    }

    fn has_date(&self, fields: &[Vec<u8>]) -> bool {
        let Some(at) = self.dates else { return fields.len() >= self.columns };
        let field = fields.get(at).and_then(|field| std::str::from_utf8(field).ok());
        field.is_some_and(|field| When::parse(field.trim()).is_some())
    }

    /// The fields of a row; an open quote is text where that is said.
    fn split(&self, row: &[u8], open_is_text: bool) -> Split {
        let mut fields = vec![];
        let mut rest = row;
        loop {
            let (field, after) = match rest
                .strip_prefix(b"\"")
                .map(quoted)
                .filter(|open| !open_is_text || open.is_some())
            {
                None => {
                    let end = rest.iter().position(|byte| *byte == self.separator).unwrap_or(rest.len());
                    (rest[..end].to_vec(), &rest[end..])
                }
                Some(None) => return Split::Open,
                Some(Some((field, after))) => {
                    let is_end = after.trim_ascii_start().is_empty() || after.first() == Some(&self.separator);
                    if is_end {
                        (field, after)
                    } else if field.contains(&b'\n') {
                        // The quote that seems to close it opens another field, some rows on.
                        return Split::Broken;
                    } else {
                        // `"The "Big" Club"` is a text with quotes in it.
                        let end = rest.windows(2).position(|pair| pair == [b'"', self.separator]).map(|at| at + 1);
                        let end =
                            end.or_else(|| rest.trim_ascii_end().ends_with(b"\"").then(|| rest.trim_ascii_end().len()));
                        let Some(end) = end.filter(|end| !rest[..*end].contains(&b'\n')) else { return Split::Broken };
                        (rest[1..end - 1].to_vec(), &rest[end..])
                    }
                }
            };
            fields.push(field);
            match after.split_first() {
                Some((byte, after)) if *byte == self.separator => rest = after,
                _ => return Split::Fields(fields),
            }
        }
    }

    fn next_line(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let line = match self.ahead.pop() {
            Some(line) => line,
            None => match self.read_line()? {
                Some(line) => line,
                None => return Ok(None),
            },
        };
        self.line += 1;
        Ok(Some(line))
    }

    fn put_back(&mut self, line: Vec<u8>) {
        self.line -= 1;
        self.ahead.push(line);
    }

    /// A line without its end; of one that is too long, a little more than may be.
    fn read_line(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut line = vec![];
        let mut is_read = false;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                break;
            }
            is_read = true;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(buffer.len());
            line.extend(&buffer[..taken.min((LONGEST_LINE + 1).saturating_sub(line.len()))]);
            self.input.consume(end.map_or(taken, |end| end + 1));
            if end.is_some() {
                break;
            }
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(is_read.then_some(line))
    }
}

/// Longest row, in bytes.
const LONGEST_LINE: usize = 1024 * 1024;

enum Split {
    Fields(Vec<Vec<u8>>),
    /// A quote goes on over the line's end.
    Open,
    Broken,
}

/// What stands before the quote that closes it, and what after it.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut field = vec![];
    let mut rest = text;
    loop {
        let end = rest.iter().position(|byte| *byte == b'"')?;
        field.extend(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix(b"\"") {
            Some(after) => {
                field.push(b'"');
                rest = after;
            }
            None => return Some((field, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Found = (u64, Option<Vec<String>>);

    /// The header and the rows of a table; `None` for a row that is not closed.
    fn rows(text: &[u8]) -> (Vec<String>, Vec<Found>) {
        let mut table = Table::new(text);
        let header = table.header().unwrap();
        let mut found = vec![];
        while let Some((line, row)) = table.row().unwrap() {
            let fields = match row {
                Row::Fields(fields) => {
                    Some(fields.iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect())
                }
                Row::Unclosed | Row::TooLong => None,
            };
            found.push((line, fields));
        }
        (header, found)
    }

    fn fields(line: u64, fields: &[&str]) -> Found {
        (line, Some(fields.iter().map(|field| (*field).to_owned()).collect()))
    }

    #[test]
    fn separators_and_line_ends_are_those_of_the_file() {
        for text in
            ["Source ID,Name\n1,A\n2,B", "sep=,\r\nSource ID,Name\r\n1,A\r\n2,B\r\n", "source-id,NAME\n1,A\n2,B\n"]
        {
            let (header, rows) = rows(text.as_bytes());
            assert_eq!(header, ["source_id", "name"], "{text:?}");
            assert_eq!(rows.into_iter().map(|(_, fields)| fields.unwrap().concat()).collect::<Vec<_>>(), ["1A", "2B"]);
        }
        for separator in [";", "\t", "|"] {
            let text = format!("a{separator}b\n\"1,{separator}2\"{separator}3\n");
            assert_eq!(rows(text.as_bytes()).1, [fields(2, &[&format!("1,{separator}2"), "3"])]);
        }
        assert_eq!(rows(b"\"sep=;\"\na;b,c\n1;2\n").1, [fields(3, &["1", "2"])]);
    }

    #[test]
    fn quotes_may_hold_lines_and_quotes() {
        let text = b"a,b\n\"Two\nlines\",\"say \"\"hi\"\"\"\n5\" disk,x\n\"The \"Big\" Club\",y\n\"\",\"\"\n";
        let expected = [
            fields(2, &["Two\nlines", "say \"hi\""]),
            fields(4, &["5\" disk", "x"]),
            fields(5, &["The \"Big\" Club", "y"]),
            fields(6, &["", ""]),
        ];
        assert_eq!(rows(text).1, expected);
    }

    #[test]
    fn a_quote_that_is_not_closed_spoils_only_its_row() {
        assert_eq!(rows(b"a,b\n1,\"x\n2,y\n3,z\n").1, [(2, None), fields(3, &["2", "y"]), fields(4, &["3", "z"])]);
        // Not even where a later row has quotes of its own.
        let (_, rows) = rows(b"a,b,c\n1,\"x,y\n2,\"Hall, Toronto\",z\n3,\"Two\nlines\",z\n");
        let expected = [(2, None), fields(3, &["2", "Hall, Toronto", "z"]), fields(4, &["3", "Two\nlines", "z"])];
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_quote_that_seems_closed_rows_later_holds_no_row() {
        let table = |second: &str, third: &str| {
            format!("id,name,starts_at,city\na,A,2031-05-01,Toronto\n{second}\n{third}\nd,D,2031-05-01,Toronto\n")
        };
        let [a, d] = ["a", "d"].map(|id| vec![id.to_owned(), id.to_uppercase(), "2031-05-01".into(), "Toronto".into()]);
        let c = ["c", "Name 12\"", "2031-05-01", "Toronto"];
        for unclosed in ["b,\"Unclosed,2031-05-01,Toronto", "b,B,2031-05-01,\"Toronto", "b,B,\"2031-05-01,Toronto"] {
            let (_, rows) = rows(table(unclosed, &c.join(",")).as_bytes());
            assert_eq!(rows, [(2, Some(a.clone())), (3, None), fields(4, &c), (5, Some(d.clone()))], "{unclosed}");
        }
        // Rows of several lines are those that have what a row has.
        for (second, third) in [("b,\"Two, or", "more\",2031-05-01,Toronto"), ("b,\"Two", "lines\",2031-05-01")] {
            let (_, rows) = rows(table(second, third).as_bytes());
            assert_eq!((rows.len(), rows[1].0, rows[1].1.is_some(), rows[2].0), (3, 3, true, 5), "{second}");
        }
        let named = "name,starts_at\n\"Two\nlines\",2031-05-01\n";
        assert_eq!(rows(named.as_bytes()).1, [fields(2, &["Two\nlines", "2031-05-01"])]);
    }

    #[test]
    fn a_quote_goes_on_for_64_kib_at_most() {
        let text = format!("a,b\n1,\"x\n{}2,\"y\"\n", "0,0\n".repeat(20_000));
        let rows = rows(text.as_bytes()).1;
        assert_eq!((rows.len(), &rows[0]), (20_002, &(2, None)));
    }

    #[test]
    fn lines_are_counted_whatever_ends_them() {
        let text: &[u8] = b"name,b\n\nA,soon\n\"B\nB\",soon\n \nC\xff,soon\n\"D\",soon\n\"E";
        for end in [b"\n".as_slice(), b"\r\n"] {
            let text = text.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(end);
            let lines: Vec<u64> = rows(&text).1.into_iter().map(|(line, _)| line).collect();
            assert_eq!(lines, [3, 4, 7, 8, 9]);
        }
    }
}
