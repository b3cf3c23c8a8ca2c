//! The mailing lists that somebody has joined: the record under their account's id.

use garde::Validate;
use serde::{Deserialize, Serialize};

use super::contact;
use crate::{Record, Rejection, Who};

/// Whom a list reaches is told by the account: the address that it has proven.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct MailingLists {
    /// Domains, in the order they were joined.
    #[garde(skip)]
    pub lists: Vec<String>,
}

pub const MAILING_LISTS: Record =
    Record::of::<MailingLists>("mailing_lists").known(Who::Person("id")).written(Who::Person("id"));

/// How many lists somebody may join.
const MOST_LISTS: usize = 100;

impl MailingLists {
    /// With one list more, which is the domain named; the same where that was joined before.
    pub fn join(mut self, list: &str) -> Result<MailingLists, Rejection> {
        let list = contact::domain(list.trim())
            .ok_or_else(|| Rejection::invalid("mailing-list-form", "mailing_list", "is no domain"))?;
        if self.lists.contains(&list) {
            return Ok(self);
        }
        if self.lists.len() >= MOST_LISTS {
            let message = format!("would be one more than {MOST_LISTS} lists");
            return Err(Rejection::conflict("too-many-mailing-lists", message).on("mailing_list"));
        }
        self.lists.push(list);
        Ok(self)
    }
}

/// The refusal of an address that the account has not proven to be its own.
pub fn not_proven() -> Rejection {
    Rejection::forbidden("address-not-proven", "is no address that this account has verified").on("email")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_a_domain_however_it_is_written() {
        let lists = MailingLists::default().join("krugo.example.com").unwrap();
        assert_eq!(lists.clone().join(" KRUGO.example.com ").unwrap(), lists);
        assert_eq!(lists.join("ü.example").unwrap().lists, ["krugo.example.com", "xn--tda.example"]);
        for wrong in ["", "a b", "a..b", "dana@example.com"] {
            let rejection = MailingLists::default().join(wrong).unwrap_err();
            assert_eq!((rejection.rule, rejection.field()), ("mailing-list-form", Some("mailing_list")), "{wrong}");
        }
    }

    #[test]
    fn nobody_joins_more_than_100_lists() {
        let join = |lists: MailingLists, number: usize| lists.join(&format!("list{number}.example"));
        let full = (0..100).try_fold(MailingLists::default(), join).unwrap();
        assert_eq!(join(full.clone(), 100).unwrap_err().rule, "too-many-mailing-lists");
        assert_eq!(join(full.clone(), 7).unwrap(), full);
    }
}
