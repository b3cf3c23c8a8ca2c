//! A lean HTTP/1.1 client over one kept connection: the load generator shares the cores with what it measures.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request, ready to be sent any number of times.
#[derive(Clone)]
pub struct Request(Vec<u8>);

impl Request {
    pub fn get(path: &str, token: &str) -> Request {
        Request(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{}\r\n", bearer(token)).into_bytes())
    }

    /// `headers`: further lines, each ended by CR LF.
    pub fn post(path: &str, token: &str, headers: &str, body: &Value) -> Request {
        Request::with_body("POST", path, token, headers, body)
    }

    /// As [`Request::post`].
    pub fn patch(path: &str, token: &str, headers: &str, body: &Value) -> Request {
        Request::with_body("PATCH", path, token, headers, body)
    }

    fn with_body(method: &str, path: &str, token: &str, headers: &str, body: &Value) -> Request {
        let body = body.to_string();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: bench\r\n{}content-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n",
            bearer(token),
            body.len(),
        );
        Request(format!("{head}{body}").into_bytes())
    }
}

fn bearer(token: &str) -> String {
    if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") }
}

pub struct Connection {
    stream: TcpStream,
    /// What the last answer took up.
    buffer: Vec<u8>,
}

/// What came back, of which most callers need little.
pub struct Answer<'c> {
    pub status: u16,
    head: &'c str,
    pub body: &'c [u8],
}

impl Answer<'_> {
    /// A header's value; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }

    pub fn json(&self) -> Result<Value> {
        Ok(serde_json::from_slice(self.body)?)
    }

    /// Refuses any answer but success.
    pub fn success(self) -> Result<Self> {
        if (200..300).contains(&self.status) {
            Ok(self)
        } else {
            bail!("status {}: {}", self.status, String::from_utf8_lossy(self.body))
        }
    }
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request and reads its whole answer.
    pub async fn send(&mut self, request: &Request) -> Result<Answer<'_>> {
        self.stream.write_all(&request.0).await?;
        self.buffer.clear();
        let head_end = loop {
            let from = self.buffer.len().saturating_sub(3);
            self.read_more().await?;
            let found = self.buffer.get(from..).and_then(|new| new.windows(4).position(|four| four == b"\r\n\r\n"));
            if let Some(index) = found {
                break from + index;
            }
        };
        let head = std::str::from_utf8(self.buffer.get(..head_end).unwrap_or_default())?;
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).context("no status line")?;
        let length: usize = header(head, "content-length").context("an answer without a length")?.parse()?;
        let end = head_end + 4 + length;
        while self.buffer.len() < end {
            self.read_more().await?;
        }
        let head = std::str::from_utf8(self.buffer.get(..head_end).unwrap_or_default())?;
        Ok(Answer { status, head, body: self.buffer.get(head_end + 4..end).unwrap_or_default() })
    }

    async fn read_more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.split("\r\n").skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_whatever_their_case() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\ncaravan-position: 7";
        assert_eq!(header(head, "content-length"), Some("12"));
        assert_eq!(header(head, "caravan-position"), Some("7"));
        assert_eq!(header(head, "etag"), None);
    }
}
