//! Files that others have put where this installation looks for them, by the name of a folder and a path in it, to go
//! with mails.

use caravan_domain::Rejection;
use caravan_files::path::{Path, PathPart};
use caravan_files::{Files, Found, OWN};

use crate::CommandError;

/// The largest file that goes with a mail, in bytes.
pub const LARGEST_ATTACHMENT: u64 = 10 * 1024 * 1024;

/// Refuses a file that is not there or too large to go with a mail; fields are `bucket` and `attachment_path`.
pub async fn check_attachment(files: &Files, bucket: &str, path: &str) -> Result<(), CommandError> {
    found(files, bucket, path).await.map(drop)
}

/// The bytes of a file that was checked before; none where it is gone, or too large by now.
pub(crate) async fn attachment(files: &Files, bucket: &str, path: &str) -> Result<Option<Vec<u8>>, CommandError> {
    match found(files, bucket, path).await {
        Ok(file) => Ok(Some(file.bytes().await?)),
        Err(CommandError::Rejected(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A file that is there and not too large, opened.
async fn found(files: &Files, bucket: &str, path: &str) -> Result<Found, CommandError> {
    let found = files.find(&place(bucket, path)?).await?.ok_or_else(no_such_file)?;
    if found.size() > LARGEST_ATTACHMENT {
        let message = format!("is larger than {LARGEST_ATTACHMENT} bytes");
        return Err(Rejection::invalid("attachment-too-large", "attachment_path", message).into());
    }
    Ok(found)
}

/// Below the folder, whatever the path says. Our own files go with no mail.
fn place(bucket: &str, path: &str) -> Result<Path, Rejection> {
    let part = PathPart::parse(bucket).ok().filter(|_| !bucket.is_empty() && bucket != OWN);
    let part = part.ok_or_else(|| Rejection::invalid("bucket-form", "bucket", "is no folder's name"))?;
    let path = Path::parse(path).ok().filter(|path| !path.as_ref().is_empty()).ok_or_else(|| {
        Rejection::invalid("file-path-form", "attachment_path", "is no path to a file: expected a/b.pdf")
    })?;
    Ok(std::iter::once(part).chain(path.parts()).map(|part| part.as_ref().to_owned()).collect())
}

fn no_such_file() -> Rejection {
    Rejection::not_found("no-such-file", "no such file").on("attachment_path")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(outcome: Result<(), CommandError>) -> &'static str {
        match outcome {
            Err(CommandError::Rejected(rejection)) => rejection.rule,
            other => panic!("{other:?}"),
        }
    }

    fn files(directory: &std::path::Path) -> Files {
        Files::open(directory.to_str().unwrap(), []).unwrap()
    }

    #[tokio::test]
    async fn only_what_lies_in_the_store_is_a_file() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("secret"), "secret").unwrap();
        let files = files(&dir.path().join("files"));
        assert_eq!(rule(check_attachment(&files, "attachments", "trips/a b.pdf").await), "no-such-file");
        std::fs::create_dir_all(dir.path().join("files/attachments/trips")).unwrap();
        std::fs::write(dir.path().join("files/attachments/trips/a b.pdf"), "%PDF").unwrap();
        check_attachment(&files, "attachments", "trips/a b.pdf").await.unwrap();
        assert_eq!(attachment(&files, "attachments", "trips/a b.pdf").await.unwrap().unwrap(), b"%PDF");
        for (bucket, path, expected) in [
            ("attachments", "trips/c.pdf", "no-such-file"),
            ("others", "trips/a b.pdf", "no-such-file"),
            ("attachments", "trips", "no-such-file"),
            ("attachments", "../../secret", "file-path-form"),
            ("attachments", "trips/../../../secret", "file-path-form"),
            ("attachments", "./trips/a b.pdf", "file-path-form"),
            ("attachments", "", "file-path-form"),
            ("..", "secret", "bucket-form"),
            ("attachments/..", "secret", "bucket-form"),
            (".", "secret", "bucket-form"),
            ("", "secret", "bucket-form"),
            ("caravan", "pictures/nobody/1", "bucket-form"),
            ("attachments", "%2e%2e/%2e%2e/secret", "no-such-file"),
            ("attachments", "/etc/passwd", "no-such-file"),
        ] {
            assert_eq!(rule(check_attachment(&files, bucket, path).await), expected, "{bucket} {path}");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_too_large_goes_with_no_mail() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(dir.path());
        std::fs::create_dir_all(dir.path().join("a")).unwrap();
        let file = std::fs::File::create(dir.path().join("a/large")).unwrap();
        file.set_len(LARGEST_ATTACHMENT).unwrap();
        check_attachment(&files, "a", "large").await.unwrap();
        file.set_len(LARGEST_ATTACHMENT + 1).unwrap();
        assert_eq!(rule(check_attachment(&files, "a", "large").await), "attachment-too-large");
        assert_eq!(attachment(&files, "a", "large").await.unwrap(), None);
    }
}
