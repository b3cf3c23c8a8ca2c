//! What people do with their accounts, on a real Postgres: codes and passwords checked, names and contacts claimed,
//! limits kept, people forgotten.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use caravan_commands::identity::{
    Changed, Credentials, DevelopmentProvider, LoggedIn, Next, Person, SignUpForm, Tokens, Vouched,
};
use caravan_commands::{Caller, CommandError, Commands, Setup, Snapshot, Snapshots, stream};
use caravan_domain::identity::account::Challenge;
use caravan_domain::identity::preferences::PREFERENCES;
use caravan_domain::identity::{Account, AccountState, Attribute, Channel, CodeIssued, details};
use caravan_domain::record::{Change, RecordCommand, RecordState, Records};
use caravan_domain::{Actor, EntityId, RejectionKind};
use caravan_event_store::{Direction, Filter, StoreError, StreamId};
use caravan_limits::{Limits, Settings};
use caravan_vault::Vault;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;
use uuid::Uuid;

const SECRET: &str = "a secret for tests";
const PASSWORD: &str = "correct horse battery";

struct NoSnapshots;

#[async_trait]
impl Snapshots for NoSnapshots {
    async fn load(&self, _: &StreamId, _: i32) -> Result<Option<Snapshot>, StoreError> {
        Ok(None)
    }
}

/// A write side of its own, on fresh databases.
struct World {
    commands: Commands,
    now: DateTime<Utc>,
}

/// Somebody logged in.
struct Somebody {
    username: String,
    person: Person,
    tokens: Tokens,
}

impl World {
    async fn new() -> World {
        let main = PgPool::connect(&caravan_private_postgres::testing::database().await).await.unwrap();
        let keys = PgPool::connect(&caravan_private_postgres::testing::database().await).await.unwrap();
        caravan_migrations::run(&main, &keys).await.unwrap();
        let master = base64::engine::general_purpose::STANDARD.encode([7; 32]);
        let vault = Vault::open(keys, main.clone(), &master, SECRET).await.unwrap();
        let commands = Commands::new(Setup {
            store: caravan_event_store::open("database", &main).unwrap(),
            limits: Limits::new(main.clone(), vault.clone(), Settings::default()),
            vault,
            pool: main,
            snapshots: Arc::new(NoSnapshots),
            cache_bytes: 1024 * 1024,
            identity_provider: Some(Arc::new(DevelopmentProvider::new(SECRET))),
        });
        World { commands, now: Utc::now() }
    }

    fn anyone(&self) -> Caller {
        Caller::new(Actor::Anonymous, self.now, Uuid::new_v4(), "krugo")
    }

    fn from(&self, address: &str) -> Caller {
        Caller { address: Some(address.parse::<IpAddr>().unwrap()), ..self.anyone() }
    }

    fn by(&self, somebody: &Somebody) -> Caller {
        Caller::new(Actor::Person(somebody.person.account), self.now, Uuid::new_v4(), "krugo")
    }

    fn operator(&self) -> Caller {
        Caller::system(self.now, Uuid::new_v4())
    }

    async fn begin(&self, username: &str, contact: &[(&str, &str)]) -> Result<EntityId, CommandError> {
        let form = SignUpForm {
            username: username.to_owned(),
            password: PASSWORD.to_owned(),
            details: details::parse(contact.iter().copied()).unwrap(),
        };
        Ok(self.commands.sign_up(form, &self.anyone()).await?.attempt)
    }

    async fn confirm(&self, username: &str, code: &str) -> Result<LoggedIn, CommandError> {
        self.commands.confirm_sign_up(username, PASSWORD, code, &self.anyone()).await
    }

    async fn sign_up(&self, username: &str, contact: &[(&str, &str)]) -> Somebody {
        self.begin(username, contact).await.unwrap();
        let code = self.code(contact.last().unwrap().1).await;
        self.somebody(username, self.confirm(username, &code).await.unwrap())
    }

    fn somebody(&self, username: &str, login: LoggedIn) -> Somebody {
        let Next::Session(tokens) = login.next else { panic!("a session is open") };
        let access = self.commands.vault().verify_access(&tokens.access_token, self.now).unwrap();
        let person = Person { account: access.account, session: access.session };
        assert_eq!(person.account, login.account);
        Somebody { username: username.to_owned(), person, tokens }
    }

    async fn log_in(&self, username: &str, password: &str) -> Result<LoggedIn, CommandError> {
        self.commands.log_in(username, password, &self.anyone()).await
    }

