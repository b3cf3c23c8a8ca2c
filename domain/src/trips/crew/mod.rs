//! Crews: friends who go places together, and the admins among them.

mod events;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use derive_more::From;
pub use events::{CrewEvent, CrewEventKind, Description};
pub use state::{Crew, CrewState, Invitation, no_such_crew};

use crate::kind::keywords;
use crate::trips::{Successor, by_system, distinct};
use crate::{Actor, Context, Decider, EntityId, Kind, Rejection, Sealed, text};

/// The rules of crews.
pub enum Crews {}

pub const KIND: Kind = Kind::of::<Crews>().fields(&[keywords("members")]);

/// What may be asked of a crew. People named must exist: whoever sends a command has seen to it.
#[derive(Debug, Clone, From)]
pub enum CrewCommand {
    #[from]
    Create(NewCrew),
    #[from]
    Change(CrewChange),
    AddMember {
        person: EntityId,
    },
    /// Adds people who are to be told so.
    Invite {
        people: Vec<Invitee>,
    },
    /// `with_account`: the members who have one, of whom somebody may have to follow.
    RemoveMember {
        person: EntityId,
        with_account: BTreeSet<EntityId>,
    },
    /// The system's: the person was forgotten, and administers nothing any more.
    PassOn {
        person: EntityId,
        with_account: BTreeSet<EntityId>,
    },
    Delete,
    /// The system's: an account has absorbed the temp member `from`.
    ReplaceMember {
        from: EntityId,
        to: EntityId,
    },
}

#[derive(Debug, Clone)]
pub struct NewCrew {
    pub name: String,
    pub description: Option<Description>,
    pub has_image: bool,
    pub admin_ids: Vec<EntityId>,
}

/// What is left out stays.
#[derive(Debug, Clone)]
pub struct CrewChange {
    pub name: Option<String>,
    pub description: Option<Description>,
    pub has_image: Option<bool>,
    pub admin_ids: Option<Vec<EntityId>>,
}

/// Somebody to be invited; `number` is theirs, where they were named by it.
#[derive(Debug, Clone)]
pub struct Invitee {
    pub person: EntityId,
    pub number: Option<Sealed>,
}

impl Decider for Crews {
    const CATEGORY: &'static str = "crew";
    const FOLD_VERSION: i32 = 2;
    type State = CrewState;
    type Command = CrewCommand;
    type Event = CrewEvent;

    fn decide(state: &CrewState, command: CrewCommand, context: &Context) -> Result<Vec<CrewEvent>, Rejection> {
        match state {
            CrewState::Unknown => match command {
                CrewCommand::Create(new) => create(new, context),
                CrewCommand::ReplaceMember { .. } | CrewCommand::PassOn { .. } => by_system(context).map(|()| vec![]),
                _ => Err(state::no_such_crew()),
            },
            CrewState::Active(crew) => {
                let mut events = decide_active(crew, command, context)?;
                if !events.is_empty()
                    && let Actor::Person(person) = context.actor
                    && takes_part(crew, person, &events)
                {
                    events.push(CrewEvent::CrewMemberTookPart { person });
                }
                Ok(events)
            }
            CrewState::Deleted { last_members, .. } => match command {
                CrewCommand::Create(_) => Err(made_already()),
                CrewCommand::ReplaceMember { from, to } => {
                    by_system(context)?;
                    let present = from != to && last_members.contains(&from);
                    Ok(if present { vec![CrewEvent::CrewMemberReplaced { from, to }] } else { vec![] })
                }
                CrewCommand::PassOn { .. } => by_system(context).map(|()| vec![]),
                _ => Err(state::no_such_crew()),
            },
        }
    }

    fn evolve(state: CrewState, event: &CrewEvent) -> CrewState {
        state::evolve(state, event)
    }
}

fn decide_active(crew: &Crew, command: CrewCommand, context: &Context) -> Result<Vec<CrewEvent>, Rejection> {
    match command {
        CrewCommand::Create(_) => Err(made_already()),
        CrewCommand::Change(new) => {
            only_admins(crew, context)?;
            change(crew, new)
        }
        CrewCommand::AddMember { person } => {
            crew.only_members(context.person()?)?;
            Ok(if crew.is_member(person) { vec![] } else { vec![CrewEvent::CrewMemberAdded { person }] })
        }
        CrewCommand::Invite { people } => {
            crew.only_members(context.person()?)?;
            Ok(invite(crew, people, context.person()?))
        }
        CrewCommand::RemoveMember { person, with_account } => remove_member(crew, person, &with_account, context),
        CrewCommand::PassOn { person, with_account } => {
            by_system(context)?;
            Ok(pass_on(crew, person, &with_account, context))
        }
        CrewCommand::Delete => {
            only_admins(crew, context)?;
            Ok(vec![CrewEvent::CrewDeleted { at: context.now }])
        }
        CrewCommand::ReplaceMember { from, to } => {
            by_system(context)?;
            let present = from != to && crew.is_member(from);
            Ok(if present { vec![CrewEvent::CrewMemberReplaced { from, to }] } else { vec![] })
        }
    }
}

fn made_already() -> Rejection {
    Rejection::conflict("crew-exists", "this crew exists already")
}

