use caravan_domain::identity::{Account, AccountEvent, Claim, ClaimEvent, Roster, RosterEvent, SignUp, SignUpEvent};
use serde_json::{Value, json};

use crate::{Pinned, pinned};

const ONE: &str = "00000000-0000-8000-8000-000000000001";
const OTHER: &str = "00000000-0000-8000-8000-000000000002";
const NONCE: &str = "00000000-0000-4000-8000-000000000003";
const AT: &str = "2026-01-31T18:00:00Z";
const LATER: &str = "2026-01-31T18:15:00Z";

fn sealed() -> Value {
    json!({"subject": ONE, "cipher": "Y2lwaGVy", "hash": "aGFzaA"})
}

fn code(purpose: &str, channel: &str) -> Value {
    json!({"type": "CodeIssued", "data": {"nonce": NONCE, "purpose": purpose, "to": sealed(), "channel": channel,
        "issued_at": AT, "expires_at": LATER}})
}

pub fn all() -> Vec<Pinned> {
    vec![accounts(), sign_ups(), claims(), rosters()]
}

fn accounts() -> Pinned {
    pinned::<Account>([
        json!({"type": "Invited", "data": {"first_name": sealed(), "last_name": sealed(), "phone": sealed()}}),
        json!({"type": "Invited", "data": {"phone": sealed()}}),
        json!({"type": "Registered", "data": {
            "provider": "password", "sign_up": OTHER, "username": sealed(), "password_hash": sealed(),
            "email": {"value": sealed(), "proven": false}, "phone": {"value": sealed(), "proven": true},
            "attributes": {
                "address": sealed(), "birthdate": sealed(), "email": sealed(), "family_name": sealed(),
                "gender": sealed(), "given_name": sealed(), "locale": sealed(), "middle_name": sealed(),
                "name": sealed(), "nickname": sealed(), "phone_number": sealed(), "picture": sealed(),
                "preferred_username": sealed(), "profile": sealed(), "website": sealed(), "zoneinfo": sealed(),
            },
        }}),
        json!({"type": "Registered", "data": {
            "provider": "facebook", "username": sealed(), "facebook_id": sealed(),
        }}),
        code("login", "sms"),
        code("password_reset", "mail"),
        code("phone_change", "sms"),
        code("email_change", "mail"),
        json!({"type": "SessionOpened", "data": {"number": 1, "login": NONCE, "at": AT, "expires_at": LATER}}),
        json!({"type": "SessionOpened", "data": {"number": 2, "login": NONCE, "at": AT, "expires_at": LATER, "since": AT}}),
        json!({"type": "SessionRefreshed", "data": {"number": 1, "generation": 2, "at": AT}}),
        json!({"type": "SessionClosed", "data": {"number": 1}}),
        json!({"type": "LoggedOut", "data": {}}),
        json!({"type": "RefreshTokensVoided", "data": {}}),
        json!({"type": "LoginChallenged", "data": {"login": NONCE, "challenge": "mfa", "expires_at": LATER}}),
        json!({"type": "LoginChallenged", "data": {"login": NONCE, "challenge": "new_password", "expires_at": LATER}}),
        json!({"type": "LoginChallengeEnded", "data": {"login": NONCE}}),
        json!({"type": "PasswordChanged", "data": {"hash": sealed(), "session": 1}}),
        json!({"type": "PasswordChanged", "data": {"hash": sealed()}}),
        json!({"type": "PasswordForced", "data": {"hash": sealed()}}),
        json!({"type": "PhoneChangeRequested", "data": {"phone": sealed()}}),
        json!({"type": "PhoneProven", "data": {"phone": sealed()}}),
        json!({"type": "EmailChangeRequested", "data": {"email": sealed()}}),
        json!({"type": "EmailProven", "data": {"email": sealed()}}),
        json!({"type": "EmailRemoved", "data": {}}),
        json!({"type": "PushEndpointSet", "data": {"session": 1, "endpoint": sealed()}}),
        json!({"type": "PushEndpointDropped", "data": {"session": 1}}),
        json!({"type": "ProfileChanged", "data": {"attributes": {"gender": sealed(), "nickname": null}}}),
        json!({"type": "MfaSwitched", "data": {"on": true}}),
        json!({"type": "RoleGranted", "data": {"role": "admin"}}),
        json!({"type": "RoleGranted", "data": {"role": "super_admin"}}),
        json!({"type": "RoleGranted", "data": {"role": "sales_admin"}}),
        json!({"type": "RoleGranted", "data": {"role": "marketer"}}),
        json!({"type": "RoleGranted", "data": {"role": "analyst"}}),
        json!({"type": "RoleGranted", "data": {"role": "operator"}}),
        json!({"type": "RoleRevoked", "data": {"role": "analyst"}}),
        json!({"type": "Absorbed", "data": {"into": OTHER}}),
        json!({"type": "PersonForgotten", "data": {"at": AT}}),
    ])
}

fn sign_ups() -> Pinned {
    pinned::<SignUp>([
        json!({"type": "SignUpBegun", "data": {"id": ONE, "username": sealed(), "password_hash": sealed(),
            "email": sealed(), "phone": sealed(), "channel": "sms", "attributes": {"given_name": sealed()},
            "begun_at": AT}}),
        json!({"type": "SignUpBegun", "data": {"id": ONE, "username": sealed(), "password_hash": sealed(),
            "email": sealed(), "channel": "mail", "begun_at": AT, "begun_from": "aGFzaA"}}),
        code("sign_up", "mail"),
        json!({"type": "SignUpDropped", "data": {"attempt": ONE}}),
        json!({"type": "SignUpConfirmed", "data": {"attempt": ONE, "at": AT}}),
        json!({"type": "SignUpCompleted", "data": {"attempt": ONE, "account": OTHER}}),
    ])
}

fn claims() -> Pinned {
    pinned::<Claim>([
        json!({"type": "Claimed", "data": {"owner": ONE, "at": AT}}),
        json!({"type": "Moved", "data": {"from": ONE, "to": OTHER, "at": AT}}),
        json!({"type": "Released", "data": {"owner": ONE}}),
    ])
}

fn rosters() -> Pinned {
    pinned::<Roster>([
        json!({"type": "SuperAdminAdded", "data": {"account": ONE}}),
        json!({"type": "SuperAdminRemoved", "data": {"account": ONE}}),
    ])
}

/// A new event fails to compile here: pin it above, then name it.
#[allow(dead_code)]
fn every_event_is_named(account: AccountEvent, sign_up: SignUpEvent, claim: ClaimEvent, roster: RosterEvent) {
    match account {
        AccountEvent::Invited { .. }
        | AccountEvent::Registered(_)
        | AccountEvent::CodeIssued(_)
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
        | AccountEvent::RoleRevoked { .. }
        | AccountEvent::Absorbed { .. }
        | AccountEvent::PersonForgotten { .. } => {}
    }
    match sign_up {
        SignUpEvent::SignUpBegun(_)
        | SignUpEvent::CodeIssued(_)
        | SignUpEvent::SignUpDropped { .. }
        | SignUpEvent::SignUpConfirmed { .. }
        | SignUpEvent::SignUpCompleted { .. } => {}
    }
    match claim {
        ClaimEvent::Claimed { .. } | ClaimEvent::Moved { .. } | ClaimEvent::Released { .. } => {}
    }
    match roster {
        RosterEvent::SuperAdminAdded { .. } | RosterEvent::SuperAdminRemoved { .. } => {}
    }
}
