//! What an account has become.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::events::{AccountEvent, Challenge, Registration};
use crate::identity::code::PendingCode;
use crate::identity::{Attribute, Channel, CodePurpose, Contact, Medium, Role, Roles};
use crate::{EntityId, Sealed};

/// A person, from unknown to forgotten.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum AccountState {
    #[default]
    Unknown,
    /// A temp member: named by others, without an account.
    Invited(Invited),
    Registered(Box<Registered>),
    /// A temp member who turned out to be somebody with an account.
    Absorbed {
        into: EntityId,
    },
    Forgotten {
        deleted_at: DateTime<Utc>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Invited {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<Sealed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<Sealed>,
    pub phone: Sealed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Registered {
    #[serde(flatten)]
    pub registration: Registration,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub must_change_password: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mfa: bool,
    /// In the order they were opened.
    pub sessions: Vec<LoginSession>,
    pub next_session: u32,
    /// In the order they were made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub challenges: Vec<PendingChallenge>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_reset: Option<PendingCode>,
    /// In the order they were asked for. The latest of a channel counts; those before it stay while their codes are
    /// live, as the proof of one may be under way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contact_changes: Vec<ContactChange>,
    /// In the order they were set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub push_endpoints: Vec<PushEndpoint>,
    /// Besides being a user, which every account is.
    #[serde(default, skip_serializing_if = "Roles::is_empty")]
    granted: Roles,
}

/// One login on one device. Its tokens are good as long as it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginSession {
    pub number: u32,
    pub login: Uuid,
    /// How often its tokens were renewed.
    pub generation: u32,
    pub opened_at: DateTime<Utc>,
    pub refreshed_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// As in the event that opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Whether it is not renewed any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub voided: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingChallenge {
    pub login: Uuid,
    pub challenge: Challenge,
    pub expires_at: DateTime<Utc>,
}

/// A phone number or address that waits for its proof.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContactChange {
    pub channel: Channel,
    pub value: Sealed,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<PendingCode>,
}

/// By what a push service reaches the device of a session; gone with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PushEndpoint {
    pub session: u32,
    pub endpoint: Sealed,
}

/// Where a message to somebody goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Destination<'a> {
    /// The session of the device, where it is one.
    pub device: Option<u32>,
    pub address: &'a Sealed,
}

/// What the stored state of an account says about its sessions and roles: all that a token is checked against, and but
/// a small part of the whole.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LoginSessions {
    status: Status,
    #[serde(default)]
    sessions: Vec<LoginSession>,
    #[serde(default)]
    next_session: u32,
    #[serde(default)]
    granted: Roles,
}

/// The tag of [`AccountState`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Unknown,
    Invited,
    Registered,
    Absorbed,
    Forgotten,
}

impl LoginSessions {
    /// Whether a session of this number was ever opened, or never will be.
    pub fn know(&self, number: u32) -> bool {
        match self.status {
            Status::Unknown | Status::Invited => false,
            Status::Registered => number < self.next_session,
            Status::Absorbed | Status::Forgotten => true,
        }
    }

    /// The session of this number, while it is open.
    pub fn session(&self, number: u32, now: DateTime<Utc>) -> Option<&LoginSession> {
        open(&self.sessions, number, now)
    }

    /// Of whoever has an open session.
    pub fn roles(&self) -> Roles {
        self.granted.with(Role::User)
    }
}

fn open(sessions: &[LoginSession], number: u32, now: DateTime<Utc>) -> Option<&LoginSession> {
    sessions.iter().find(|session| session.number == number && now < session.expires_at)
}

/// For so long the token before the last is still taken: its answer may have been lost on the way.
pub(super) const REFRESH_GRACE: TimeDelta = TimeDelta::seconds(30);

impl AccountState {
    pub fn registered(&self) -> Option<&Registered> {
        match self {
            AccountState::Registered(registered) => Some(registered),
            _ => None,
        }
    }

    /// Whether an access or refresh token of this session may still be used.
    pub fn has_open_session(&self, number: u32, now: DateTime<Utc>) -> bool {
        self.registered().is_some_and(|registered| registered.session(number, now).is_some())
    }

