//! `images`: pictures that staff add, and votes on pictures.

use caravan_commands::catalogue::pictures::{self, NewPicture};
use caravan_domain::EntityId;
use caravan_domain::catalogue::picture::Motif;
use caravan_domain::catalogue::picture_votes::Vote;
use caravan_wire::{Answer, Call, Failure, Outcome, Stream};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::{Write, answer, asking};

/// `voteImageRequest`
#[derive(Deserialize)]
struct VoteImage {
    motif: String,
    md5: String,
}

pub(super) async fn vote(call: Call<Write>, vote: Vote) -> Outcome<Stream> {
    let VoteImage { motif, md5 } = call.body()?;
    let done = pictures::vote(&asking(&call).await?, &Motif::named(&motif)?, &md5, vote).await?;
    answer(&done, json!({"result": "ok"}))
}

/// What comes with a file.
#[derive(Deserialize)]
struct Upload {
    motif: String,
    /// That of the file, unless said.
    name: Option<String>,
    author: Option<String>,
}

pub(super) async fn upload(call: Call<Write>) -> Outcome<Stream> {
    let (Upload { motif, name, author }, mut files) = call.parts::<Upload>().await?;
    let file = match (files.pop(), files.is_empty()) {
        (Some(file), true) if file.field == "image" => file,
        _ => return Err(Failure::invalid("image", "is needed, and no other file")),
    };
    let stem = file.file_name.rsplit_once('.').map_or(file.file_name.as_str(), |(stem, _)| stem);
    let picture = NewPicture {
        motif: Motif::named(&motif)?,
        name: name.unwrap_or_else(|| stem.to_owned()),
        author,
        bytes: file.bytes.to_vec(),
        called: file.media_type,
    };
    let (done, _) = pictures::put(&asking(&call).await?, &call.state.pictures, picture, Uuid::new_v4()).await?;
    answer(&done, json!({"id": motif, "imageId": done.id, "md5Hash": done.state.fields.get("md5")}))
}

#[derive(Deserialize)]
struct NamedImage {
    image_id: EntityId,
}

pub(super) async fn delete(call: Call<Write>) -> Outcome<Stream> {
    let NamedImage { image_id } = call.query()?;
    let done = pictures::delete(&asking(&call).await?, &call.state.pictures, image_id).await?;
    Ok(Answer::empty().of(done.revision, done.position))
}
