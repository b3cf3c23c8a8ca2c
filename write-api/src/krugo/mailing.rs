//! `mailing`: lists that people join, and mails that admins write. What people want to be mailed stands in `notices`.

use caravan_commands::identity::mailing_lists;
use caravan_commands::platform::letters;
use caravan_domain::platform::letter::{Draft, StoredFile};
use caravan_wire::{Answer, Call, Log, Outcome};
use serde::Deserialize;
use serde_json::json;

use crate::{Write, asking};

#[derive(Deserialize)]
struct JoinList {
    mailing_list: String,
    email: String,
}

pub(super) async fn join_mailing_list(call: Call<Write>) -> Outcome<Log> {
    let JoinList { mailing_list, email } = call.body()?;
    let joined = mailing_lists::join(&asking(&call).await?, call.person()?, &mailing_list, &email).await?;
    Ok(Answer::json(json!({"status": "subscribed"})).at(joined.position))
}

#[derive(Deserialize)]
struct SendPlain {
    from: String,
    to: String,
    cc: Option<String>,
    bcc: Option<String>,
    reply_to: Option<String>,
    subject: String,
    text: Option<String>,
    html: Option<String>,
}

pub(super) async fn send_plain_email(call: Call<Write>) -> Outcome<Log> {
    let SendPlain { from, to, cc, bcc, reply_to, subject, text, html } = call.body()?;
    send(&call, Draft { from, to, cc, bcc, reply_to, subject, text, html, attachment: None }).await
}

#[derive(Deserialize)]
struct SendAttachment {
    from: String,
    to: String,
    cc: Option<String>,
    bcc: Option<String>,
    reply_to: Option<String>,
    subject: String,
    text: Option<String>,
    html: Option<String>,
    bucket: String,
    attachment_path: String,
}

pub(super) async fn send_attachment_email(call: Call<Write>) -> Outcome<Log> {
    let SendAttachment { from, to, cc, bcc, reply_to, subject, text, html, bucket, attachment_path } = call.body()?;
    let attachment = Some(StoredFile { bucket, path: attachment_path });
    send(&call, Draft { from, to, cc, bcc, reply_to, subject, text, html, attachment }).await
}

async fn send(call: &Call<Write>, draft: Draft) -> Outcome<Log> {
    let Write { mail_senders, files, .. } = &*call.state;
    let written = letters::write(&asking(call).await?, draft, mail_senders, files).await?;
    Ok(Answer::json(json!({"tmp": "sent"})).at(written.position))
}