    /// All codes issued, oldest first: to whom, and the code.
    async fn codes(&self) -> Vec<(String, String, Channel)> {
        let filter = Filter { categories: vec![], event_types: vec!["CodeIssued".to_owned()] };
        let page = self.commands.store().read_all(0, Direction::Forwards, &filter, 1000).await.unwrap();
        let mut codes = vec![];
        for recorded in page.events {
            let code: CodeIssued = serde_json::from_value(recorded.data).unwrap();
            let vault = self.commands.vault();
            codes.push((vault.open_text(&code.to).await.unwrap(), vault.code(code.nonce), code.channel));
        }
        codes
    }

    async fn code(&self, to: &str) -> String {
        let codes = self.codes().await;
        codes.into_iter().rev().find(|(contact, ..)| contact == to).expect("a code was sent").1
    }

    async fn state(&self, account: EntityId) -> AccountState {
        AccountState::clone(&self.commands.state::<Account>(&stream::<Account>(account)).await.unwrap().state)
    }

    async fn is_in(&self, somebody: &Somebody) -> bool {
        match self.commands.authenticate(&somebody.tokens.access_token, self.now).await {
            Ok(person) => {
                assert_eq!(person, somebody.person);
                true
            }
            Err(CommandError::Unauthorised(_)) => false,
            Err(error) => panic!("{error:?}"),
        }
    }
}

impl Somebody {
    fn shown(&self) -> Credentials<'_> {
        Credentials { username: &self.username, refresh_token: &self.tokens.refresh_token }
    }
}

/// Another code than this.
fn wrong(code: &str) -> String {
    let last = if code.ends_with('7') { '8' } else { '7' };
    format!("{}{last}", &code[..5])
}

#[track_caller]
fn refused<T>(result: Result<T, CommandError>, kind: RejectionKind) -> Option<String> {
    match result {
        Err(CommandError::Rejected(rejection)) if rejection.kind == kind => rejection.field.map(String::from),
        Err(other) => panic!("expected {kind:?}, got {other:?}"),
        Ok(_) => panic!("expected {kind:?}, was accepted"),
    }
}

#[track_caller]
fn unauthorised<T>(result: Result<T, CommandError>) {
    assert!(matches!(result, Err(CommandError::Unauthorised(_))), "was accepted, or refused otherwise");
}

#[track_caller]
fn limited<T>(result: Result<T, CommandError>) {
    match result {
        Err(CommandError::Limited { retry_after }) => assert!(retry_after.as_secs() <= 15 * 60),
        Err(other) => panic!("expected a limit, got {other:?}"),
        Ok(_) => panic!("expected a limit, was accepted"),
    }
}

const PHONE: (&str, &str) = ("phone_number", "+14165550100");
const EMAIL: (&str, &str) = ("email", "Dana@example.com");

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_is_confirmed_with_the_code_and_the_password() {
    let world = World::new().await;
    let attempt = world.begin("Dana", &[EMAIL, PHONE]).await.unwrap();
    assert_eq!(world.codes().await.len(), 1, "one code, by sms since there is a number");
    let code = world.code(PHONE.1).await;
    refused(world.log_in("dana", PASSWORD).await, RejectionKind::Invalid);
    refused(world.confirm("dana", &wrong(&code)).await, RejectionKind::Invalid);
    let other_password = world.commands.confirm_sign_up("dana", "another password", &code, &world.anyone()).await;
    refused(other_password, RejectionKind::Invalid);

    let dana = world.somebody("dana", world.confirm(" DANA ", &code).await.unwrap());
    assert_eq!(dana.person.account, attempt, "login's id is the account's");
    assert!(world.is_in(&dana).await);
    let state = world.state(attempt).await;
    let account = state.registered().unwrap();
    assert!(account.proven_phone().is_some() && account.proven_email().is_none());
    // Guessing at a name that nobody has takes as long: it is checked against a hash of the same cost.
    let sealed = account.registration.password_hash.as_ref().unwrap();
    let hash = world.commands.vault().open_text(sealed).await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    refused(world.confirm("dana", &code).await, RejectionKind::Invalid);
    assert_eq!(world.log_in("dana", PASSWORD).await.unwrap().account, attempt);
    assert_eq!(refused(world.begin("dana", &[("email", "d@x")]).await, RejectionKind::Conflict).unwrap(), "username");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_without_a_phone_is_confirmed_by_mail() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    assert!(world.state(dana.person.account).await.registered().unwrap().proven_email().is_some());
    let by_name = world.sign_up_by_address("kim@example.com").await;
    assert!(world.state(by_name.person.account).await.registered().unwrap().proven_email().is_some());
    assert_eq!(refused(world.begin("lee", &[]).await, RejectionKind::Invalid).unwrap(), "attributes");
}

