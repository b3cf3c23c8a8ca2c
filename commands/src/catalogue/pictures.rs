//! Pictures of what is in the catalogue, and votes on them.

use caravan_domain::catalogue::city::CITY;
use caravan_domain::catalogue::event;
use caravan_domain::catalogue::performer::PERFORMER;
use caravan_domain::catalogue::picture::{Motif, PICTURE, Picture, no_such_picture};
use caravan_domain::catalogue::picture_votes::{PictureVotes, PictureVotesCommand, Vote};
use caravan_domain::catalogue::region::REGION;
use caravan_domain::catalogue::trending_event::TRENDING_EVENT;
use caravan_domain::catalogue::venue::VENUE;
use caravan_domain::record::{Change, RecordCommand, Records};
use caravan_domain::{Decider, EntityId, Kind, Rejection};
use caravan_event_store::StreamId;
use caravan_files::pictures::{self, Pictures};
use caravan_limits::known::VOTES_PER_ACCOUNT;
use serde_json::Value;
use uuid::Uuid;

use super::Outcome;
use crate::counted::send_counted;
use crate::{Asking, CommandError, Commands, Done, records};

/// What there may be pictures of.
const SHOWN: [&Kind; 6] = [&CITY.kind, &event::KIND, &PERFORMER.kind, &REGION.kind, &TRENDING_EVENT.kind, &VENUE.kind];

/// A picture that somebody adds.
#[derive(Debug, Clone)]
pub struct NewPicture {
    pub motif: Motif,
    pub name: String,
    pub author: Option<String>,
    pub bytes: Vec<u8>,
    /// The media type of the file, or the ending of its name, where it says one: what it then has to be.
    pub called: Option<String>,
}

/// Keeps a picture. The same file of the same motif is the same picture, and comes back where it was deleted; fields at
/// fault are `motif`, `name`, `author` and `image`. `own`: what a file that is not there yet is kept by.
///
/// A file is kept before its picture is there, and one by this name is never deleted and kept again: whoever deletes
/// the picture meanwhile deletes another file, or makes this start anew.
pub async fn put(
    asking: &Asking,
    pictures: &Pictures,
    new: NewPicture,
    own: Uuid,
) -> Result<(Done<Records>, Outcome), CommandError> {
    const TRIES: u32 = 20;
    let NewPicture { motif, name, author, bytes, called } = new;
    let md5 = pictures::md5(&bytes);
    let id = picture_id(asking, &motif, &md5);
    if let Some(done) = asking.repeated::<Records>(&StreamId::new(PICTURE.kind.name, id), asking.caller()).await? {
        return Ok((done, Outcome::Unchanged));
    }
    for _ in 0..TRIES {
        let present = asking.record(&PICTURE, id).await?;
        let file = present.state.get::<Picture>().map_or(own, |picture| picture.file);
        let picture = Picture::new(motif.clone(), name.clone(), author.clone(), md5.clone(), file);
        let fields = serde_json::to_value(picture).map_err(CommandError::broken)?;
        let change = Change::Put(fields.as_object().cloned().unwrap_or_default());
        // Whoever may not, and what is wrong otherwise, is refused before anything is read or kept.
        let command = RecordCommand { record: &PICTURE, id, change: change.clone(), lost: vec![] };
        Records::decide(&present.state, command, &asking.caller().context())?;
        if let Motif::Thing(thing) = &motif
            && !is_shown(asking, *thing).await?
        {
            let rejection = Rejection::not_found("no-such-thing", "nothing of the catalogue has this id");
            return Err(rejection.on("motif").into());
        }
        if !pictures.has(&file.to_string()).await? {
            pictures.keep(&file.to_string(), bytes.clone(), called.as_deref()).await?;
        }
        let if_match = asking.caller().if_match;
        let as_of = asking.at_revision(if_match.unwrap_or(present.revision));
        match records::change(&as_of, &PICTURE, id, change).await {
            Err(CommandError::PreconditionFailed) if if_match.is_none() => pictures.delete(&own.to_string()).await?,
            done => {
                let done = done?;
                let outcome = Outcome::of(&done.events);
                return Ok((done, outcome));
            }
        }
    }
    Err(CommandError::Busy)
}

/// Deletes a picture, for good: its file goes too.
pub async fn delete(asking: &Asking, pictures: &Pictures, id: EntityId) -> Result<Done<Records>, CommandError> {
    let done = records::change(asking, &PICTURE, id, Change::Delete).await?;
    if let Some(file) = done.state.fields.get("file").and_then(Value::as_str) {
        pictures.delete(file).await?;
    }
    Ok(done)
}

/// Votes on the picture of a motif that has this MD5. The same again changes nothing, another vote takes the place of
/// the one before.
pub async fn vote(asking: &Asking, motif: &Motif, md5: &str, vote: Vote) -> Result<Done<PictureVotes>, CommandError> {
    if let Some(done) = asking.done_before(asking.person()?).await? {
        return Ok(done);
    }
    let picture = picture_id(asking, motif, md5);
    if !asking.lives(&PICTURE.kind, picture).await? {
        return Err(no_such_picture().on("md5").into());
    }
    let cast = PictureVotesCommand::Cast { picture, vote };
    send_counted::<PictureVotes>(asking, cast, &VOTES_PER_ACCOUNT).await
}

/// The id of the picture of a motif that has this MD5, whether there is one or not.
fn picture_id(commands: &Commands, motif: &Motif, md5: &str) -> EntityId {
    let motif = match motif {
        Motif::Thing(thing) => thing.to_string(),
        Motif::BuiltIn(name) => format!("built-in/{name}"),
    };
    commands.vault().claim_id("picture", &format!("{motif} {md5}"))
}

async fn is_shown(commands: &Commands, thing: EntityId) -> Result<bool, CommandError> {
    for kind in SHOWN {
        if commands.lives(kind, thing).await? {
            return Ok(true);
        }
    }
    Ok(false)
}
