//! What an aggregate is: state folded from events, and one pure decision per command.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::identity::Roles;
use crate::{EntityId, Rejection};

/// The rules of one kind of stream. `decide` and `evolve` are pure: time, ids and facts of other streams come in as
/// values.
pub trait Decider: Send + Sync + 'static {
    /// Streams are named `<CATEGORY>-<uuid>`; no dash inside.
    const CATEGORY: &'static str;
    /// Raised whenever `evolve` or `State` changes meaning, so that stored states are folded anew.
    const FOLD_VERSION: i32 = 1;

    type State: Default + Clone + Serialize + DeserializeOwned + Send + Sync + 'static;
    type Command: Clone + Send + Sync + 'static;
    /// Stored as `{"type": …, "data": …}`: an enum with `#[serde(tag = "type", content = "data")]`.
    type Event: Clone + std::fmt::Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// The events that carry out `command`; none when it is already true.
    fn decide(state: &Self::State, command: Self::Command, context: &Context) -> Result<Vec<Self::Event>, Rejection>;

    /// The state after `event`. Never fails: what was stored, happened.
    fn evolve(state: Self::State, event: &Self::Event) -> Self::State;
}

/// Who asks, as what, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    pub actor: Actor,
    /// The platform roles of the person acting; none of nobody and of the system, which needs none.
    pub roles: Roles,
    pub now: DateTime<Utc>,
}

/// Who is behind a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// Nobody known: a public operation such as sign-up.
    Anonymous,
    /// The account that the access token names.
    Person(EntityId),
    /// The system itself: a process manager, a deadline, an import, an operator's command.
    System,
}

impl Context {
    pub fn by(person: EntityId, now: DateTime<Utc>) -> Self {
        Context { actor: Actor::Person(person), roles: Roles::NONE, now }
    }

    pub fn system(now: DateTime<Utc>) -> Self {
        Context { actor: Actor::System, roles: Roles::NONE, now }
    }

    /// The person acting, where a rule needs one.
    pub fn person(&self) -> Result<EntityId, Rejection> {
        match self.actor {
            Actor::Person(person) => Ok(person),
            Actor::Anonymous | Actor::System => Err(Rejection::forbidden("needs-person", "needs a person")),
        }
    }
}

/// The state after `events`, from nothing.
pub fn fold<'e, D: Decider>(events: impl IntoIterator<Item = &'e D::Event>) -> D::State {
    events.into_iter().fold(D::State::default(), D::evolve)
}

/// Given/when/then for rules: `given::<D>([..]).at(now).by(person).when(command).then([..])`.
pub mod testing {
    use super::*;
    use crate::identity::Role;

    /// Fields of which a command carries the proof only, or which its stream's id is made of.
    const BEHIND: [&str; 4] = ["code", "old_password", "password", "username"];

    pub struct Given<D: Decider> {
        state: D::State,
        context: Context,
    }

    pub struct Outcome<D: Decider> {
        before: D::State,
        /// The command with its fields, in Rust's notation.
        command: String,
        result: Result<Vec<D::Event>, Rejection>,
    }

    /// Starts from what has happened; the system acts at the Unix epoch until told otherwise.
    pub fn given<D: Decider>(events: impl IntoIterator<Item = D::Event>) -> Given<D> {
        let state = events.into_iter().fold(D::State::default(), |state, event| D::evolve(state, &event));
        Given { state, context: Context::system(DateTime::UNIX_EPOCH) }
    }

    impl<D: Decider> Given<D> {
        pub fn by(mut self, person: EntityId) -> Self {
            self.context.actor = Actor::Person(person);
            self
        }

        /// With a platform role.
        pub fn being(mut self, role: Role) -> Self {
            self.context.roles = self.context.roles.with(role);
            self
        }

        pub fn anonymous(mut self) -> Self {
            self.context.actor = Actor::Anonymous;
            self
        }

        pub fn at(mut self, now: DateTime<Utc>) -> Self {
            self.context.now = now;
            self
        }

        pub fn when(self, command: impl Into<D::Command>) -> Outcome<D>
        where
            D::Command: std::fmt::Debug,
        {
            let command = command.into();
            let written = format!("{command:?}");
            let result = D::decide(&self.state, command, &self.context);
            Outcome { before: self.state, command: written, result }
        }
    }

    impl<D: Decider> Outcome<D> {
        #[track_caller]
        pub fn then(self, expected: impl IntoIterator<Item = D::Event>) -> D::State {
            let expected: Vec<D::Event> = expected.into_iter().collect();
            let events = self.result.unwrap_or_else(|rejection| panic!("rejected: {rejection:?}"));
            assert_eq!(events, expected);
            events.iter().fold(self.before, D::evolve)
        }

        /// The state afterwards, where the exact events do not matter.
        #[track_caller]
        pub fn then_state(self) -> D::State {
            let events = self.result.unwrap_or_else(|rejection| panic!("rejected: {rejection:?}"));
            events.iter().fold(self.before, D::evolve)
        }

        #[track_caller]
        pub fn then_nothing(self) {
            self.then([]);
        }

        /// The refusal, by the rule of this name; what it names as at fault, the command has.
        #[track_caller]
        pub fn then_err(self, rule: &str) -> Rejection {
            let rejection = match self.result {
                Err(rejection) if rejection.rule == rule => rejection,
                Err(rejection) => panic!("expected {rule}, was rejected with {rejection:?}"),
                Ok(events) => panic!("expected {rule}, got {events:?}"),
            };
            let fields = rejection.faults.iter().filter_map(|fault| fault.field.as_deref());
            let names = fields.flat_map(|path| path.split('.')).filter_map(|part| part.split('[').next());
            for name in names.filter(|name| !name.is_empty() && !BEHIND.contains(name)) {
                // Of a struct, or of a map.
                let has = [format!("{name}: "), format!("{name:?}: ")].iter().any(|field| self.command.contains(field));
                assert!(has, "no {name} in {}", self.command);
            }
            rejection
        }
    }
}