    pub fn first_name(&self) -> Option<&Sealed> {
        match self {
            AccountState::Invited(invited) => invited.first_name.as_ref(),
            AccountState::Registered(registered) => registered.attribute(Attribute::GivenName),
            _ => None,
        }
    }

    pub fn last_name(&self) -> Option<&Sealed> {
        match self {
            AccountState::Invited(invited) => invited.last_name.as_ref(),
            AccountState::Registered(registered) => registered.attribute(Attribute::FamilyName),
            _ => None,
        }
    }

    /// Where a message reaches the person by a medium: at a contact they have proven, or on each of their devices; a
    /// temp member, who is known by nothing else, at the number they were invited by.
    pub fn reached_by(&self, medium: Medium, now: DateTime<Utc>) -> Vec<Destination<'_>> {
        let account = self.registered();
        let contact = match medium {
            Medium::Mail => account.and_then(Registered::proven_email),
            Medium::Sms => self.own_phone(),
            Medium::Push => return account.map_or_else(Vec::new, |account| account.devices(now).collect()),
        };
        contact.map(|address| Destination { device: None, address }).into_iter().collect()
    }

    /// Who somebody is now: an absorbed temp member is the account that absorbed them.
    pub fn present(&self, id: EntityId) -> EntityId {
        match self {
            AccountState::Absorbed { into } => *into,
            _ => id,
        }
    }

    /// The phone number that is this person's alone: the one an account has proven, or a temp member was invited by.
    pub fn own_phone(&self) -> Option<&Sealed> {
        match self {
            AccountState::Invited(invited) => Some(&invited.phone),
            AccountState::Registered(account) => account.proven_phone(),
            AccountState::Unknown | AccountState::Absorbed { .. } | AccountState::Forgotten { .. } => None,
        }
    }

    /// The phone number: a temp member's, or a proven or given one of an account.
    pub fn phone(&self) -> Option<&Sealed> {
        match self {
            AccountState::Invited(invited) => Some(&invited.phone),
            AccountState::Registered(registered) => {
                registered.registration.phone.as_ref().map(|contact| &contact.value)
            }
            _ => None,
        }
    }
}

impl Registered {
    /// The session of a number, if it is open.
    pub fn session(&self, number: u32, now: DateTime<Utc>) -> Option<&LoginSession> {
        open(&self.sessions, number, now)
    }

    /// The session that a login opened, if it is open.
    pub fn session_of(&self, login: Uuid, now: DateTime<Utc>) -> Option<&LoginSession> {
        self.sessions.iter().find(|session| session.login == login && now < session.expires_at)
    }

    /// The devices that are reached by push, those set first before others.
    fn devices(&self, now: DateTime<Utc>) -> impl Iterator<Item = Destination<'_>> {
        let open = self.push_endpoints.iter().filter(move |push| self.session(push.session, now).is_some());
        open.map(|push| Destination { device: Some(push.session), address: &push.endpoint })
    }

    /// The challenge that a login waits on, if it has not lapsed.
    pub fn challenge(&self, login: Uuid, now: DateTime<Utc>) -> Option<&PendingChallenge> {
        self.challenges.iter().find(|challenge| challenge.login == login && now < challenge.expires_at)
    }

    /// The contact that waits for its proof.
    pub fn contact_change(&self, channel: Channel) -> Option<&ContactChange> {
        self.contact_changes.iter().rfind(|change| change.channel == channel)
    }

    pub fn roles(&self) -> Roles {
        self.granted.with(Role::User)
    }

    pub fn attribute(&self, attribute: Attribute) -> Option<&Sealed> {
        self.registration.attributes.get(&attribute)
    }

    /// What makes up the whole name: the one that is given as such, or else the first and the last.
    pub fn whole_name(&self) -> Vec<&Sealed> {
        let [given, family] = [Attribute::GivenName, Attribute::FamilyName].map(|part| self.attribute(part));
        match self.attribute(Attribute::Name) {
            Some(whole) => vec![whole],
            None => given.into_iter().chain(family).collect(),
        }
    }

    pub fn proven_phone(&self) -> Option<&Sealed> {
        proven(&self.registration.phone)
    }

    pub fn proven_email(&self) -> Option<&Sealed> {
        proven(&self.registration.email)
    }

    pub fn proven_contact(&self, channel: Channel) -> Option<&Sealed> {
        match channel {
            Channel::Mail => self.proven_email(),
            Channel::Sms => self.proven_phone(),
        }
    }
}

