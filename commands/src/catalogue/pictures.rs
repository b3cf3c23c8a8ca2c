//! Pictures of what is in the catalogue, and votes on them.

use caravan_domain::catalogue::city::CITY;
use caravan_domain::catalogue::event;
use caravan_domain::catalogue::performer::PERFORMER;
use caravan_domain::catalogue::picture::{Motif, PICTURE, Picture, no_such_picture};
use caravan_domain::catalogue::picture_votes::{PictureVotes, PictureVotesCommand, Vote};
use caravan_domain::catalogue::region::REGION;
use caravan_domain::catalogue::trending_event::TRENDING_EVENT;
use caravan_domain::catalogue::venue::VENUE;
use caravan_domain::record::{Change, RecordCommand, RecordEvent, Records};
use caravan_domain::{Decider, EntityId, Kind, Rejection};
use caravan_files::pictures::{self, Pictures};
use caravan_limits::known::VOTES_PER_ACCOUNT;

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
/// fault are `motif`, `name`, `author` and `image`.
pub async fn put(
    asking: &Asking,
    pictures: &Pictures,
    new: NewPicture,
) -> Result<(Done<Records>, Outcome), CommandError> {
    let NewPicture { motif, name, author, bytes, called } = new;
    let md5 = pictures::md5(&bytes);
    let id = picture_id(asking, &motif, &md5);
    let thing = match &motif {
        Motif::Thing(thing) => Some(*thing),
        Motif::BuiltIn(_) => None,
    };
    let fields = serde_json::to_value(Picture::new(motif, name, author, md5)).map_err(CommandError::broken)?;
    let change = Change::Put(fields.as_object().cloned().unwrap_or_default());
    // Whoever may not, and what is wrong otherwise, is refused before anything is read or kept.
    let command = RecordCommand { record: &PICTURE, id, change: change.clone(), lost: vec![] };
    let due = Records::decide(&asking.record(&PICTURE, id).await?.state, command, &asking.caller().context())?;
    if due.is_empty() && pictures.has(&id.to_string()).await? {
        return Ok((records::change(asking, &PICTURE, id, change).await?, Outcome::Unchanged));
    }
    if let Some(thing) = thing
        && !is_shown(asking, thing).await?
    {
        return Err(Rejection::not_found("no-such-thing", "nothing of the catalogue has this id").on("motif").into());
    }
    pictures.keep(&id.to_string(), bytes, called.as_deref()).await?;
    let done = records::change(asking, &PICTURE, id, change).await?;
    let outcome = match done.events.first() {
        None => Outcome::Unchanged,
        Some(RecordEvent::Created { .. }) => Outcome::New,
        Some(_) => Outcome::Changed,
    };
    Ok((done, outcome))
}

/// Deletes a picture, for good: its file goes too.
pub async fn delete(asking: &Asking, pictures: &Pictures, id: EntityId) -> Result<Done<Records>, CommandError> {
    let done = records::change(asking, &PICTURE, id, Change::Delete).await?;
    pictures.delete(&id.to_string()).await?;
    Ok(done)
}

/// Votes on the picture of a motif that has this MD5. The same again changes nothing, another vote takes the place of
/// the one before.
pub async fn vote(asking: &Asking, motif: &Motif, md5: &str, vote: Vote) -> Result<Done<PictureVotes>, CommandError> {
    let person = asking.person()?;
    if let Some(done) = asking.done_before(person).await? {
        return Ok(done);
    }
    let picture = picture_id(asking, motif, md5);
    if !asking.lives(&PICTURE.kind, picture).await? {
        return Err(no_such_picture().on("md5").into());
    }
    let cast = PictureVotesCommand::Cast { picture, vote };
    send_counted::<PictureVotes>(asking, person, cast, &VOTES_PER_ACCOUNT).await
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