fn only_admins(crew: &Crew, context: &Context) -> Result<(), Rejection> {
    if crew.is_admin(context.person()?) {
        Ok(())
    } else {
        Err(Rejection::forbidden("only-crew-admins", "only admins of the crew may"))
    }
}

fn create(new: NewCrew, context: &Context) -> Result<Vec<CrewEvent>, Rejection> {
    let NewCrew { name, description, has_image, admin_ids } = new;
    let creator = context.person()?;
    text::not_empty("name", &name)?;
    let admins = some_admins(admin_ids)?;
    let members = distinct(std::iter::once(creator).chain(admins.iter().copied()).collect());
    let admins = distinct(admins.into_iter().chain([creator]).collect());
    Ok(vec![
        CrewEvent::CrewCreated { name, description, has_image, creator, admins, members },
        CrewEvent::CrewMemberTookPart { person: creator },
    ])
}

/// Whether this is the first command by which a member takes part. Who goes does not.
fn takes_part(crew: &Crew, person: EntityId, events: &[CrewEvent]) -> bool {
    let goes = |event: &CrewEvent| {
        matches!(event, CrewEvent::CrewDeleted { .. })
            || matches!(event, CrewEvent::CrewMemberRemoved { person: gone } if *gone == person)
    };
    crew.is_member(person) && !crew.took_part.contains(&person) && !events.iter().any(goes)
}

fn invite(crew: &Crew, people: Vec<Invitee>, inviter: EntityId) -> Vec<CrewEvent> {
    let mut new: Vec<Invitee> = vec![];
    for invitee in people {
        match new.iter_mut().find(|known| known.person == invitee.person) {
            Some(known) => known.number = known.number.take().or(invitee.number),
            None if !crew.is_member(invitee.person) => new.push(invitee),
            None => {}
        }
    }
    let invited = |Invitee { person, number }| CrewEvent::CrewMemberInvited { person, inviter, number };
    new.into_iter().map(invited).collect()
}

fn change(crew: &Crew, new: CrewChange) -> Result<Vec<CrewEvent>, Rejection> {
    let CrewChange { name, description, has_image, admin_ids } = new;
    name.as_deref().map_or(Ok(()), |name| text::not_empty("name", name))?;
    let admins = admin_ids.map(some_admins).transpose()?;
    if let Some(admins) = &admins {
        crew.only_names_members(admins, "admin_ids")?;
    }
    let name = name.filter(|name| *name != crew.name);
    let description = description.filter(|description| crew.description.as_ref() != Some(description));
    let has_image = has_image.filter(|has_image| *has_image != crew.has_image);
    let admins = admins.filter(|admins| *admins != crew.admins);
    let unchanged = name.is_none() && description.is_none() && has_image.is_none() && admins.is_none();
    Ok(if unchanged { vec![] } else { vec![CrewEvent::CrewChanged { name, description, has_image, admins }] })
}

fn some_admins(admin_ids: Vec<EntityId>) -> Result<Vec<EntityId>, Rejection> {
    let admins = distinct(admin_ids);
    if admins.is_empty() {
        return Err(Rejection::invalid("crew-needs-admin", "admin_ids", "needs at least one admin"));
    }
    Ok(admins)
}

/// Nobody is kept: where the last admin goes, somebody follows; with nobody who could, the crew is deleted.
fn remove_member(
    crew: &Crew,
    person: EntityId,
    with_account: &BTreeSet<EntityId>,
    context: &Context,
) -> Result<Vec<CrewEvent>, Rejection> {
    let actor = context.person()?;
    if actor != person && !crew.is_admin(actor) {
        return Err(Rejection::forbidden("only-admins-remove-others", "only admins of the crew may remove others"));
    }
    if !crew.is_member(person) {
        return Err(Rejection::not_found("no-such-crew-member", "is not a member of the crew").on("person"));
    }
    let mut events = vec![CrewEvent::CrewMemberRemoved { person }];
    if crew.is_admin(person) {
        match successor(crew, person, with_account) {
            Successor::Needless => {}
            Successor::One(one) => events.push(admins_without(crew, person, Some(one))),
            Successor::Nobody => events.push(CrewEvent::CrewDeleted { at: context.now }),
        }
    }
    Ok(events)
}

fn pass_on(crew: &Crew, person: EntityId, with_account: &BTreeSet<EntityId>, context: &Context) -> Vec<CrewEvent> {
    if !crew.is_admin(person) {
        return vec![];
    }
    vec![match successor(crew, person, with_account) {
        Successor::Needless => admins_without(crew, person, None),
        Successor::One(one) => admins_without(crew, person, Some(one)),
        Successor::Nobody => CrewEvent::CrewDeleted { at: context.now },
    }]
}

fn successor(crew: &Crew, person: EntityId, with_account: &BTreeSet<EntityId>) -> Successor {
    Successor::of(person, &crew.admins, crew.creator, &crew.members, with_account)
}

fn admins_without(crew: &Crew, person: EntityId, successor: Option<EntityId>) -> CrewEvent {
    let staying = crew.admins.iter().copied().filter(|admin| *admin != person);
    let admins = Some(staying.chain(successor).collect());
    CrewEvent::CrewChanged { name: None, description: None, has_image: None, admins }
}
