//! Somebody was added to a crew and is to be told so.

use caravan_domain::identity::Notice;
use caravan_domain::trips::crew::{CrewEvent, Crews};
use caravan_event_store::following::FollowError;
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;

use super::super::composing::{Composed, Composing};
use super::super::words::Values;
use super::super::{Demand, Mail, Template};
use crate::CommandError;
use crate::processes::reaction::Reaction;

pub const CREW_INVITATION: Template = Template {
    name: "crew-invitation",
    words: include_str!("crew_invitation.txt"),
    mail: Some(Mail { number: 4, recipient: "Invitee" }),
    notice: Some(Notice::CrewInvitation),
    compose: |it| compose(it).boxed(),
};

/// So many invitations of one account go out together, each further one a second later.
const AT_ONCE: i64 = 25;

pub async fn demand(mut reaction: Reaction<'_>, event: CrewEvent) -> Result<(), FollowError> {
    let CrewEvent::CrewMemberInvited { person, .. } = event else { return Err(reaction.misled()) };
    let due_at = pace(&mut reaction).await?;
    let demand = Demand { due_at, ..Demand::of(&reaction, person) };
    CREW_INVITATION.demand(&mut reaction, demand).await
}

/// At once while its account has invited few of late, else one a second.
async fn pace(reaction: &mut Reaction<'_>) -> Result<DateTime<Utc>, FollowError> {
    let invited_at = reaction.recorded.time;
    let Some(account) = reaction.actor()? else { return Ok(invited_at) };
    let next: DateTime<Utc> = sqlx::query_scalar(
        "insert into invitation_pace as pace (account, next_at) values ($1, $2)
         on conflict (account) do update
         set next_at = greatest(pace.next_at, excluded.next_at) + interval '1 second' returning next_at",
    )
    .bind(account.0)
    .bind(invited_at)
    .fetch_one(&mut *reaction.tx)
    .await?;
    Ok(invited_at.max(next - TimeDelta::seconds(AT_ONCE - 1)))
}

async fn compose(composing: &Composing<'_>) -> Result<Option<Composed>, CommandError> {
    let state = composing.state::<Crews>().await?;
    let to = composing.reached().await?;
    let Ok(crew) = state.crew() else { return Ok(None) };
    if !crew.is_member(to.person) && !crew.is_member(composing.recipient) {
        return Ok(None);
    }
    let (named, inviter) = composing.first_name(composing.actor()?).await?;
    let values = values(inviter.as_deref(), &crew.name, to.has_account, composing.public_url);
    Ok(Some(Composed { to, values, named, limited: None, written: None }))
}

pub fn values(inviter: Option<&str>, crew: &str, has_account: bool, url: &str) -> Values {
    Values::default().typed("inviter", inviter).typed("crew", crew).ours("has_account", has_account).ours("url", url)
}
