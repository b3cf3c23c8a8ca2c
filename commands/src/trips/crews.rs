//! Crews and the people who are invited to them.

use std::collections::BTreeSet;
use std::sync::Arc;

use caravan_domain::identity::{AccountState, contact};
use caravan_domain::trips::crew::{CrewCommand, CrewState, Crews, Description, Invitee};
use caravan_domain::trips::distinct;
use caravan_domain::{EntityId, Rejection};
use caravan_event_store::Position;
use caravan_limits::Attempt;
use caravan_limits::rules::INVITATIONS_PER_ACCOUNT;

use super::facts::{no_such_person, present};
use crate::{Caller, CommandError, Commands, Done, stream};

pub struct NewCrew {
    pub name: String,
    pub description: Option<Description>,
    pub has_image: bool,
    pub admin_ids: Vec<EntityId>,
}

/// What is given of a crew changes.
pub struct CrewChange {
    pub name: Option<String>,
    pub description: Option<Description>,
    pub has_image: Option<bool>,
    pub admin_ids: Option<Vec<EntityId>>,
}

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

impl Commands {
    pub async fn create_crew(&self, new: NewCrew, caller: &Caller) -> Result<Done<Crews>, CommandError> {
        let admin_ids = self.signed_up_people(&new.admin_ids, "admin_ids").await?;
        let NewCrew { name, description, has_image, .. } = new;
        let id = self.new_id("crew", caller).await?;
        let create = CrewCommand::Create { name, description, has_image, admin_ids };
        self.change_crew(id, create, caller).await
    }

    pub async fn update_crew(
        &self,
        crew: EntityId,
        change: CrewChange,
        caller: &Caller,
    ) -> Result<Done<Crews>, CommandError> {
        let CrewChange { name, description, has_image, admin_ids } = change;
        let admin_ids = match admin_ids {
            Some(ids) => Some(self.signed_up_people(&ids, "admin_ids").await?),
            None => None,
        };
        self.change_crew(crew, CrewCommand::Change { name, description, has_image, admin_ids }, caller).await
    }

    /// A command that the crew decides alone.
    pub async fn change_crew(
        &self,
        crew: EntityId,
        command: CrewCommand,
        caller: &Caller,
    ) -> Result<Done<Crews>, CommandError> {
        self.execute::<Crews>(stream::<Crews>(crew), command, caller).await
    }

    pub async fn add_crew_member(
        &self,
        crew: EntityId,
        person: EntityId,
        caller: &Caller,
    ) -> Result<(EntityId, Done<Crews>), CommandError> {
        let person = self.existing_person(person, "person").await?;
        let done = self.change_crew(crew, CrewCommand::AddMember { person }, caller).await?;
        Ok((person, done))
    }

    pub async fn remove_crew_member(
        &self,
        crew: EntityId,
        person: EntityId,
        caller: &Caller,
    ) -> Result<Done<Crews>, CommandError> {
        let remove = |with_account| CrewCommand::RemoveMember { person, with_account };
        self.without_in_crew(crew, person, remove, caller).await
    }

    /// The system's: somebody was forgotten, and administers nothing any more.
    pub(crate) async fn pass_crew_on(
        &self,
        crew: EntityId,
        person: EntityId,
        caller: &Caller,
    ) -> Result<Done<Crews>, CommandError> {
        let pass_on = |with_account| CrewCommand::PassOn { person, with_account };
        self.without_in_crew(crew, person, pass_on, caller).await
    }

    async fn without_in_crew(
        &self,
        crew: EntityId,
        person: EntityId,
        command: impl Fn(BTreeSet<EntityId>) -> CrewCommand,
        caller: &Caller,
    ) -> Result<Done<Crews>, CommandError> {
        let members = |state: &CrewState| match state.crew() {
            Ok(crew) if crew.is_admin(person) => crew.members.clone(),
            Ok(_) | Err(_) => vec![],
        };
        self.execute_with_accounts::<Crews>(stream::<Crews>(crew), members, command, caller).await
    }