impl World {
    /// A user name that is an address stands for it.
    async fn sign_up_by_address(&self, address: &str) -> Somebody {
        self.begin(address, &[]).await.unwrap();
        let code = self.code(address).await;
        self.somebody(address, self.confirm(address, &code).await.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_sign_ups_for_one_name_the_first_confirmed_gets_it() {
    let world = World::new().await;
    let first = world.begin("dana", &[PHONE]).await.unwrap();
    let code = world.code(PHONE.1).await;
    let second = world.begin("dana", &[EMAIL]).await.unwrap();
    let later = world.code(EMAIL.1).await;
    assert_eq!(world.confirm("dana", &code).await.unwrap().account, first);
    refused(world.confirm("dana", &later).await, RejectionKind::Invalid);
    assert!(world.commands.vault().is_forgotten(second).await.unwrap(), "the other's values are gone");
    assert!(!world.commands.vault().is_forgotten(first).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_belongs_to_one_account() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    world.begin("kim", &[PHONE]).await.unwrap();
    let code = world.code(PHONE.1).await;
    assert_eq!(refused(world.confirm("kim", &code).await, RejectionKind::Conflict).unwrap(), "phone_number");
    // The name is free again, and the number still Dana's.
    world.sign_up("kim", &[EMAIL]).await;
    assert!(world.is_in(&dana).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resent_code_replaces_the_first() {
    let world = World::new().await;
    world.begin("dana", &[PHONE]).await.unwrap();
    let first = world.code(PHONE.1).await;
    let delivery = world.commands.resend_sign_up_code("Dana", &world.anyone()).await.unwrap();
    assert_eq!((delivery.channel, delivery.destination.as_str()), (Channel::Sms, "+*******0100"));
    let second = world.code(PHONE.1).await;
    assert_ne!(first, second);
    refused(world.confirm("dana", &first).await, RejectionKind::Invalid);
    world.confirm("dana", &second).await.unwrap();
    refused(world.commands.resend_sign_up_code("dana", &world.anyone()).await, RejectionKind::Invalid);
    refused(world.commands.resend_sign_up_code("nobody", &world.anyone()).await, RejectionKind::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_most_five_codes_go_to_a_contact() {
    let world = World::new().await;
    world.begin("dana", &[PHONE]).await.unwrap();
    for _ in 0..4 {
        world.commands.resend_sign_up_code("dana", &world.anyone()).await.unwrap();
    }
    limited(world.commands.resend_sign_up_code("dana", &world.anyone()).await);
    limited(world.begin("kim", &[PHONE]).await);
    world.begin("kim", &[EMAIL]).await.unwrap();
    assert_eq!(world.codes().await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_failures_close_an_account_for_a_while_and_successes_do_not_count() {
    let world = World::new().await;
    world.sign_up("dana", &[PHONE]).await;
    for _ in 0..9 {
        refused(world.log_in("dana", "wrong password").await, RejectionKind::Invalid);
        world.log_in("dana", PASSWORD).await.unwrap();
    }
    refused(world.log_in("dana", "wrong password").await, RejectionKind::Invalid);
    limited(world.log_in("dana", PASSWORD).await);
    limited(world.commands.reset_password("dana", "000000", "a new password", &world.anyone()).await);
    for _ in 0..10 {
        refused(world.log_in("nobody", PASSWORD).await, RejectionKind::Invalid);
    }
    limited(world.log_in("nobody", PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_failures_close_an_address_for_a_while() {
    let world = World::new().await;
    world.sign_up("dana", &[PHONE]).await;
    for number in 0..100 {
        let name = format!("nobody{number}");
        let guess = world.commands.reset_password(&name, "000000", PASSWORD, &world.from("192.0.2.1")).await;
        refused(guess, RejectionKind::Invalid);
    }
    limited(world.commands.log_in("dana", PASSWORD, &world.from("192.0.2.1")).await);
    world.commands.log_in("dana", PASSWORD, &world.from("192.0.2.2")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_with_mfa_needs_the_code_as_well() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    world.commands.switch_mfa(dana.person, dana.shown(), true, &world.by(&dana)).await.unwrap();
    let login = world.log_in("dana", PASSWORD).await.unwrap();
    let Next::Challenge { challenge: Challenge::Mfa, login_session } = login.next else { panic!("a challenge") };
    let code = world.code(PHONE.1).await;
    let answer = async |name: &str, session: &str, code: &str| {
        world.commands.answer_mfa(name, session, code, &world.anyone()).await
    };
    refused(answer("dana", &login_session, &wrong(&code)).await, RejectionKind::Invalid);
    refused(answer("kim", &login_session, &code).await, RejectionKind::Invalid);
    refused(answer("dana", "no token", &code).await, RejectionKind::Invalid);
    let first = world.somebody("dana", answer("dana", &login_session, &code).await.unwrap());
    assert!(world.is_in(&first).await);
    // A lost answer is given again: the same session.
    let again = world.somebody("dana", answer("dana", &login_session, &code).await.unwrap());
    assert_eq!(again.person, first.person);
}

#[tokio::test(flavor = "multi_thread")]
async fn mfa_needs_a_proven_phone() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    let switched = world.commands.switch_mfa(dana.person, dana.shown(), true, &world.by(&dana)).await;
    refused(switched, RejectionKind::Conflict);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_refreshed_and_an_old_token_closes_it() {
    let mut world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    let first = world.commands.refresh(dana.shown(), &world.anyone()).await.unwrap();
    let first = world.somebody("dana", first);
    assert_eq!(first.person, dana.person);
    assert_ne!(first.tokens.refresh_token, dana.tokens.refresh_token);
    // A lost answer is given again.
    let again = world.commands.refresh(dana.shown(), &world.anyone()).await.unwrap();
    assert_eq!(world.somebody("dana", again).tokens.refresh_token, first.tokens.refresh_token);
    let foreign = Credentials { username: "kim", refresh_token: &first.tokens.refresh_token };
    unauthorised(world.commands.refresh(foreign, &world.anyone()).await);
    assert!(world.is_in(&first).await);

    world.now += TimeDelta::seconds(31);
    unauthorised(world.commands.refresh(dana.shown(), &world.anyone()).await);
    assert!(!world.is_in(&first).await, "a token that two had closes the session");
    unauthorised(world.commands.refresh(first.shown(), &world.anyone()).await);
    let no_token = Credentials { username: "dana", refresh_token: "no token" };
    unauthorised(world.commands.refresh(no_token, &world.anyone()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_ends_every_session() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    let phone = world.somebody("dana", world.log_in("dana", PASSWORD).await.unwrap());
    world.commands.log_out(phone.person, phone.shown(), &world.by(&phone)).await.unwrap();
    assert!(!world.is_in(&dana).await && !world.is_in(&phone).await);
    unauthorised(world.commands.refresh(dana.shown(), &world.anyone()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_once_more_has_to_be_ones_own() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    let kim = world.sign_up("kim", &[EMAIL]).await;
    let foreign_token = Credentials { username: "dana", refresh_token: &kim.tokens.refresh_token };
    unauthorised(world.commands.log_out(dana.person, foreign_token, &world.by(&dana)).await);
    let foreign_name = Credentials { username: "kim", refresh_token: &dana.tokens.refresh_token };
    refused(world.commands.log_out(dana.person, foreign_name, &world.by(&dana)).await, RejectionKind::Forbidden);
    let access_token = Credentials { username: "dana", refresh_token: &dana.tokens.access_token };
    unauthorised(world.commands.log_out(dana.person, access_token, &world.by(&dana)).await);
    unauthorised(world.commands.authenticate(&dana.tokens.refresh_token, world.now).await);
    unauthorised(world.commands.authenticate(&dana.tokens.id_token, world.now).await);
    assert!(world.is_in(&dana).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_changed_by_whoever_knows_the_old_one() {
    let world = World::new().await;
    let other = world.sign_up("dana", &[PHONE]).await;
    let dana = world.somebody("dana", world.log_in("dana", PASSWORD).await.unwrap());
    let change = async |old: &str, new: &str| {
        world.commands.change_password(dana.person, dana.shown(), old, new, &world.by(&dana)).await
    };
    assert_eq!(
        refused(change("wrong password", "a new password").await, RejectionKind::Invalid).unwrap(),
        "oldPassword"
    );
    assert_eq!(refused(change(PASSWORD, "short").await, RejectionKind::Invalid).unwrap(), "newPassword");
    change(PASSWORD, "a new password").await.unwrap();
    assert!(world.is_in(&dana).await && !world.is_in(&other).await);
    refused(world.log_in("dana", PASSWORD).await, RejectionKind::Invalid);
    world.log_in("dana", "a new password").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_reset_with_a_code() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL, PHONE]).await;
    let delivery = world.commands.request_password_reset("dana", &world.anyone()).await.unwrap();
    assert_eq!((delivery.channel, delivery.destination.as_str()), (Channel::Sms, "+*******0100"));
    let code = world.code(PHONE.1).await;
    let reset = async |code: &str| world.commands.reset_password("dana", code, "a new password", &world.anyone()).await;
    refused(reset(&wrong(&code)).await, RejectionKind::Invalid);
    reset(&code).await.unwrap();
    refused(reset(&code).await, RejectionKind::Invalid);
    assert!(!world.is_in(&dana).await);
    world.log_in("dana", "a new password").await.unwrap();
    refused(world.commands.request_password_reset("nobody", &world.anyone()).await, RejectionKind::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_password_has_to_be_changed_at_the_next_login() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    world.commands.force_password(dana.person.account, "from the operator", &world.operator()).await.unwrap();
    assert!(!world.is_in(&dana).await);
    refused(world.log_in("dana", PASSWORD).await, RejectionKind::Invalid);
    let login = world.log_in("dana", "from the operator").await.unwrap();
    let Next::Challenge { challenge: Challenge::NewPassword, login_session } = login.next else {
        panic!("a challenge")
    };
    let answer = async |session: &str, password: &str| {
        world.commands.answer_new_password("dana", session, password, &world.anyone()).await
    };
    refused(answer("no token", "chosen by dana").await, RejectionKind::Invalid);
    refused(answer(&login_session, "short").await, RejectionKind::Invalid);
    answer(&login_session, "chosen by dana").await.unwrap();
    refused(answer(&login_session, "chosen by another").await, RejectionKind::Invalid);
    let login = world.log_in("dana", "chosen by dana").await.unwrap();
    assert!(matches!(login.next, Next::Session(_)));
}

impl World {
    async fn move_to(&self, somebody: &Somebody, phone: &str) -> Result<Changed, CommandError> {
        self.commands.edit_phone(somebody.person, somebody.shown(), phone, &self.by(somebody)).await?;
        let code = self.code(phone).await;
        let token = &somebody.tokens.access_token;
        self.commands.verify_phone(somebody.person, token, &code, &self.by(somebody)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_phone_number_is_proven_and_frees_the_old_one() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    world.commands.edit_phone(dana.person, dana.shown(), "+442", &world.by(&dana)).await.unwrap();
    let code = world.code("+442").await;
    let verify =
        async |token: &str, code: &str| world.commands.verify_phone(dana.person, token, code, &world.by(&dana)).await;
    refused(verify(&dana.tokens.access_token, &wrong(&code)).await, RejectionKind::Invalid);
    unauthorised(verify("no token", &code).await);
    verify(&dana.tokens.access_token, &code).await.unwrap();
    let state = world.state(dana.person.account).await;
    let phone = state.registered().unwrap().proven_phone().unwrap().clone();
    assert_eq!(world.commands.vault().open_text(&phone).await.unwrap(), "+442");
    // The old number is free for others at once, the new one is not.
    let kim = world.sign_up("kim", &[PHONE]).await;
    assert_eq!(refused(world.move_to(&kim, "+442").await, RejectionKind::Conflict).unwrap(), "code");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_that_proves_an_invited_number_becomes_the_temp_members_account() {
    let world = World::new().await;
    let invite = async || world.commands.person_with_phone(PHONE.1, Some("D"), None, &world.operator()).await.unwrap();
    let temp = invite().await;
    assert_eq!(invite().await, temp, "one temp member per number");
    assert!(matches!(world.state(temp).await, AccountState::Invited(_)));
    let attempt = world.begin("dana", &[("given_name", "Dana"), PHONE]).await.unwrap();
    assert!(matches!(world.state(temp).await, AccountState::Invited(_)), "never on an unproven number");
    let code = world.code(PHONE.1).await;
    let login = world.confirm("dana", &code).await.unwrap();
    assert_eq!(login.account, temp);
    assert_ne!(attempt, temp);
    let name = login.state.registered().unwrap().attribute(Attribute::GivenName).unwrap().clone();
    assert_eq!(name.subject, temp);
    assert_eq!(world.log_in("dana", PASSWORD).await.unwrap().account, temp);
    assert_eq!(invite().await, temp, "inviting a known number uses the account");
    // What the sign-up sealed goes with the account.
    world.commands.forget(temp, &world.operator()).await.unwrap();
    assert!(world.commands.vault().is_forgotten(attempt).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_proves_an_invited_number_absorbs_the_temp_member() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    let temp = world.commands.person_with_phone("+442", None, None, &world.operator()).await.unwrap();
    world.move_to(&dana, "+442").await.unwrap();
    assert_eq!(world.state(temp).await, AccountState::Absorbed { into: dana.person.account });
    let found = world.commands.person_with_phone("+442", None, None, &world.operator()).await.unwrap();
    assert_eq!(found, dana.person.account);
    let whom = world.commands.person(temp).await.unwrap();
    assert_eq!(whom, (dana.person.account, Some("dana".to_owned())), "an operator sees who it is");
    let gone = world.commands.forget(temp, &world.operator()).await.unwrap();
    assert!(gone.contains(&temp) && gone.contains(&dana.person.account), "one person");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_edited_except_for_the_phone_number() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[("gender", "female"), EMAIL]).await;
    let edit = async |pairs: &[(&str, &str)]| {
        let details = details::parse(pairs.iter().copied()).unwrap();
        world.commands.edit_profile(dana.person, "dana", details, &world.by(&dana)).await
    };
    let changed = edit(&[("gender", ""), ("nickname", "Dee"), ("email", "dee@example.com")]).await.unwrap();
    let account = changed.state.registered().unwrap();
    assert!(account.attribute(Attribute::Gender).is_none());
    let nickname = account.attribute(Attribute::Nickname).unwrap().clone();
    assert_eq!(world.commands.vault().open_text(&nickname).await.unwrap(), "Dee");
    assert!(account.proven_email().is_none() && account.registration.email.is_some());
    assert_eq!(edit(&[("nickname", "Dee")]).await.unwrap().revision, changed.revision, "nothing to change");
    assert_eq!(refused(edit(&[PHONE]).await, RejectionKind::Invalid).unwrap(), "phone_number");
    let foreign = world.commands.edit_profile(dana.person, "kim", details::parse([]).unwrap(), &world.by(&dana)).await;
    refused(foreign, RejectionKind::Forbidden);
    // The address that was given up is free.
    world.sign_up("kim", &[EMAIL]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn facebook_makes_one_account_per_person() {
    let world = World::new().await;
    let provider = DevelopmentProvider::new(SECRET);
    let vouched = |id: &str| Vouched {
        id: id.to_owned(),
        name: Some("Dana Reyes".to_owned()),
        email: Some("not an address".to_owned()),
        gender: None,
        picture: Some("https://img.example.com/u1.jpg".to_owned()),
    };
    let token = provider.sign(vouched("10150"), world.now + TimeDelta::hours(1)).unwrap();
    let first = world.commands.log_in_with_facebook(&token, &world.anyone()).await.unwrap();
    let account = first.state.registered().unwrap().registration.clone();
    assert!(account.email.is_none() && account.attributes.contains_key(&Attribute::Picture));
    let dana = world.somebody("facebook_10150", first);
    let second = world.commands.log_in_with_facebook(&token, &world.anyone()).await.unwrap();
    assert_eq!(second.account, dana.person.account);
    world.commands.refresh(dana.shown(), &world.anyone()).await.unwrap();
    refused(world.log_in("facebook_10150", PASSWORD).await, RejectionKind::Invalid);

    let own = world.commands.edit_facebook_phone(dana.person, "10150", "+442", &world.by(&dana)).await;
    own.unwrap();
    assert_eq!(world.codes().await.len(), 1);
    let foreign = world.commands.edit_facebook_phone(dana.person, "10151", "+442", &world.by(&dana)).await;
    refused(foreign, RejectionKind::Forbidden);

    let expired = provider.sign(vouched("10150"), world.now).unwrap();
    unauthorised(world.commands.log_in_with_facebook(&expired, &world.anyone()).await);
    let stranger = DevelopmentProvider::new("another secret").sign(vouched("10150"), world.now + TimeDelta::hours(1));
    unauthorised(world.commands.log_in_with_facebook(&stranger.unwrap(), &world.anyone()).await);
    unauthorised(world.commands.log_in_with_facebook(&dana.tokens.access_token, &world.anyone()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_first_logins_with_facebook_at_once_make_one_account() {
    let world = World::new().await;
    let vouched = Vouched { id: "10150".into(), name: None, email: None, gender: None, picture: None };
    let token = DevelopmentProvider::new(SECRET).sign(vouched, world.now + TimeDelta::hours(1)).unwrap();
    let logins = (0..8).map(|_| {
        let (commands, token, caller) = (world.commands.clone(), token.clone(), world.anyone());
        tokio::spawn(async move { commands.log_in_with_facebook(&token, &caller).await.unwrap().account })
    });
    let accounts = futures::future::try_join_all(logins).await.unwrap();
    assert!(accounts.iter().all(|account| *account == accounts[0]), "{accounts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_prove_one_number_at_once_do_not_both_get_it() {
    let world = World::new().await;
    let temp = world.commands.person_with_phone(PHONE.1, None, None, &world.operator()).await.unwrap();
    world.begin("dana", &[PHONE]).await.unwrap();
    let danas = world.code(PHONE.1).await;
    world.begin("kim", &[PHONE]).await.unwrap();
    let kims = world.code(PHONE.1).await;
    let (dana, kim) = tokio::join!(world.confirm("dana", &danas), world.confirm("kim", &kims));
    assert!(dana.is_ok() != kim.is_ok(), "one of two");
    let (winner, loser) = if dana.is_ok() { (dana, kim) } else { (kim, dana) };
    assert_eq!(winner.unwrap().account, temp);
    refused(loser, RejectionKind::Conflict);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_person_leaves_no_value_and_frees_what_they_held() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[("given_name", "Dana"), PHONE]).await;
    let account = dana.person.account;
    let preferences = StreamId::new(PREFERENCES.kind.name, account);
    let fields = serde_json::json!({"trip_length": 3}).as_object().unwrap().clone();
    let put = RecordCommand { record: &PREFERENCES, id: account, change: Change::Put(fields) };
    world.commands.execute::<Records>(preferences.clone(), put, &world.by(&dana)).await.unwrap();
    let name = world.state(account).await.registered().unwrap().attribute(Attribute::GivenName).unwrap().clone();
    assert_eq!(world.commands.vault().open_text(&name).await.unwrap(), "Dana");

    assert_eq!(world.commands.forget(account, &world.operator()).await.unwrap(), vec![account]);
    assert!(matches!(world.state(account).await, AccountState::Forgotten { .. }));
    assert_eq!(world.commands.vault().open_text(&name).await.unwrap(), "forgotten");
    assert!(!world.is_in(&dana).await);
    let left: Arc<RecordState> = world.commands.state::<Records>(&preferences).await.unwrap().state;
    assert!(left.deleted_at.is_some());
    refused(world.log_in("dana", PASSWORD).await, RejectionKind::Invalid);
    world.commands.forget(account, &world.operator()).await.unwrap();

    // Name and number are free, for another person.
    let again = world.sign_up("dana", &[PHONE]).await;
    assert_ne!(again.person.account, account);
    refused(world.commands.forget(EntityId(Uuid::new_v4()), &world.operator()).await, RejectionKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_holds_no_personal_value_password_or_code() {
    let world = World::new().await;
    world.sign_up("dana", &[("given_name", "Ermintrude"), EMAIL, PHONE]).await;
    let page = world.commands.store().read_all(0, Direction::Forwards, &Filter::default(), 1000).await.unwrap();
    let log = format!("{:?}", page.events);
    for secret in ["dana", "Ermintrude", "example.com", "4165550100", PASSWORD, "argon2", &world.code(PHONE.1).await] {
        assert!(!log.contains(secret), "{secret}");
    }
    let begun = page.events.iter().filter(|event| event.event_type == "SignUpBegun").count();
    assert_eq!(begun, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_confirmation_is_finished_by_repeating_it() {
    let world = World::new().await;
    let attempt = world.begin("dana", &[PHONE]).await.unwrap();
    let code = world.code(PHONE.1).await;
    // Everything but the last step has happened, as after a crash: the log without what completed the sign-up.
    let login = world.confirm("dana", &code).await.unwrap();
    let all = world.commands.store().read_all(0, Direction::Forwards, &Filter::default(), 1000).await.unwrap().events;
    for kept in 1..all.len() {
        let crashed = World::new_with_vault(world.commands.vault().clone()).await;
        for recorded in &all[..kept] {
            crashed.replay(recorded).await;
        }
        let begun = all[..kept].iter().any(|event| event.event_type == "CodeIssued");
        let completed = all[..kept].iter().any(|event| event.event_type == "SignUpCompleted");
        match crashed.confirm("dana", &code).await {
            Ok(again) => assert_eq!(again.account, login.account, "{kept}"),
            Err(error) if !begun || completed => {
                assert!(error.is_rejection(RejectionKind::Invalid), "{kept}: {error:?}")
            }
            Err(error) => panic!("{kept}: {error:?}"),
        }
        if begun {
            assert_eq!(crashed.log_in("dana", PASSWORD).await.unwrap().account, attempt, "{kept}");
        }
    }
}

impl World {
    /// A fresh log, the keys of another world.
    async fn new_with_vault(vault: Vault) -> World {
        let main = PgPool::connect(&caravan_private_postgres::testing::database().await).await.unwrap();
        caravan_migrations::MAIN.run(&main).await.unwrap();
        let store = caravan_event_store::open("database", &main).unwrap();
        let snapshots = Arc::new(NoSnapshots);
        let limits = Limits::new(main.clone(), vault.clone(), Settings::default());
        let setup = Setup { store, vault, pool: main, limits, snapshots, cache_bytes: 1024, identity_provider: None };
        let commands = Commands::new(setup);
        World { commands, now: Utc::now() }
    }

    async fn replay(&self, recorded: &caravan_event_store::Recorded) {
        use caravan_event_store::{Append, Expected, NewEvent};
        let event = NewEvent {
            id: recorded.id,
            event_type: recorded.event_type.clone(),
            schema_version: recorded.schema_version,
            data: recorded.data.clone(),
            metadata: recorded.metadata.clone(),
        };
        let append = Append { stream: recorded.stream.clone(), expected: Expected::Any, events: vec![event] };
        self.commands.store().append(append).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_sign_up_leaves_its_user_name_to_others() {
    let world = World::new().await;
    world.commands.person_with_phone(PHONE.1, Some("D"), None, &world.operator()).await.unwrap();
    let mut codes = vec![];
    for name in ["dana", "kim"] {
        world.begin(name, &[PHONE]).await.unwrap();
        codes.push(world.code(PHONE.1).await);
    }
    // Both prove the number that one temp member was invited by.
    let (dana, kim) = tokio::join!(world.confirm("dana", &codes[0]), world.confirm("kim", &codes[1]));
    let (winner, loser) = if dana.is_ok() { ("dana", "kim") } else { ("kim", "dana") };
    let outcomes = [dana, kim];
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let refusal = outcomes.into_iter().find(|outcome| outcome.is_err()).unwrap();
    assert_eq!(refused(refusal, RejectionKind::Conflict).unwrap(), "phone_number");
    world.log_in(winner, PASSWORD).await.unwrap();
    refused(world.log_in(loser, PASSWORD).await, RejectionKind::Invalid);
    world.sign_up(loser, &[EMAIL]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn right_logins_that_come_together_do_not_count_as_failures() {
    let world = World::new().await;
    world.sign_up("dana", &[PHONE]).await;
    let logins = (0..30).map(|_| world.log_in("dana", PASSWORD));
    for login in futures::future::join_all(logins).await {
        login.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_right_is_no_failure_whatever_is_refused_afterwards() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    world.commands.switch_mfa(dana.person, dana.shown(), true, &world.by(&dana)).await.unwrap();
    let mut sent = 0;
    for _ in 0..12 {
        match world.log_in("dana", PASSWORD).await {
            Ok(_) => sent += 1,
            other => limited(other),
        }
    }
    assert_eq!(sent, 4, "the sign-up took one of the contact's five codes");
    for _ in 0..12 {
        let stale = Caller { if_match: Some(0), ..world.by(&dana) };
        let changed =
            world.commands.change_password(dana.person, dana.shown(), PASSWORD, "a new password", &stale).await;
        assert!(matches!(changed, Err(CommandError::PreconditionFailed)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_other_letters_is_still_the_proven_one() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[EMAIL]).await;
    let edit = async |email: &str| {
        let details = details::parse([("email", email)]).unwrap();
        world.commands.edit_profile(dana.person, "dana", details, &world.by(&dana)).await.unwrap()
    };
    assert!(edit("DANA@example.com").await.state.registered().unwrap().proven_email().is_some());
    world.commands.request_password_reset("dana", &world.anyone()).await.unwrap();
    assert!(edit("kim@example.com").await.state.registered().unwrap().proven_email().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_under_a_key_succeeds_although_its_secret_is_used_up() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    let keyed = async |key: &str| {
        let caller = world.by(&dana);
        let begun = world.commands.begin(dana.person.account, key, b"request", caller.command_id).await.unwrap();
        Caller { command_id: begun.command_id, key: Some(begun.key), ..caller }
    };
    let mut revisions = vec![];
    for _ in 0..2 {
        let caller = keyed("password").await;
        let changed =
            world.commands.change_password(dana.person, dana.shown(), PASSWORD, "a new password", &caller).await;
        revisions.push(changed.unwrap().revision);
    }
    for _ in 0..7 {
        let caller = keyed("edit").await;
        world.commands.edit_phone(dana.person, dana.shown(), "+442", &caller).await.unwrap();
    }
    let code = world.code("+442").await;
    for _ in 0..2 {
        let token = &dana.tokens.access_token;
        let changed = world.commands.verify_phone(dana.person, token, &code, &keyed("verify").await).await;
        revisions.push(changed.unwrap().revision);
    }
    assert_eq!((revisions[0], revisions[2]), (revisions[1], revisions[3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_an_account_is_forgotten_too() {
    let world = World::new().await;
    let organizer = world.commands.organizing_person("fair", "Robin Reed").await.unwrap().unwrap();
    let caravan_domain::catalogue::event::Organizer::Person(sealed) = organizer else { panic!("a person") };
    for _ in 0..2 {
        assert_eq!(world.commands.person(sealed.subject).await.unwrap(), (sealed.subject, None));
        assert_eq!(world.commands.forget(sealed.subject, &world.operator()).await.unwrap(), [sealed.subject]);
    }
    assert!(world.commands.organizing_person("fair", "Robin Reed").await.unwrap().is_none());
    let nobody = EntityId(Uuid::from_u128(7));
    refused(world.commands.forget(nobody, &world.operator()).await, RejectionKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_password_is_not_kept() {
    let world = World::new().await;
    let dana = world.sign_up("dana", &[PHONE]).await;
    world.commands.force_password(dana.person.account, "from the operator", &world.operator()).await.unwrap();
    let login = world.log_in("dana", "from the operator").await.unwrap();
    let Next::Challenge { login_session, .. } = login.next else { panic!("a challenge") };
    let answer = world.commands.answer_new_password("dana", &login_session, "from the operator", &world.anyone()).await;
    assert_eq!(refused(answer, RejectionKind::Invalid).unwrap(), "newPassword");
}