impl LoginSession {
    /// Whether a refresh token of this generation may renew the session.
    pub fn accepts(&self, generation: u32, now: DateTime<Utc>) -> bool {
        let repeated = Some(generation) == self.generation.checked_sub(1) && now < self.refreshed_at + REFRESH_GRACE;
        !self.voided && (generation == self.generation || repeated)
    }
}

fn proven(contact: &Option<Contact>) -> Option<&Sealed> {
    contact.as_ref().filter(|contact| contact.proven).map(|contact| &contact.value)
}

pub(super) fn evolve(mut state: AccountState, event: &AccountEvent) -> AccountState {
    match event {
        AccountEvent::Invited { first_name, last_name, phone } => AccountState::Invited(Invited {
            first_name: first_name.clone(),
            last_name: last_name.clone(),
            phone: phone.clone(),
        }),
        AccountEvent::Registered(registration) => AccountState::Registered(Box::new(Registered {
            registration: registration.clone(),
            must_change_password: false,
            mfa: false,
            sessions: vec![],
            next_session: 1,
            challenges: vec![],
            password_reset: None,
            contact_changes: vec![],
            push_endpoints: vec![],
            granted: Roles::NONE,
        })),
        AccountEvent::Absorbed { into } => AccountState::Absorbed { into: *into },
        AccountEvent::PersonForgotten { at } => AccountState::Forgotten { deleted_at: *at },
        AccountEvent::CodeIssued(_)
        | AccountEvent::SessionOpened { .. }
        | AccountEvent::SessionRefreshed { .. }
        | AccountEvent::SessionClosed { .. }
        | AccountEvent::LoggedOut {}
        | AccountEvent::RefreshTokensVoided {}
        | AccountEvent::LoginChallenged { .. }
        | AccountEvent::LoginChallengeEnded { .. }
        | AccountEvent::PasswordChanged { .. }
        | AccountEvent::PasswordForced { .. }
        | AccountEvent::PhoneChangeRequested { .. }
        | AccountEvent::PhoneProven { .. }
        | AccountEvent::EmailChangeRequested { .. }
        | AccountEvent::EmailProven { .. }
        | AccountEvent::EmailRemoved {}
        | AccountEvent::PushEndpointSet { .. }
        | AccountEvent::PushEndpointDropped { .. }
        | AccountEvent::ProfileChanged { .. }
        | AccountEvent::MfaSwitched { .. }
        | AccountEvent::RoleGranted { .. }
        | AccountEvent::RoleRevoked { .. } => {
            if let AccountState::Registered(registered) = &mut state {
                registered.apply(event);
                registered.drop_endpoints_without_session();
            }
            state
        }
    }
}