    /// Adds people to a crew and has them told so: `users` who share a crew with the caller, and new ones by phone
    /// number, who become temp members unless the number is known. It touches several streams, so no revision is asked
    /// for.
    pub async fn invite_to_crew(
        &self,
        crew: EntityId,
        users: Vec<EntityId>,
        new: Vec<NewInvite>,
        caller: &Caller,
    ) -> Result<Invited, CommandError> {
        let first_time = self.repeated::<Crews>(&stream::<Crews>(crew), caller).await?.is_none();
        // Nobody is made for somebody who may not invite, nor for half of a list.
        if first_time {
            self.crew(crew).await?.crew()?.only_members(caller.person()?)?;
        }
        for (index, invite) in new.iter().enumerate() {
            contact::phone("phone_number", &invite.phone_number).map_err(|rejection| of_invite(rejection, index))?;
        }
        let users = self.invited_by_id(&users, first_time.then_some(caller.person()?)).await?;
        let taken = match first_time {
            true => Some(self.ask_to_invite(crew, &users, &new, caller).await?),
            false => None,
        };
        let invited = self.invite(crew, users, &new, caller).await;
        if let (Some(taken), Err(CommandError::Rejected(_))) = (taken, &invited) {
            taken.give_back().await?;
        }
        invited
    }

    async fn invite(
        &self,
        crew: EntityId,
        users: Vec<EntityId>,
        new: &[NewInvite],
        caller: &Caller,
    ) -> Result<Invited, CommandError> {
        let by_id = |person| Invitee { person, number: None };
        let mut people: Vec<Invitee> = users.into_iter().map(by_id).collect();
        for (index, invite) in new.iter().enumerate() {
            let (first, last) = (invite.first_name.as_deref(), invite.last_name.as_deref());
            let step = caller.step(&format!("invite/{index}"));
            let person = self.person_with_phone(&invite.phone_number, first, last, &step).await?;
            let number = contact::phone("phone_number", &invite.phone_number)?;
            people.push(Invitee { person, number: Some(self.vault().seal(person, &number).await?) });
        }
        let named: Vec<EntityId> = people.iter().map(|invitee| invitee.person).collect();
        let done = self.change_crew(crew, CrewCommand::Invite { people }, caller).await?;
        Ok(Invited { people: self.accounts(&named).await?, position: done.position })
    }

    /// Who those named by id are now. Somebody who shares no crew with `inviter` is not found, as if they did not
    /// exist.
    async fn invited_by_id(
        &self,
        users: &[EntityId],
        inviter: Option<EntityId>,
    ) -> Result<Vec<EntityId>, CommandError> {
        let accounts = self.accounts(users).await?;
        let people: Vec<EntityId> = accounts.iter().map(|(person, state)| state.present(*person)).collect();
        let crewmates = match inviter {
            Some(inviter) if !people.is_empty() => Some(self.crewmates(inviter, &people).await?),
            _ => None,
        };
        let entries = accounts.iter().enumerate().map(|(index, (person, state))| {
            let known = present(*person, state)
                .filter(|person| crewmates.as_ref().is_none_or(|crewmates| crewmates.contains(person)));
            known.ok_or_else(|| no_such_person(format!("users[{index}].id")).into())
        });
        entries.collect()
    }

    /// Takes what an invitation takes of the inviter's limits and of the recipients', before anybody is made for it.
    /// Who is in the crew already is sent nothing; who was never named before has had nothing sent.
    async fn ask_to_invite(
        &self,
        crew: EntityId,
        users: &[EntityId],
        new: &[NewInvite],
        caller: &Caller,
    ) -> Result<Attempt, CommandError> {
        let mut known = users.to_vec();
        let mut strangers = BTreeSet::new();
        for invite in new {
            match self.known_by_phone(&invite.phone_number).await? {
                Some(person) => known.push(person),
                None => drop(strangers.insert(contact::phone("phone_number", &invite.phone_number)?)),
            }
        }
        let state = self.crew(crew).await?;
        let members = state.crew()?;
        let recipients: Vec<EntityId> =
            distinct(known).into_iter().filter(|person| !members.is_member(*person)).collect();
        self.ask_for_messages(&INVITATIONS_PER_ACCOUNT, caller.person()?, &recipients, strangers).await
    }
}

fn of_invite(rejection: Rejection, index: usize) -> Rejection {
    let named = rejection.field().is_some();
    let rejection = if named { rejection } else { rejection.on("phone_number") };
    rejection.within(&format!("new_invites[{index}]"))
}
