//! Crews: friends who go places together, and the admins among them.

mod events;
mod state;
#[cfg(test)]
mod tests;

pub use events::{CrewEvent, Description};
pub use state::{Crew, CrewState};

use crate::kind::{Field, FieldType};
use crate::trips::{by_system, distinct};
use crate::{Context, Decider, EntityId, Kind, Rejection};

/// The rules of crews.
pub enum Crews {}

pub const KIND: Kind = Kind { fields: &[Field { name: "members", of: FieldType::Keywords }], ..Kind::of::<Crews>() };

/// What may be asked of a crew. People named must exist: whoever sends a command has seen to it.
#[derive(Debug, Clone)]
pub enum CrewCommand {
    Create {
        name: String,
        description: Option<Description>,
        has_image: bool,
        admin_ids: Vec<EntityId>,
    },
    /// What is left out stays.
    Change {
        name: Option<String>,
        description: Option<Description>,
        has_image: Option<bool>,
        admin_ids: Option<Vec<EntityId>>,
    },
    AddMember {
        person: EntityId,
    },
    /// Adds people who are to be told so.
    Invite {
        people: Vec<EntityId>,
    },
    RemoveMember {
        person: EntityId,
    },
    Delete,
    /// The system's: an account has absorbed the temp member `from`.
    ReplaceMember {
        from: EntityId,
        to: EntityId,
    },
}

impl Decider for Crews {
    const CATEGORY: &'static str = "crew";
    type State = CrewState;
    type Command = CrewCommand;
    type Event = CrewEvent;

    fn decide(state: &CrewState, command: CrewCommand, context: &Context) -> Result<Vec<CrewEvent>, Rejection> {
        match (state, command) {
            (CrewState::Unknown, CrewCommand::Create { name, description, has_image, admin_ids }) => {
                create(name, description, has_image, admin_ids, context)
            }
            (_, CrewCommand::Create { .. }) => Err(Rejection::conflict("this crew exists already")),
            (CrewState::Active(crew), command) => decide_active(crew, command, context),
            (CrewState::Unknown | CrewState::Deleted { .. }, CrewCommand::ReplaceMember { .. }) => {
                by_system(context).map(|()| vec![])
            }
            (CrewState::Unknown | CrewState::Deleted { .. }, _) => Err(Rejection::not_found("no such crew")),
        }
    }

    fn evolve(state: CrewState, event: &CrewEvent) -> CrewState {
        state::evolve(state, event)
    }
}

fn decide_active(crew: &Crew, command: CrewCommand, context: &Context) -> Result<Vec<CrewEvent>, Rejection> {
    match command {
        CrewCommand::Create { .. } => Err(Rejection::conflict("this crew exists already")),
        CrewCommand::Change { name, description, has_image, admin_ids } => {
            only_admins(crew, context)?;
            change(crew, name, description, has_image, admin_ids)
        }
        CrewCommand::AddMember { person } => {
            crew.only_members(context.person()?)?;
            Ok(if crew.is_member(person) { vec![] } else { vec![CrewEvent::CrewMemberAdded { person }] })
        }
        CrewCommand::Invite { people } => {
            crew.only_members(context.person()?)?;
            let new = distinct(people).into_iter().filter(|person| !crew.is_member(*person));
            Ok(new.map(|person| CrewEvent::CrewMemberInvited { person }).collect())
        }
        CrewCommand::RemoveMember { person } => remove_member(crew, person, context.person()?),
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

fn only_admins(crew: &Crew, context: &Context) -> Result<(), Rejection> {
    if crew.is_admin(context.person()?) { Ok(()) } else { Err(Rejection::forbidden("only admins of the crew may")) }
}

fn create(
    name: String,
    description: Option<Description>,
    has_image: bool,
    admin_ids: Vec<EntityId>,
    context: &Context,
) -> Result<Vec<CrewEvent>, Rejection> {
    let creator = context.person()?;
    named(&name)?;
    let admins = distinct(admin_ids);
    if admins.is_empty() {
        return Err(Rejection::invalid("admin_ids", "needs at least one admin"));
    }
    let members = distinct(std::iter::once(creator).chain(admins.iter().copied()).collect());
    Ok(vec![CrewEvent::CrewCreated { name, description, has_image, admins, members }])
}

fn change(
    crew: &Crew,
    name: Option<String>,
    description: Option<Description>,
    has_image: Option<bool>,
    admin_ids: Option<Vec<EntityId>>,
) -> Result<Vec<CrewEvent>, Rejection> {
    name.as_deref().map_or(Ok(()), named)?;
    let admins = admin_ids.map(distinct);
    if let Some(admins) = &admins {
        if admins.is_empty() {
            return Err(Rejection::invalid("admin_ids", "needs at least one admin"));
        }
        if !admins.iter().all(|admin| crew.is_member(*admin)) {
            return Err(Rejection::invalid("admin_ids", "names somebody who is not a member of the crew"));
        }
    }
    let name = name.filter(|name| *name != crew.name);
    let description = description.filter(|description| crew.description.as_ref() != Some(description));
    let has_image = has_image.filter(|has_image| *has_image != crew.has_image);
    let admins = admins.filter(|admins| *admins != crew.admins);
    let unchanged = name.is_none() && description.is_none() && has_image.is_none() && admins.is_none();
    Ok(if unchanged { vec![] } else { vec![CrewEvent::CrewChanged { name, description, has_image, admins }] })
}

fn named(name: &str) -> Result<(), Rejection> {
    if name.trim().is_empty() { Err(Rejection::invalid("name", "is empty")) } else { Ok(()) }
}

fn remove_member(crew: &Crew, person: EntityId, actor: EntityId) -> Result<Vec<CrewEvent>, Rejection> {
    if actor != person && !crew.is_admin(actor) {
        return Err(Rejection::forbidden("only admins of the crew may remove others"));
    }
    if !crew.is_member(person) {
        return Err(Rejection::not_found("is not a member of the crew").on("removed_member_id"));
    }
    if crew.admins == [person] {
        return Err(Rejection::conflict("the last admin of a crew cannot leave it"));
    }
    Ok(vec![CrewEvent::CrewMemberRemoved { person }])
}