impl Registered {
    fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::CodeIssued(code) => match code.purpose {
                CodePurpose::PasswordReset => self.password_reset = Some(code.into()),
                CodePurpose::PhoneChange | CodePurpose::EmailChange => {
                    let asked = self.contact_changes.iter_mut().rfind(|change| change.channel == code.channel);
                    if let Some(change) = asked {
                        change.code = Some(code.into());
                    }
                    let at = code.issued_at;
                    self.contact_changes.retain(|change| change.code.is_some_and(|code| code.is_live(at)));
                }
                // A login's code is the challenge's, a sign-up's belongs to the sign-up.
                CodePurpose::Login | CodePurpose::SignUp => {}
            },
            AccountEvent::SessionOpened { number, login, at, expires_at, since } => {
                self.sessions.retain(|session| *at < session.expires_at);
                self.sessions.push(LoginSession {
                    number: *number,
                    login: *login,
                    generation: 0,
                    opened_at: *at,
                    refreshed_at: *at,
                    expires_at: *expires_at,
                    since: *since,
                    voided: false,
                });
                self.next_session = self.next_session.max(number.saturating_add(1));
            }
            AccountEvent::SessionRefreshed { number, generation, at } => {
                for session in self.sessions.iter_mut().filter(|session| session.number == *number) {
                    session.generation = *generation;
                    session.refreshed_at = *at;
                }
            }
            AccountEvent::SessionClosed { number } => self.sessions.retain(|session| session.number != *number),
            AccountEvent::LoggedOut {} => {
                self.sessions.clear();
                self.challenges.clear();
            }
            AccountEvent::RefreshTokensVoided {} => {
                self.sessions.iter_mut().for_each(|session| session.voided = true);
            }
            AccountEvent::LoginChallenged { login, challenge, expires_at } => {
                self.challenges.push(PendingChallenge { login: *login, challenge: *challenge, expires_at: *expires_at })
            }
            AccountEvent::LoginChallengeEnded { login } => {
                self.challenges.retain(|challenge| challenge.login != *login);
            }
            AccountEvent::PasswordChanged { hash, session } => {
                self.set_password(hash, false);
                self.sessions.retain(|open| Some(open.number) == *session);
            }
            AccountEvent::PasswordForced { hash } => {
                self.set_password(hash, true);
                self.sessions.clear();
            }
            AccountEvent::PhoneChangeRequested { phone } => self.ask(Channel::Sms, phone),
            AccountEvent::PhoneProven { phone } => {
                self.registration.phone = Some(Contact { value: phone.clone(), proven: true });
                self.settle(Channel::Sms, phone);
                // What was sent to the number before is in other hands now.
                self.challenges.clear();
                self.password_reset = None;
            }
            AccountEvent::EmailChangeRequested { email } => {
                self.ask(Channel::Mail, email);
                if self.proven_email().is_none() {
                    self.registration.email = Some(Contact { value: email.clone(), proven: false });
                }
            }
            AccountEvent::EmailProven { email } => {
                self.registration.email = Some(Contact { value: email.clone(), proven: true });
                self.settle(Channel::Mail, email);
                self.password_reset = None;
            }
            AccountEvent::EmailRemoved {} => {
                self.registration.email = None;
                self.contact_changes.retain(|change| change.channel != Channel::Mail);
            }
            AccountEvent::PushEndpointSet { session, endpoint } => {
                // A device that logged in anew is not told twice.
                self.push_endpoints.retain(|push| push.session != *session && push.endpoint != *endpoint);
                self.push_endpoints.push(PushEndpoint { session: *session, endpoint: endpoint.clone() });
            }
            AccountEvent::PushEndpointDropped { session } => {
                self.push_endpoints.retain(|push| push.session != *session);
            }
            AccountEvent::ProfileChanged { attributes } => {
                for (attribute, value) in attributes {
                    match value {
                        Some(value) => self.registration.attributes.insert(*attribute, value.clone()),
                        None => self.registration.attributes.remove(attribute),
                    };
                }
            }
            AccountEvent::MfaSwitched { on } => self.mfa = *on,
            AccountEvent::RoleGranted { role } => self.granted = self.granted.with(*role),
            AccountEvent::RoleRevoked { role } => self.granted = self.granted.without(*role),
            AccountEvent::Invited { .. }
            | AccountEvent::Registered(_)
            | AccountEvent::Absorbed { .. }
            | AccountEvent::PersonForgotten { .. } => {}
        }
    }

    fn ask(&mut self, channel: Channel, contact: &Sealed) {
        self.contact_changes.push(ContactChange { channel, value: contact.clone(), code: None });
    }

    /// Of the changes of a channel, only those remain that were asked for after the one that is proven now.
    fn settle(&mut self, channel: Channel, proven: &Sealed) {
        let proven = |change: &ContactChange| change.channel == channel && change.value == *proven;
        let later = self.contact_changes.iter().rposition(proven).map_or(0, |place| place + 1);
        let later = self.contact_changes.split_off(later);
        self.contact_changes.retain(|change| change.channel != channel);
        self.contact_changes.extend(later);
    }

    /// A session that is closed takes its device with it.
    fn drop_endpoints_without_session(&mut self) {
        let Registered { push_endpoints, sessions, .. } = self;
        push_endpoints.retain(|push| sessions.iter().any(|session| session.number == push.session));
    }

    /// A password that changes makes every code and challenge given out under the old one void.
    fn set_password(&mut self, hash: &Sealed, must_change: bool) {
        self.registration.password_hash = Some(hash.clone());
        self.must_change_password = must_change;
        self.challenges.clear();
        self.password_reset = None;
    }
}
