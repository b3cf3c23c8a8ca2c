//! Sign-ups that lapse, and people whose values have to be gone for certain.

use std::collections::BTreeSet;

use caravan_domain::identity::sign_up::ATTEMPT_LIFE;
use caravan_domain::identity::{
    Account, AccountEvent, AccountEventKind, SignUp, SignUpCommand, SignUpEvent, SignUpEventKind, SignUpState,
};
use caravan_domain::{Decider, EntityId};
use caravan_event_store::following::FollowError;
use caravan_event_store::{Direction, Filter, codec};
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;

use super::{Deadline, Firing};
use crate::processes::Setup;
use crate::processes::reaction::Reaction;
use crate::processes::reactions::{Handler, Reactions, by};
use crate::{CommandError, Commands, stream};

/// Attempts under one user name that nobody has confirmed.
const SIGN_UP_LAPSES: Deadline = Deadline {
    category: SignUp::CATEGORY,
    name: "sign-up lapses",
    fire: |firing| firing.send::<SignUp>(SignUpCommand::Lapse, SignUpState::lapses_at).boxed(),
};

/// An attempt that came to nothing, by the id that its account would have got.
const ATTEMPT_IS_FORGOTTEN: Deadline = Deadline {
    category: Account::CATEGORY,
    name: "attempt is forgotten",
    fire: |firing| forget_unless_named(firing).boxed(),
};

const PERSON_IS_FORGOTTEN: Deadline =
    Deadline { category: Account::CATEGORY, name: "person is forgotten", fire: |firing| forget(firing).boxed() };

pub(super) const DEADLINES: &[Deadline] = &[SIGN_UP_LAPSES, ATTEMPT_IS_FORGOTTEN, PERSON_IS_FORGOTTEN];

/// Whoever is forgotten is so at once, by the command itself; this much later it is done again. By then everything
/// that was under way with an opened value has ended, and what broke off is finished.
const FORGOTTEN_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(5);

pub(super) fn register(reactions: Reactions) -> Reactions {
    reactions.on::<SignUp>(to_sign_up).on::<Account>(to_account)
}

fn to_sign_up(kind: SignUpEventKind) -> Option<Handler<SignUpEvent>> {
    use SignUpEventKind as K;
    match kind {
        K::SignUpBegun => by(begun),
        K::SignUpDropped => by(dropped),
        K::SignUpCompleted => by(completed),
        K::CodeIssued | K::SignUpConfirmed => None,
    }
}

fn to_account(kind: AccountEventKind) -> Option<Handler<AccountEvent>> {
    use AccountEventKind as K;
    match kind {
        K::PersonForgotten => by(forgotten),
        K::Invited
        | K::Registered
        | K::CodeIssued
        | K::SessionOpened
        | K::SessionRefreshed
        | K::SessionClosed
        | K::LoggedOut
        | K::RefreshTokensVoided
        | K::LoginChallenged
        | K::LoginChallengeEnded
        | K::PasswordChanged
        | K::PasswordForced
        | K::PhoneChangeRequested
        | K::PhoneProven
        | K::EmailChangeRequested
        | K::EmailProven
        | K::EmailRemoved
        | K::PushEndpointSet
        | K::PushEndpointDropped
        | K::ProfileChanged
        | K::MfaSwitched
        | K::RoleGranted
        | K::RoleRevoked
        | K::Absorbed => None,
    }
}

async fn begun(reaction: Reaction<'_>, event: SignUpEvent) -> Result<(), FollowError> {
    let SignUpEvent::SignUpBegun(attempt) = event else { return Err(reaction.misled()) };
    let id = reaction.id();
    Ok(SIGN_UP_LAPSES.set(reaction.tx, id, attempt.begun_at + ATTEMPT_LIFE).await?)
}

