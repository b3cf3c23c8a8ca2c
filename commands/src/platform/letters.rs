//! Mails that staff write.

use caravan_domain::platform::letter::{Draft, Letters, StoredFile, WriteLetter, only_staff};
use caravan_files::Files;

use crate::effects::check_attachment;
use crate::{Asking, CommandError, Done};

/// Has a letter sent. `senders`: the addresses that it may be from; `files`: where the file is that goes with it.
pub async fn write(
    asking: &Asking,
    draft: Draft,
    senders: &[String],
    files: &Files,
) -> Result<Done<Letters>, CommandError> {
    // Who may not write is told nothing about the senders.
    only_staff(&asking.caller().context())?;
    let letter = draft.checked(senders)?;
    let write = async {
        if let Some(StoredFile { bucket, path }) = &letter.attachment {
            check_attachment(files, bucket, path).await?;
        }
        let letter = serde_json::to_string(&letter).map_err(CommandError::broken)?;
        Ok(WriteLetter { letter: asking.vault().seal(asking.person()?, &letter).await? })
    };
    asking.send_once::<Letters, _>(asking.new_id::<Letters>().await?, write).await
}
