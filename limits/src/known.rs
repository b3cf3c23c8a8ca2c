//! The limits there are. OPERATIONS lists them; a test holds the two together.

use std::time::Duration;

use crate::Limit;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = MINUTE.saturating_mul(60);
const DAY: Duration = HOUR.saturating_mul(24);

pub const FAILURES_PER_ACCOUNT_AND_ADDRESS: Limit = Limit {
    name: "FAILURES_PER_ACCOUNT_AND_ADDRESS",
    most: 10,
    span: HOUR,
    meaning: "wrong passwords of one account (or user name) from one client address; wrong codes of each sort apart",
};
pub const FAILURES_PER_ACCOUNT: Limit = Limit {
    name: "FAILURES_PER_ACCOUNT",
    most: 100,
    span: HOUR,
    meaning: "the same from all addresses but those that the account signed in from within 30 days",
};
pub const FAILURES_PER_ADDRESS: Limit = Limit {
    name: "FAILURES_PER_ADDRESS",
    most: 300,
    span: HOUR,
    meaning: "the same from one client address, whichever the account, but for those that signed in from there; Facebook tokens that prove nobody",
};
pub const FAILURES_IN_SESSION: Limit = Limit {
    name: "FAILURES_IN_SESSION",
    most: 10,
    span: HOUR,
    meaning: "wrong old passwords given in one session to change it",
};
pub const GUESSES_PER_CODE: Limit = Limit {
    name: "GUESSES_PER_CODE",
    most: 10,
    span: HOUR,
    meaning: "wrong guesses at one code, from anywhere; then it is void",
};
pub const CODES_TO_CONTACT: Limit = Limit {
    name: "CODES_TO_CONTACT",
    most: 5,
    span: MINUTE.saturating_mul(15),
    meaning: "codes sent to one phone number or mail address; for logins, for resets, and to prove it apart",
};
pub const PROOFS_FOR_ACCOUNT: Limit = Limit {
    name: "PROOFS_FOR_ACCOUNT",
    most: 20,
    span: HOUR,
    meaning: "codes sent to numbers and addresses that one account names as its own",
};
pub const PROOFS_TO_CONTACT: Limit = Limit {
    name: "PROOFS_TO_CONTACT",
    most: 3,
    span: HOUR,
    meaning: "codes to prove one contact that one account, or one client address that signs up, has sent",
};
pub const RESETS_PER_NAME: Limit = Limit {
    name: "RESETS_PER_NAME",
    most: 5,
    span: MINUTE.saturating_mul(15),
    meaning: "password resets asked for under one user name, whether or not somebody has it",
};
pub const RESENDS_PER_NAME_AND_ADDRESS: Limit = Limit {
    name: "RESENDS_PER_NAME_AND_ADDRESS",
    most: 5,
    span: MINUTE.saturating_mul(15),
    meaning: "sign-up codes asked for again under one user name from one client address, whether or not there is one",
};
pub const SIGN_UPS_PER_ADDRESS: Limit =
    Limit { name: "SIGN_UPS_PER_ADDRESS", most: 20, span: HOUR, meaning: "sign-ups begun from one client address" };
pub const INVITATIONS_PER_ACCOUNT: Limit =
    Limit { name: "INVITATIONS_PER_ACCOUNT", most: 200, span: DAY, meaning: "people invited by one account" };
pub const REMINDERS_PER_ACCOUNT: Limit =
    Limit { name: "REMINDERS_PER_ACCOUNT", most: 50, span: DAY, meaning: "people reminded by one account" };
pub const REQUESTS_TO_RECIPIENT: Limit = Limit {
    name: "REQUESTS_TO_RECIPIENT",
    most: 5,
    span: DAY,
    meaning: "invitations and reminders of one sender to one recipient",
};
pub const MESSAGES_TO_RECIPIENT: Limit =
    Limit { name: "MESSAGES_TO_RECIPIENT", most: 20, span: DAY, meaning: "messages to one recipient, codes apart" };
pub const NOTICES_OF_BOOKING: Limit = Limit {
    name: "NOTICES_OF_BOOKING",
    most: 50,
    span: DAY,
    meaning: "notices of one trip booking, whichever member causes them",
};
pub const NOTICES_OF_CREW: Limit = Limit {
    name: "NOTICES_OF_CREW",
    most: 200,
    span: DAY,
    meaning: "notices of one crew's trips that are suggested or booked, whichever member causes them",
};
pub const NUMBERS_PER_ACCOUNT: Limit = Limit {
    name: "NUMBERS_PER_ACCOUNT",
    most: 1_000,
    span: HOUR,
    meaning: "phone numbers that one account asks whose they are",
};
pub const NUMBERS_PER_ADDRESS: Limit = Limit {
    name: "NUMBERS_PER_ADDRESS",
    most: 5_000,
    span: HOUR,
    meaning: "phone numbers that one client address asks whose they are",
};
pub const LOGINS_PER_TOKEN: Limit = Limit {
    name: "LOGINS_PER_TOKEN",
    most: 100,
    span: HOUR,
    meaning: "logins with one Facebook token, each of which Facebook is asked about",
};
pub const LIKES_PER_ACCOUNT: Limit =
    Limit { name: "LIKES_PER_ACCOUNT", most: 300, span: DAY, meaning: "trips that one account comes to like" };
pub const VOTES_PER_ACCOUNT: Limit =
    Limit { name: "VOTES_PER_ACCOUNT", most: 300, span: DAY, meaning: "votes that one account casts on pictures" };

/// All of them.
pub const LIMITS: &[&Limit] = &[
    &FAILURES_PER_ACCOUNT_AND_ADDRESS,
    &FAILURES_PER_ACCOUNT,
    &FAILURES_PER_ADDRESS,
    &FAILURES_IN_SESSION,
    &GUESSES_PER_CODE,
    &CODES_TO_CONTACT,
    &PROOFS_FOR_ACCOUNT,
    &PROOFS_TO_CONTACT,
    &RESETS_PER_NAME,
    &RESENDS_PER_NAME_AND_ADDRESS,
    &SIGN_UPS_PER_ADDRESS,
    &INVITATIONS_PER_ACCOUNT,
    &REMINDERS_PER_ACCOUNT,
    &REQUESTS_TO_RECIPIENT,
    &MESSAGES_TO_RECIPIENT,
    &NOTICES_OF_BOOKING,
    &NOTICES_OF_CREW,
    &NUMBERS_PER_ACCOUNT,
    &NUMBERS_PER_ADDRESS,
    &LOGINS_PER_TOKEN,
    &LIKES_PER_ACCOUNT,
    &VOTES_PER_ACCOUNT,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_lists_every_limit_with_its_default() {
        let operations = include_str!("../../docs/OPERATIONS.md");
        for rule in LIMITS {
            let row = rule.row();
            assert!(operations.contains(&row), "OPERATIONS.md lacks the row\n{row}");
        }
        let rows = operations.matches("| `CARAVAN_LIMIT_").count();
        assert_eq!(rows, LIMITS.len(), "OPERATIONS.md lists limits that there are not");
    }
}
