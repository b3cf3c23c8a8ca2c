//! The limits there are. OPERATIONS lists them; a test holds the two together.

use std::time::Duration;

use crate::Rule;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = MINUTE.saturating_mul(60);
const DAY: Duration = HOUR.saturating_mul(24);

pub const FAILURES_PER_ACCOUNT: Rule = Rule {
    name: "FAILURES_PER_ACCOUNT",
    most: 10,
    span: MINUTE.saturating_mul(15),
    meaning: "failed logins and codes of one account",
};
pub const FAILURES_PER_ADDRESS: Rule = Rule {
    name: "FAILURES_PER_ADDRESS",
    most: 100,
    span: MINUTE.saturating_mul(15),
    meaning: "failed logins and codes from one client address",
};
pub const CODES_TO_CONTACT: Rule = Rule {
    name: "CODES_TO_CONTACT",
    most: 5,
    span: MINUTE.saturating_mul(15),
    meaning: "codes sent to one phone number or mail address",
};
pub const SIGN_UPS_PER_ADDRESS: Rule =
    Rule { name: "SIGN_UPS_PER_ADDRESS", most: 20, span: HOUR, meaning: "sign-ups begun from one client address" };
pub const INVITATIONS_PER_ACCOUNT: Rule =
    Rule { name: "INVITATIONS_PER_ACCOUNT", most: 200, span: DAY, meaning: "people invited by one account" };
pub const REMINDERS_PER_ACCOUNT: Rule =
    Rule { name: "REMINDERS_PER_ACCOUNT", most: 50, span: DAY, meaning: "people reminded by one account" };
pub const REQUESTS_TO_RECIPIENT: Rule = Rule {
    name: "REQUESTS_TO_RECIPIENT",
    most: 5,
    span: DAY,
    meaning: "invitations and reminders of one sender to one recipient",
};
pub const MESSAGES_TO_RECIPIENT: Rule =
    Rule { name: "MESSAGES_TO_RECIPIENT", most: 20, span: DAY, meaning: "messages to one recipient, codes apart" };
pub const NOTICES_OF_BOOKING: Rule = Rule {
    name: "NOTICES_OF_BOOKING",
    most: 50,
    span: DAY,
    meaning: "notices of one trip booking, whichever member causes them",
};
pub const NUMBERS_PER_ACCOUNT: Rule = Rule {
    name: "NUMBERS_PER_ACCOUNT",
    most: 1_000,
    span: HOUR,
    meaning: "phone numbers that one account asks whose they are",
};
pub const NUMBERS_PER_ADDRESS: Rule = Rule {
    name: "NUMBERS_PER_ADDRESS",
    most: 5_000,
    span: HOUR,
    meaning: "phone numbers that one client address asks whose they are",
};

/// All of them.
pub const RULES: &[&Rule] = &[
    &FAILURES_PER_ACCOUNT,
    &FAILURES_PER_ADDRESS,
    &CODES_TO_CONTACT,
    &SIGN_UPS_PER_ADDRESS,
    &INVITATIONS_PER_ACCOUNT,
    &REMINDERS_PER_ACCOUNT,
    &REQUESTS_TO_RECIPIENT,
    &MESSAGES_TO_RECIPIENT,
    &NOTICES_OF_BOOKING,
    &NUMBERS_PER_ACCOUNT,
    &NUMBERS_PER_ADDRESS,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_lists_every_limit_with_its_default() {
        let operations = include_str!("../../docs/OPERATIONS.md");
        for rule in RULES {
            let row = rule.row();
            assert!(operations.contains(&row), "OPERATIONS.md lacks the row\n{row}");
        }
        let rows = operations.matches("| `CARAVAN_LIMIT_").count();
        assert_eq!(rows, RULES.len(), "OPERATIONS.md lists limits that there are not");
    }
}
