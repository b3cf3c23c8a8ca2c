//! A body in parts (`multipart/form-data`): fields, which are texts, and files.

use axum::body::Bytes;
use futures::stream;
use multer::{Constraints, Multipart, SizeLimit, parse_boundary};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::body::fault;
use crate::{Failure, Request, typed};

/// Fields and files of one body.
const MOST_PARTS: usize = 30;

/// A file that came as a part of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePart {
    pub field: String,
    /// As the client calls it: its last part, without a path.
    pub file_name: String,
    /// As the client calls it, if it does.
    pub media_type: Option<String>,
    pub bytes: Bytes,
}

impl Request {
    /// What lies between the boundaries of a body in parts; nothing of other bodies.
    pub fn pieces(&self) -> Vec<&[u8]> {
        let Ok(boundary) = parse_boundary(&self.media_type) else { return vec![] };
        let mark = format!("--{boundary}");
        let mut from = 0;
        let mut pieces = vec![];
        for at in memchr::memmem::find_iter(&self.bytes, &mark) {
            pieces.push(&self.bytes[from..at]);
            from = at + mark.len();
        }
        pieces.push(&self.bytes[from..]);
        pieces
    }

    /// The fields of a body in parts as a type, and its files. Texts are bounded as those of JSON are.
    pub async fn parts<T: DeserializeOwned>(&self) -> Result<(T, Vec<FilePart>), Failure> {
        let unreadable = |error: multer::Error| Failure::unreadable("body", format!("is not readable: {error}"));
        let boundary = parse_boundary(&self.media_type).map_err(unreadable)?;
        let bytes = self.bytes.clone();
        let body = stream::once(async { Ok::<_, std::convert::Infallible>(bytes) });
        let bounds = self.operation.bounds;
        let limits = SizeLimit::new().whole_stream(self.bytes.len() as u64);
        let mut parts = Multipart::with_constraints(body, boundary, Constraints::new().size_limit(limits));
        let (mut fields, mut files) = (Map::new(), vec![]);
        while let Some(part) = parts.next_field().await.map_err(unreadable)? {
            let Some(name) = part.name().map(str::to_owned) else {
                return Err(Failure::unreadable("body", "has a part without a name"));
            };
            if fields.len() + files.len() == MOST_PARTS {
                return Err(Failure::unreadable("body", format!("has more than {MOST_PARTS} parts")));
            }
            if let Some(message) = fault(&name, bounds) {
                return Err(Failure::unreadable("body", message));
            }
            if let Some(file_name) = part.file_name() {
                let file_name = file_name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
                let media_type = part.content_type().map(ToString::to_string);
                let bytes = part.bytes().await.map_err(unreadable)?;
                files.push(FilePart { field: name, file_name, media_type, bytes });
                continue;
            }
            let text = part.bytes().await.map_err(unreadable)?;
            let text = std::str::from_utf8(&text).map_err(|_| Failure::unreadable(&name, "is not UTF-8"))?;
            if let Some(message) = fault(text, bounds) {
                return Err(Failure::unreadable(&name, message));
            }
            if fields.insert(name.clone(), Value::from(text)).is_some() {
                return Err(Failure::unreadable(&name, "is given twice"));
            }
        }
        Ok((typed::read(&Value::Object(fields), self.operation.names, "body")?, files))
    }
}
