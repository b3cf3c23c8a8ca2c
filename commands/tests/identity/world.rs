//! A write side of its own for each test, and people in it.

use std::net::IpAddr;
use std::sync::Arc;

use caravan_clock::Clock;
use caravan_commands::identity::sessions::Credentials;
use caravan_commands::identity::sign_up::SignUpForm;
use caravan_commands::identity::{DevelopmentProvider, LoggedIn, Next, Tokens, contacts, passwords, sessions, sign_up};
use caravan_commands::{Asking, Caller, CommandError, Commands, Done};
use caravan_domain::identity::{Account, AccountState, Channel, CodeIssued, Person, details};
use caravan_domain::{Actor, EntityId, RejectionKind};
use caravan_event_store::{Direction, Filter};
use caravan_vault::Vault;
use chrono::{DateTime, Utc};
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{Databases, SECRET, write_side};

pub const PASSWORD: &str = "correct horse battery";

/// A write side of its own, on fresh databases.
pub struct World {
    pub commands: Commands,
    pub pool: PgPool,
    pub now: DateTime<Utc>,
}

/// Somebody logged in.
pub struct Somebody {
    pub username: String,
    pub person: Person,
    pub tokens: Tokens,
}

impl World {
    pub async fn new() -> World {
        World::on(Databases::new().await).await
    }

    pub async fn on(databases: Databases) -> World {
        let commands = databases.process(Some(Arc::new(DevelopmentProvider::new(SECRET)))).await;
        World { commands, pool: databases.main, now: Utc::now() }
    }

    pub fn anyone(&self) -> Asking {
        self.asking(Actor::Anonymous)
    }

    pub fn from(&self, address: &str) -> Asking {
        let address = Some(address.parse::<IpAddr>().unwrap());
        self.commands.asked_by(Caller { address, ..self.anyone().caller().clone() })
    }

    pub fn by(&self, somebody: &Somebody) -> Asking {
        self.asking(Actor::Person(somebody.person.account))
    }

    pub fn operator(&self) -> Asking {
        self.asking(Actor::System)
    }

    /// The same caller with another request.
    pub fn again(&self, asking: &Asking) -> Asking {
        self.commands.asked_by(Caller { command_id: Uuid::new_v4(), ..asking.caller().clone() })
    }

    fn asking(&self, actor: Actor) -> Asking {
        self.commands.asked_by(Caller::new(actor, self.now, Uuid::new_v4(), "krugo"))
    }

    pub async fn begin(&self, username: &str, contact: &[(&str, &str)]) -> Result<EntityId, CommandError> {
        let form = SignUpForm {
            username: username.to_owned(),
            password: PASSWORD.to_owned(),
            details: details::parse(contact.iter().copied()).unwrap(),
        };
        Ok(sign_up::begin(&self.anyone(), form).await?.attempt)
    }

    pub async fn confirm(&self, username: &str, code: &str) -> Result<LoggedIn, CommandError> {
        sign_up::confirm(&self.anyone(), username, PASSWORD, code).await
    }

    pub async fn sign_up(&self, username: &str, contact: &[(&str, &str)]) -> Somebody {
        self.begin(username, contact).await.unwrap();
        let code = self.code(contact.last().unwrap().1).await;
        self.somebody(username, self.confirm(username, &code).await.unwrap())
    }

    pub fn somebody(&self, username: &str, login: LoggedIn) -> Somebody {
        let Next::Session(tokens) = login.next else { panic!("a session is open") };
        let access = self.commands.vault().verify_access(&tokens.access_token, self.now).unwrap();
        let registered = login.state.registered().unwrap();
        let opened = registered.session(access.session, self.now).unwrap().login;
        let roles = registered.roles();
        let person = Person { account: access.account, session: access.session, login: opened, roles };
        assert_eq!(person.account, login.account);
        Somebody { username: username.to_owned(), person, tokens }
    }

    pub async fn log_in(&self, username: &str, password: &str) -> Result<LoggedIn, CommandError> {
        sessions::log_in(&self.anyone(), username, password).await
    }

    pub async fn begin_from(&self, username: &str, phone: &str, asking: &Asking) {
        let details = details::parse([("phone_number", phone)]).unwrap();
        let form = SignUpForm { username: username.to_owned(), password: PASSWORD.to_owned(), details };
        sign_up::begin(&self.again(asking), form).await.unwrap();
    }

    /// As the API does: first what whoever asks is told, then what they are not.
    pub async fn resend(&self, username: &str, asking: &Asking) -> Result<(), CommandError> {
        sign_up::ask_to_resend(asking, username).await?;
        sign_up::resend_code(asking, username).await
    }

