//! What a run has proven.

use std::collections::{BTreeMap, BTreeSet};

use caravan_wire::Operation;

use crate::scenario::Proves;

/// By dialect and operation id.
#[derive(Default)]
pub struct Ledger(BTreeMap<(&'static str, String), Proof>);

#[derive(Default)]
struct Proof {
    success: bool,
    /// Success came without a token.
    public: bool,
    bad_input: bool,
    refusals: BTreeSet<u16>,
    /// A forged token got what no token gets.
    open: bool,
}

impl Ledger {
    pub fn enter(&mut self, operation: &'static Operation, proves: Proves, status: u16, with_token: bool) {
        let proof = self.0.entry((operation.dialect.name, operation.id.clone())).or_default();
        match proves {
            Proves::Success => {
                proof.success = true;
                proof.public |= !with_token;
            }
            Proves::BadInput => proof.bad_input = true,
            Proves::Refusal => {
                proof.refusals.insert(status);
            }
            Proves::Open => proof.open = true,
        }
    }

    pub fn merge(&mut self, other: Ledger) {
        for (key, proof) in other.0 {
            let known = self.0.entry(key).or_default();
            known.success |= proof.success;
            known.public |= proof.public;
            known.bad_input |= proof.bad_input;
            known.refusals.extend(proof.refusals);
            known.open |= proof.open;
        }
    }

    /// What is still to be proven of an operation.
    pub fn missing(&self, dialect: &str, id: &str) -> Vec<&'static str> {
        let none = Proof::default();
        let proof = self.proof(dialect, id).unwrap_or(&none);
        let refused = |status: &u16| matches!(status, 401 | 403) || (proof.public && matches!(status, 400 | 429));
        let parts = [
            ("success", proof.success),
            ("bad input", proof.bad_input),
            ("refusal", proof.open || proof.refusals.iter().any(refused)),
        ];
        parts.into_iter().filter(|(_, proven)| !proven).map(|(part, _)| part).collect()
    }

    /// Whether an operation refuses nobody.
    pub fn is_open(&self, dialect: &str, id: &str) -> bool {
        self.proof(dialect, id).is_some_and(|proof| proof.open && proof.refusals.is_empty())
    }

    fn proof(&self, dialect: &str, id: &str) -> Option<&Proof> {
        self.0.iter().find(|((of, known), _)| *of == dialect && known == id).map(|(_, proof)| proof)
    }
}

#[cfg(test)]
mod tests {
    use caravan_wire::krugo::DIALECT;
    use caravan_wire::operation;

    use super::*;

    fn missing(entries: &[(Proves, u16, bool)]) -> Vec<&'static str> {
        let operation = operation(&DIALECT, "login").unwrap();
        let mut ledger = Ledger::default();
        for (proves, status, with_token) in entries {
            ledger.enter(operation, *proves, *status, *with_token);
        }
        ledger.missing("krugo", "login")
    }

    #[test]
    fn all_three_are_needed() {
        use Proves::*;
        assert_eq!(missing(&[]), ["success", "bad input", "refusal"]);
        assert_eq!(missing(&[(Success, 200, true), (BadInput, 400, true)]), ["refusal"]);
        assert!(missing(&[(Success, 200, true), (BadInput, 400, true), (Refusal, 403, true)]).is_empty());
    }

    #[test]
    fn what_is_open_to_all_need_not_refuse_anybody() {
        use Proves::*;
        assert!(missing(&[(Success, 200, false), (BadInput, 400, false), (Open, 200, false)]).is_empty());
    }

    #[test]
    fn only_a_public_operation_may_refuse_a_credential_with_400() {
        use Proves::*;
        assert_eq!(missing(&[(Success, 200, true), (BadInput, 400, true), (Refusal, 400, true)]), ["refusal"]);
        assert!(missing(&[(Success, 200, false), (BadInput, 400, false), (Refusal, 400, false)]).is_empty());
    }
}
