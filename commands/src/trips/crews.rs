//! Crews and the people who are invited to them.

use std::collections::BTreeSet;
use std::sync::Arc;

use caravan_domain::identity::{AccountState, contact};
use caravan_domain::trips::crew::{CrewChange, CrewCommand, CrewState, Crews, Invitee, NewCrew};
use caravan_domain::trips::distinct;
use caravan_domain::{EntityId, Rejection};
use caravan_event_store::Position;
use caravan_limits::Attempt;
use caravan_limits::known::INVITATIONS_PER_ACCOUNT;

use super::crewmates::crewmates;
use super::facts::{crew, send_with_accounts};
use super::requests::ask_for_messages;
use crate::identity::{invited, people};
use crate::processes::CREW_INVITATION;
use crate::{Asking, CommandError, Commands, Done};

/// Somebody known by phone number only.
pub struct NewInvite {
    pub phone_number: String,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
}

/// Whom an invitation names, entry by entry: first those named by id, then those by number.
pub struct Invited {
    pub people: Vec<(EntityId, Arc<AccountState>)>,
    pub position: Position,
}

pub async fn create(asking: &Asking, new: NewCrew) -> Result<Done<Crews>, CommandError> {
    let create = async {
        let admin_ids = people::signed_up(asking, &new.admin_ids, "admin_ids").await?;
        Ok(NewCrew { admin_ids, ..new })
    };
    asking.send_once(asking.new_id::<Crews>().await?, create).await
}

pub async fn change(asking: &Asking, crew: EntityId, change: CrewChange) -> Result<Done<Crews>, CommandError> {
    let change = async {
        let admin_ids = match &change.admin_ids {
            Some(ids) => Some(people::signed_up(asking, ids, "admin_ids").await?),
            None => None,
        };
        Ok(CrewChange { admin_ids, ..change })
    };
    asking.send_once(crew, change).await
}

/// Adds a person; gives who that is now, where they were a temp member whom an account has absorbed, and the crew.
pub async fn add_member(
    asking: &Asking,
    crew: EntityId,
    person: EntityId,
) -> Result<(EntityId, Done<Crews>), CommandError> {
    let person = people::present(asking, person).await?;
    let add = async { Ok(CrewCommand::AddMember { person: people::existing(asking, person, "person").await? }) };
    Ok((person, asking.send_once(crew, add).await?))
}

pub async fn remove_member(asking: &Asking, crew: EntityId, person: EntityId) -> Result<Done<Crews>, CommandError> {
    let remove = |with_account| CrewCommand::RemoveMember { person, with_account };
    without(asking, crew, person, remove).await
}

/// The system's: somebody was forgotten, and administers nothing any more.
pub(crate) async fn pass_on(asking: &Asking, crew: EntityId, person: EntityId) -> Result<Done<Crews>, CommandError> {
    let pass_on = |with_account| CrewCommand::PassOn { person, with_account };
    without(asking, crew, person, pass_on).await
}

async fn without(
    asking: &Asking,
    crew: EntityId,
    person: EntityId,
    command: impl Fn(BTreeSet<EntityId>) -> CrewCommand,
) -> Result<Done<Crews>, CommandError> {
    let members = |state: &CrewState| match state.crew() {
        Ok(crew) if crew.is_admin(person) => crew.members.clone(),
        Ok(_) | Err(_) => vec![],
    };
    send_with_accounts::<Crews, _>(asking, crew, members, command).await
}