    /// As the API does: first what whoever asks is told, then what they are not.
    pub async fn forgot_password(&self, username: &str) -> Result<(), CommandError> {
        passwords::ask_for_reset(&self.commands, username).await?;
        passwords::send_reset(&self.anyone(), username).await
    }

    /// All codes issued, oldest first: to whom, and the code.
    pub async fn codes(&self) -> Vec<(String, String, Channel)> {
        let filter = Filter { categories: vec![], event_types: vec!["CodeIssued".to_owned()] };
        let page = self.commands.store().read_all(0, Direction::Forwards, &filter, 1000).await.unwrap();
        let mut codes = vec![];
        for recorded in page.events {
            let code: CodeIssued = recorded.data.read().unwrap();
            let vault = self.commands.vault();
            codes.push((vault.open_text(&code.to).await.unwrap(), vault.code(code.nonce), code.channel));
        }
        codes
    }

    pub async fn code(&self, to: &str) -> String {
        let codes = self.codes().await;
        codes.into_iter().rev().find(|(contact, ..)| contact == to).expect("a code was sent").1
    }

    pub async fn state(&self, account: EntityId) -> AccountState {
        AccountState::clone(&self.commands.state::<Account>(account).await.unwrap().state)
    }

    pub async fn is_in(&self, somebody: &Somebody) -> bool {
        match sessions::authenticate(&self.commands, &somebody.tokens.access_token, self.now).await {
            Ok(person) => {
                assert_eq!(person, somebody.person);
                true
            }
            Err(CommandError::Unauthorised(_)) => false,
            Err(error) => panic!("{error:?}"),
        }
    }

    /// A user name that is an address stands for it.
    pub async fn sign_up_by_address(&self, address: &str) -> Somebody {
        self.begin(address, &[]).await.unwrap();
        let code = self.code(address).await;
        self.somebody(address, self.confirm(address, &code).await.unwrap())
    }

    pub async fn move_to(&self, somebody: &Somebody, phone: &str) -> Result<Done<Account>, CommandError> {
        contacts::edit_phone(&self.by(somebody), somebody.person, somebody.shown(), phone).await?;
        let code = self.code(phone).await;
        let token = &somebody.tokens.access_token;
        contacts::verify(&self.by(somebody), somebody.person, token, &code).await
    }

    /// A fresh log, the keys of another world.
    pub async fn new_with_vault(vault: Vault) -> World {
        let main = PgPool::connect(&caravan_private_postgres::testing::database().await).await.unwrap();
        caravan_migrations::MAIN.run(&main).await.unwrap();
        let clock = Clock::default();
        let log = caravan_event_store::open("database", &main, clock).unwrap();
        let commands = write_side(log, &main, vault, None);
        World { commands, pool: main, now: Utc::now() }
    }

    pub async fn replay(&self, recorded: &caravan_event_store::Recorded) {
        use caravan_event_store::{Append, Expected, NewEvent};
        let event = NewEvent {
            id: recorded.id,
            event_type: recorded.event_type.clone(),
            schema_version: recorded.schema_version,
            data: recorded.data.clone(),
            metadata: recorded.metadata().unwrap(),
        };
        let append = Append { stream: recorded.stream.clone(), expected: Expected::Any, events: vec![event] };
        self.commands.store().append(append).await.unwrap();
    }
}

impl Somebody {
    pub fn shown(&self) -> Credentials<'_> {
        Credentials { username: &self.username, refresh_token: &self.tokens.refresh_token }
    }
}

/// Another code than this.
pub fn wrong(code: &str) -> String {
    let last = if code.ends_with('7') { '8' } else { '7' };
    format!("{}{last}", &code[..5])
}

#[track_caller]
pub fn refused<T>(result: Result<T, CommandError>, kind: RejectionKind) -> Option<String> {
    match result {
        Err(CommandError::Rejected(rejection)) if rejection.kind == kind => rejection.field().map(String::from),
        Err(other) => panic!("expected {kind:?}, got {other:?}"),
        Ok(_) => panic!("expected {kind:?}, was accepted"),
    }
}

#[track_caller]
pub fn unauthorised<T>(result: Result<T, CommandError>) {
    assert!(matches!(result, Err(CommandError::Unauthorised(_))), "was accepted, or refused otherwise");
}

#[track_caller]
pub fn limited<T>(result: Result<T, CommandError>) {
    match result {
        Err(CommandError::Limited { retry_after }) => assert!(retry_after.as_secs() <= 60 * 60),
        Err(other) => panic!("expected a limit, got {other:?}"),
        Ok(_) => panic!("expected a limit, was accepted"),
    }
}

pub const PHONE: (&str, &str) = ("phone_number", "+14165550100");
pub const EMAIL: (&str, &str) = ("email", "Dana@example.com");
