//! Shapes of sessions, whose answers have no envelope. The contract's names stand above each function.

use caravan_domain::EntityId;
use caravan_domain::identity::account::{self, Registered};
use caravan_domain::identity::{Role, Roles};
use serde_json::{Value, json};

use super::users::nobodys;
use crate::shape::{sealed, words};
use crate::{BrowserCookie, Failure, FailureKind, Operation};

/// The cookie and the header that carry a token.
pub const TOKEN: &str = "airbnb3-access-token";
pub const COOKIE: BrowserCookie = BrowserCookie::named(TOKEN);

/// `Session`
pub fn session(id: EntityId, account: &Registered, session: &account::LoginSession, token: &str) -> Value {
    // One that nobody has proven may be somebody else's.
    let email = account.proven_email().map(sealed);
    json!({
        "sessionId": session.login,
        "userId": id,
        // The schema of users demands an address.
        "email": email.unwrap_or_else(|| nobodys(id)),
        "fullname": full_name(account).unwrap_or_else(|| json!("")),
        "roleId": role_id(account.roles()),
        "accessToken": token,
    })
}

pub(super) fn full_name(account: &Registered) -> Option<Value> {
    let parts: Vec<Value> = account.whole_name().into_iter().map(sealed).collect();
    words(&parts.iter().collect::<Vec<_>>())
}

/// The one role that is shown of several.
pub(super) fn role_id(roles: Roles) -> &'static str {
    let shown = [Role::SuperAdmin, Role::Admin].into_iter().find(|role| roles.has(*role));
    role_name(shown.unwrap_or(Role::User))
}

pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Admin => "admin",
        Role::SuperAdmin => "superAdmin",
        Role::SalesAdmin => "salesAdmin",
        Role::Marketer => "marketer",
        Role::Analyst => "analyst",
        Role::Operator => "operator",
    }
}

/// `SessionError`
pub(super) fn failed(operation: &Operation, failure: &Failure) -> Value {
    let message = match (failure.kind, operation.section.as_str(), operation.id.as_str()) {
        (FailureKind::Unauthorised, _, "relogin") => "Cannot relogin".to_owned(),
        (FailureKind::Unauthorised, "common", _) => "No login found".to_owned(),
        _ => failure.text(),
    };
    let mut shape = failure.besides.clone();
    shape.insert("status".to_owned(), json!("ERR"));
    shape.insert("message".to_owned(), json!(message));
    Value::Object(shape)
}

#[cfg(test)]
mod tests {
    use caravan_domain::Sealed;
    use caravan_domain::decider::fold;
    use caravan_domain::identity::account::{Provider, Registration};
    use caravan_domain::identity::{Account, AccountEvent, AccountState, Attribute, Contact};
    use uuid::Uuid;

    use super::*;
    use crate::shape::Closed;

    const ID: EntityId = EntityId(Uuid::from_u128(1));

    fn text(text: &str) -> Sealed {
        Sealed { subject: ID, cipher: text.to_owned(), hash: text.to_owned() }
    }

    /// Opened as if nothing were encrypted.
    fn shown(registration: Registration, roles: &[Role]) -> Value {
        let granted = roles.iter().map(|role| AccountEvent::RoleGranted { role: *role });
        let events: Vec<_> = std::iter::once(AccountEvent::Registered(registration)).chain(granted).collect();
        let AccountState::Registered(account) = fold::<Account>(&events) else { panic!("is registered") };
        let at = chrono::DateTime::UNIX_EPOCH;
        let login = Uuid::from_u128(7);
        let (opened_at, refreshed_at, expires_at) = (at, at, at);
        let (generation, since, voided) = (0, None, false);
        let open =
            account::LoginSession { number: 1, login, generation, opened_at, refreshed_at, expires_at, since, voided };
        let mut shape = session(ID, &account, &open, "a.b.c");
        let closed = Closed::find(&mut shape);
        let texts = closed.sealed().iter().map(|sealed| sealed.cipher.clone()).collect();
        closed.open(texts);
        shape
    }

    fn registration(username: &str, attributes: &[(Attribute, &str)]) -> Registration {
        Registration {
            provider: Provider::Password,
            sign_up: None,
            username: text(username),
            password_hash: None,
            facebook_id: None,
            email: None,
            phone: None,
            attributes: attributes.iter().map(|(attribute, value)| (*attribute, text(value))).collect(),
        }
    }

    #[test]
    fn a_session_shows_who_it_is_of() {
        let names = [(Attribute::GivenName, "Dana"), (Attribute::FamilyName, "Reed")];
        let email = Some(Contact { value: text("d@example.org"), proven: true });
        let account = Registration { email, ..registration("dana@example.org", &names) };
        let expected = json!({"sessionId": Uuid::from_u128(7), "userId": ID, "email": "d@example.org",
            "fullname": "Dana Reed", "roleId": "user", "accessToken": "a.b.c"});
        assert_eq!(shown(account, &[]), expected);
    }

    #[test]
    fn who_has_proven_no_address_is_shown_one_that_reaches_nobody() {
        let nobodys = format!("{ID}@account.invalid");
        assert_eq!(shown(registration("dana", &[]), &[])["email"], nobodys);
        let email = Some(Contact { value: text("victim@example.org"), proven: false });
        assert_eq!(shown(Registration { email, ..registration("dana", &[]) }, &[])["email"], nobodys);
    }

    #[test]
    fn a_whole_name_goes_before_its_parts() {
        let names = [(Attribute::Name, "Dee"), (Attribute::GivenName, "Dana")];
        assert_eq!(shown(registration("dana", &names), &[])["fullname"], "Dee");
        assert_eq!(shown(registration("dana", &[]), &[])["fullname"], "");
    }

    #[test]
    fn of_several_roles_the_highest_is_shown() {
        let role = |roles: &[Role]| shown(registration("dana", &[]), roles)["roleId"].clone();
        assert_eq!(role(&[Role::Analyst]), "user");
        assert_eq!(role(&[Role::Admin, Role::Marketer]), "admin");
        assert_eq!(role(&[Role::Admin, Role::SuperAdmin]), "superAdmin");
    }
}
