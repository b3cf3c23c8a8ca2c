//! Who may: declared as data with each kind and record, and translated in one place, to a condition on the entity.
//! Writes and reads of one entity ask whether the condition holds; lists find only what it holds for.

use serde_json::{Map, Value};

use crate::condition::Entity;
use crate::identity::Role;
use crate::{Actor, Condition, Context, EntityId, Kind, Rejection};

/// Who may do something with an entity. The system always may.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Who {
    Anyone,
    /// Whoever has an account.
    SignedIn,
    /// Accounts with this role on the platform.
    Role(Role),
    /// The person whose id this field holds; `"id"`: whose id the entity has.
    Person(&'static str),
    /// Whoever is one of these.
    AnyOf(&'static [Who]),
    /// Nobody but the system: imports, operators' commands, process managers.
    System,
}

/// Whoever runs the platform. They see what is deleted, and what nobody declared a reader of.
pub const STAFF: Who = Who::AnyOf(&[Who::Role(Role::Admin), Who::Role(Role::SuperAdmin)]);

impl Who {
    /// What must hold of an entity for this caller to be one of these.
    pub fn condition(self, caller: &Context) -> Condition {
        let person = match caller.actor {
            Actor::System => return Condition::ALWAYS,
            Actor::Person(person) => Some(person),
            Actor::Anonymous => None,
        };
        match (self, person) {
            (Who::Anyone, _) => Condition::ALWAYS,
            (Who::SignedIn, person) => Condition::of(person.is_some()),
            (Who::Role(role), _) => Condition::of(caller.roles.has(role)),
            (Who::Person("id"), Some(person)) => Condition::IdIn(vec![person]),
            (Who::Person(field), Some(person)) => Condition::Is(field, vec![Value::from(person.to_string())]),
            (Who::AnyOf(several), _) => Condition::any(several.iter().map(|who| who.condition(caller))),
            (Who::Person(_) | Who::System, _) => Condition::NEVER,
        }
    }

    /// Whether a caller is one of these whatever the entity.
    pub fn is_always(self, caller: &Context) -> bool {
        self.condition(caller) == Condition::ALWAYS
    }
}

impl Kind {
    /// The refusal of an id that leads to nothing.
    pub fn no_such(&self) -> Rejection {
        Rejection::not_found("no-such-record", format!("no such {}", self.name))
    }

    /// Refuses a caller who may not know that an entity exists, which looks as if it did not. What is deleted, and what
    /// is part of something deleted, only staff know of.
    pub fn demand_known(&self, entity: &Entity, deleted: bool, caller: &Context) -> Result<(), Rejection> {
        let hidden = (deleted || !entity.parent_lives) && !STAFF.is_always(caller);
        if hidden || !self.known.condition(caller).holds(entity) {
            return Err(self.no_such());
        }
        Ok(())
    }

    /// Refuses a caller who may not see an entity.
    pub fn demand_seen(&self, entity: &Entity, deleted: bool, caller: &Context) -> Result<(), Rejection> {
        self.demand_known(entity, deleted, caller)?;
        if self.read.condition(caller).holds(entity) { Ok(()) } else { Err(may_not_see(self)) }
    }

    /// Takes out of an entity's fields what is private and not for this viewer.
    pub fn veil(&'static self, id: EntityId, fields: &mut Map<String, Value>, viewer: &Context) {
        let hidden: Vec<&str> = {
            let entity = Entity { kind: self, id, state: fields, parent_lives: true };
            let hidden = self.private.iter().filter(|(_, who)| !who.condition(viewer).holds(&entity));
            hidden.map(|(field, _)| *field).collect()
        };
        fields.retain(|field, _| !hidden.contains(&field.as_str()));
    }

    /// What must hold for a viewer to see a field, besides seeing the entity.
    pub fn shows(&self, field: &str, viewer: &Context) -> Condition {
        let private = self.private.iter().find(|(private, _)| *private == field);
        private.map_or(Condition::ALWAYS, |(_, who)| who.condition(viewer))
    }

    /// What holds of the entities that a caller sees in lists, besides that they are not deleted; refused where that
    /// can be none. Where lists show what is deleted, they show what is part of something deleted.
    pub fn listed(&self, deleted: bool, caller: &Context) -> Result<Condition, Rejection> {
        let seen = Condition::all([self.known.condition(caller), self.read.condition(caller)]);
        if seen == Condition::NEVER {
            return Err(may_not_see(self));
        }
        let lives = if self.parent.is_some() && !deleted { Condition::ParentLives } else { Condition::ALWAYS };
        Ok(Condition::all([seen, lives]))
    }
}

fn may_not_see(kind: &Kind) -> Rejection {
    Rejection::forbidden("may-not-see-record", format!("may not see this {}", kind.name))
}

#[cfg(test)]
mod tests {
    use crate::kinds::KINDS;

    #[test]
    fn what_is_private_is_not_among_what_everybody_searches() {
        for kind in KINDS {
            for (field, _) in kind.private {
                assert!(!kind.text.contains(field), "{field} of {}", kind.name);
            }
        }
    }
}