/// Adds people to a crew and has them told so: `users` who share a crew with the caller, and new ones by phone number,
/// who become temp members unless the number is known. It touches several streams, so no revision is asked for.
pub async fn invite(
    asking: &Asking,
    crew_id: EntityId,
    users: Vec<EntityId>,
    new: Vec<NewInvite>,
) -> Result<Invited, CommandError> {
    let first_time = asking.done_before::<Crews>(crew_id).await?.is_none();
    // Nobody is made for somebody who may not invite, nor for half of a list.
    if first_time {
        crew(asking, crew_id).await?.crew()?.only_members(asking.person()?)?;
    }
    for (index, invite) in new.iter().enumerate() {
        contact::phone("phone_number", &invite.phone_number).map_err(|rejection| of_invite(rejection, index))?;
    }
    let users = invited_by_id(asking, &users, first_time.then_some(asking.person()?)).await?;
    let taken = match first_time {
        true => Some(ask_to_invite(asking, crew_id, &users, &new).await?),
        false => None,
    };
    let invited = invite_all(asking, crew_id, users, &new).await;
    if let (Some(taken), Err(CommandError::Rejected(_))) = (taken, &invited) {
        taken.give_back().await?;
    }
    invited
}

async fn invite_all(
    asking: &Asking,
    crew: EntityId,
    users: Vec<EntityId>,
    new: &[NewInvite],
) -> Result<Invited, CommandError> {
    let by_id = |person| Invitee { person, number: None };
    let mut people: Vec<Invitee> = users.into_iter().map(by_id).collect();
    for (index, invite) in new.iter().enumerate() {
        let (first, last) = (invite.first_name.as_deref(), invite.last_name.as_deref());
        let step = asking.step(&format!("invite/{index}"));
        let person = invited::person_with_phone(&step, &invite.phone_number, first, last).await?;
        let number = contact::phone("phone_number", &invite.phone_number)?;
        people.push(Invitee { person, number: Some(asking.vault().seal(person, &number).await?) });
    }
    let named: Vec<EntityId> = people.iter().map(|invitee| invitee.person).collect();
    let done = asking.send::<Crews>(crew, CrewCommand::Invite { people }).await?;
    Ok(Invited { people: people::accounts(asking, &named).await?, position: done.position })
}

/// Who those named by id are now. Somebody who shares no crew with `inviter` is not found, as if they did not exist.
async fn invited_by_id(
    commands: &Commands,
    users: &[EntityId],
    inviter: Option<EntityId>,
) -> Result<Vec<EntityId>, CommandError> {
    let accounts = people::accounts(commands, users).await?;
    let people: Vec<EntityId> = accounts.iter().map(|(person, state)| state.present(*person)).collect();
    let crewmates = match inviter {
        Some(inviter) if !people.is_empty() => Some(crewmates(commands, inviter, &people).await?),
        _ => None,
    };
    let entries = accounts.iter().enumerate().map(|(index, (person, state))| {
        let known = people::existing_as(*person, state)
            .filter(|person| crewmates.as_ref().is_none_or(|crewmates| crewmates.contains(person)));
        known.ok_or_else(|| people::no_such_person(format!("users[{index}].id")).into())
    });
    entries.collect()
}

/// Takes what an invitation takes of the inviter's limits and of the recipients', before anybody is made for it. Who is
/// in the crew already is sent nothing; who was never named before has had nothing sent.
async fn ask_to_invite(
    asking: &Asking,
    crew_id: EntityId,
    users: &[EntityId],
    new: &[NewInvite],
) -> Result<Attempt, CommandError> {
    let mut known = users.to_vec();
    let mut strangers = BTreeSet::new();
    for invite in new {
        match invited::known_by_phone(asking, &invite.phone_number).await? {
            Some(person) => known.push(person),
            None => drop(strangers.insert(contact::phone("phone_number", &invite.phone_number)?)),
        }
    }
    let state = crew(asking, crew_id).await?;
    let members = state.crew()?;
    let recipients: Vec<EntityId> = distinct(known).into_iter().filter(|person| !members.is_member(*person)).collect();
    ask_for_messages(asking, &INVITATIONS_PER_ACCOUNT, &CREW_INVITATION, &recipients, strangers).await
}

fn of_invite(rejection: Rejection, index: usize) -> Rejection {
    let named = rejection.field().is_some();
    let rejection = if named { rejection } else { rejection.on("phone_number") };
    rejection.within(&format!("new_invites[{index}]"))
}
