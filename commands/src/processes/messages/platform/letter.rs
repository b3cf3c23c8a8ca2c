//! A mail whose words an admin wrote.

use caravan_domain::identity::Medium;
use caravan_domain::platform::letter::{Letter, LetterEvent, Letters};
use caravan_event_store::following::FollowError;
use futures::FutureExt;

use super::super::composing::{Composed, Composing, Reached, Written};
use super::super::reach::{Destination, Reach, opened};
use super::super::words::Values;
use super::super::{Demand, Template};
use crate::CommandError;
use crate::effects::Letterhead;
use crate::processes::reaction::Reaction;

pub const LETTER: Template = Template {
    name: "letter",
    words: "{{ subject }}\n\n{{ text }}",
    mail: None,
    notice: None,
    compose: |it| compose(it).boxed(),
};

/// It is remembered for who wrote it, the only one who need have an account.
pub async fn demand(mut reaction: Reaction<'_>, event: LetterEvent) -> Result<(), FollowError> {
    let LetterEvent::LetterWritten { letter } = event;
    let demand = Demand::of(&reaction, letter.subject);
    LETTER.demand(&mut reaction, demand).await
}

async fn compose(composing: &Composing<'_>) -> Result<Option<Composed>, CommandError> {
    let LetterEvent::LetterWritten { letter: sealed } = composing.event::<Letters>()?;
    let Some(letter) = opened(composing.commands, &sealed).await? else { return Ok(None) };
    let letter: Letter = serde_json::from_str(&letter).map_err(CommandError::broken)?;
    let Letter { from, to, cc, bcc, reply_to, subject, text, html, attachment } = letter;
    let values = values(&subject, text.as_deref().unwrap_or_default());
    let (person, address) = (sealed.subject, to.join(", "));
    let reach = Reach::By(Medium::Mail, vec![Destination { device: None, sealed, address }]);
    Ok(Some(Composed {
        to: Reached { person, reach, has_account: true },
        values,
        named: None,
        limited: None,
        written: Some(Written { letterhead: Letterhead { from, cc, bcc, reply_to }, html, attachment }),
    }))
}

pub fn values(subject: &str, text: &str) -> Values {
    Values::default().ours("subject", subject).ours("text", text)
}
