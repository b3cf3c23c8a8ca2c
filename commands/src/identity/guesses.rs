//! Secrets somebody might guess: comparing them, and counting failures.

use caravan_domain::identity::code::PendingCode;
use caravan_domain::identity::contact::{self, Channel};
use caravan_domain::{EntityId, Sealed};
use caravan_limits::Attempt;
use caravan_limits::rules::{CODES_TO_CONTACT, FAILURES_PER_ACCOUNT, FAILURES_PER_ADDRESS, SIGN_UPS_PER_ADDRESS};
use caravan_vault::FORGOTTEN;
use uuid::Uuid;

use crate::{Caller, CommandError, Commands};

/// A hash of no password, with the cost of a real one: checking against it takes as long.
const NO_PASSWORD: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz\
    $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl Commands {
    /// Takes one of the failures that an account (or a user name without one) and an address may have; given back when
    /// the attempt succeeds.
    pub(super) async fn guess(&self, whose: &str, caller: &Caller) -> Result<Attempt, CommandError> {
        let mut places = vec![FAILURES_PER_ACCOUNT.of(whose)];
        places.extend(caller.address.map(|address| FAILURES_PER_ADDRESS.of(address)));
        Ok(self.limits().attempt(&places).await?)
    }

    /// Takes one of the codes that may be sent to a contact.
    pub(super) async fn spend_code(&self, channel: Channel, contact: &str) -> Result<(), CommandError> {
        let place = CODES_TO_CONTACT.of(contact::reserved_form(channel, contact));
        Ok(self.limits().spend(&[place]).await?)
    }

    /// Takes one of the sign-ups that may come from an address, with its code.
    pub(super) async fn spend_sign_up(
        &self,
        channel: Channel,
        contact: &str,
        caller: &Caller,
    ) -> Result<(), CommandError> {
        let mut places = vec![CODES_TO_CONTACT.of(contact::reserved_form(channel, contact))];
        places.extend(caller.address.map(|address| SIGN_UPS_PER_ADDRESS.of(address)));
        Ok(self.limits().spend(&places).await?)
    }

    /// The hash of a new password, sealed for its owner.
    pub(super) async fn hashed(&self, owner: EntityId, password: &str) -> Result<Sealed, CommandError> {
        Ok(self.vault().seal(owner, &self.vault().hash_password(password).await?).await?)
    }

    /// Whether `given` is the password that was hashed; takes as long where there is none.
    pub(super) async fn is_password(&self, hash: Option<&Sealed>, given: &str) -> Result<bool, CommandError> {
        let hash = match hash {
            Some(hash) => self.vault().open_text(hash).await?,
            None => FORGOTTEN.to_owned(),
        };
        let hash = if hash == FORGOTTEN { NO_PASSWORD } else { &hash };
        Ok(self.vault().verify_password(hash, given).await?)
    }

    /// Whether `given` is the code of a nonce; takes equally long whatever is given.
    pub(super) fn is_code(&self, nonce: Uuid, given: &str) -> bool {
        let code = self.vault().code(nonce);
        let given = given.trim();
        let differences = code.bytes().zip(given.bytes()).fold(0, |all, (ours, theirs)| all | (ours ^ theirs));
        code.len() == given.len() && differences == 0
    }

    /// The nonce of a code that is waited for, if `given` is that code.
    pub(super) fn nonce_of(&self, pending: Option<&PendingCode>, given: &str, caller: &Caller) -> Option<Uuid> {
        pending.filter(|code| code.is_live(caller.now) && self.is_code(code.nonce, given)).map(|code| code.nonce)
    }
}