/// There may be other attempts under the name.
async fn dropped(reaction: Reaction<'_>, event: SignUpEvent) -> Result<(), FollowError> {
    let SignUpEvent::SignUpDropped { attempt } = event else { return Err(reaction.misled()) };
    let due_at = reaction.recorded.time + FORGOTTEN_AGAIN_AFTER;
    Ok(ATTEMPT_IS_FORGOTTEN.set(reaction.tx, attempt, due_at).await?)
}

/// Nobody else gets the name.
async fn completed(reaction: Reaction<'_>, _: SignUpEvent) -> Result<(), FollowError> {
    let id = reaction.id();
    Ok(SIGN_UP_LAPSES.lift(reaction.tx, id).await?)
}

async fn forgotten(reaction: Reaction<'_>, _: AccountEvent) -> Result<(), FollowError> {
    let (id, due_at) = (reaction.id(), reaction.recorded.time + FORGOTTEN_AGAIN_AFTER);
    Ok(PERSON_IS_FORGOTTEN.set(reaction.tx, id, due_at).await?)
}

/// Unless somebody named the person meanwhile.
async fn forget_unless_named(firing: &mut Firing) -> Result<Option<DateTime<Utc>>, CommandError> {
    match firing.commands().state::<Account>(firing.id()).await?.revision {
        -1 => forget(firing).await,
        _ => Ok(None),
    }
}

async fn forget(firing: &mut Firing) -> Result<Option<DateTime<Utc>>, CommandError> {
    let forgotten = firing.commands().vault().forget(firing.id()).await?;
    firing.clear_outbox_of(forgotten);
    Ok(None)
}

/// Events of the log read at once.
const PAGE: usize = 1_000;

/// Sees to it that whoever was forgotten stays so where the keys come from a backup made before, together with the temp
/// members and the sign-up that they turned out to be.
pub async fn forget_again(setup: &Setup) -> Result<(), CommandError> {
    let Setup { commands, clock, pool, .. } = setup;
    let filter = Filter {
        categories: vec![Account::CATEGORY.to_owned()],
        event_types: ["PersonForgotten", "Absorbed"].map(str::to_owned).to_vec(),
    };
    let (mut forgotten, mut absorbed) = (BTreeSet::new(), vec![]);
    let mut from = 0;
    loop {
        let page = commands.store().read_all(from, Direction::Forwards, &filter, PAGE).await?;
        for event in &page.events {
            let told = codec::decode::<Account>(event).map_err(CommandError::broken)?;
            if let AccountEvent::Absorbed { into } = told {
                absorbed.push((event.stream.id, into));
            } else {
                forgotten.insert(event.stream.id);
            }
        }
        if page.end {
            break;
        }
        from = page.next;
    }
    for (temp, into) in absorbed {
        if forgotten.contains(&into) {
            commands.vault().link(temp, into).await?;
        }
    }
    for person in &forgotten {
        if let Some(attempt) = sign_up_of(commands, *person).await? {
            commands.vault().link(attempt, *person).await?;
        }
    }
    let forgotten: Vec<uuid::Uuid> = forgotten.into_iter().map(|person| person.0).collect();
    sqlx::query(
        "insert into deadline (category, stream_id, name, due_at)
         select $1, person, $2, $3 from unnest($4::uuid[]) person on conflict do nothing",
    )
    .bind(PERSON_IS_FORGOTTEN.category)
    .bind(PERSON_IS_FORGOTTEN.name)
    .bind(clock.now())
    .bind(forgotten)
    .execute(pool)
    .await?;
    Ok(())
}

/// The attempt that made somebody's account, if that has another id.
async fn sign_up_of(commands: &Commands, person: EntityId) -> Result<Option<EntityId>, CommandError> {
    let events = commands.store().read_stream(&stream::<Account>(person), 0, Direction::Forwards, PAGE).await?;
    for event in &events {
        if let AccountEvent::Registered(registration) = codec::decode::<Account>(event).map_err(CommandError::broken)? {
            return Ok(registration.sign_up.filter(|attempt| *attempt != person));
        }
    }
    Ok(None)
}
