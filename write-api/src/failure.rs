//! What a command's error means to the client, in one place.

use std::error::Error;

use caravan_commands::CommandError;
use caravan_event_store::StoreError;
use caravan_vault::VaultError;
use caravan_wire::{Failure, FailureKind};

/// A command's error as a failure, for handlers that look into it; others use `?`.
pub(crate) fn failure(error: CommandError) -> Failure {
    match error {
        CommandError::Rejected(rejection) => Failure::rejected(rejection),
        CommandError::PreconditionFailed => {
            Failure::new(FailureKind::PreconditionFailed, "it was changed since you read it").on("If-Match")
        }
        CommandError::KeyReused => {
            Failure::new(FailureKind::KeyReused, "was used for another request").on("Idempotency-Key")
        }
        CommandError::Unauthorised(message) => Failure::unauthorised(message),
        CommandError::Limited { retry_after } => Failure::too_many(retry_after),
        CommandError::Busy => Failure::unavailable("too many change this at once, try again", error),
        CommandError::Overloaded => Failure::overloaded(),
        CommandError::Unavailable(source) => {
            Failure::unavailable("a server behind cannot be reached now; the command may or may not be stored", source)
        }
        CommandError::ProviderUnavailable(source) => {
            Failure::unavailable("whom you log in with does not answer now", source)
        }
        CommandError::Broken(source) => Failure::broken(source),
    }
}

/// What any error that a handler passed on means.
pub(crate) fn explain(error: Box<dyn Error + Send + Sync>) -> Failure {
    let error = match error.downcast::<CommandError>() {
        Ok(error) => return failure(*error),
        Err(error) => error,
    };
    let error = match error.downcast::<VaultError>() {
        Ok(error) => return failure((*error).into()),
        Err(error) => error,
    };
    match error.downcast::<StoreError>() {
        Ok(error) => failure((*error).into()),
        Err(error) => Failure::broken(error),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use caravan_domain::Rejection;

    use super::*;

    #[test]
    fn every_error_has_one_meaning() {
        let broken = || Box::<dyn Error + Send + Sync>::from("secret");
        let cases = [
            (CommandError::Rejected(Rejection::conflict("no", "no")), FailureKind::Conflict),
            (CommandError::PreconditionFailed, FailureKind::PreconditionFailed),
            (CommandError::KeyReused, FailureKind::KeyReused),
            (CommandError::Unauthorised("no"), FailureKind::Unauthorised),
            (CommandError::Limited { retry_after: Duration::from_secs(3) }, FailureKind::TooMany),
            (CommandError::Busy, FailureKind::Unavailable),
            (CommandError::Overloaded, FailureKind::Overloaded),
            (CommandError::Unavailable(broken()), FailureKind::Unavailable),
            (CommandError::ProviderUnavailable(broken()), FailureKind::Unavailable),
            (CommandError::Broken(broken()), FailureKind::Broken),
        ];
        for (error, kind) in cases {
            let failure = explain(Box::new(error));
            assert_eq!(failure.kind, kind);
            assert!(!failure.text().contains("secret"));
            let passing = [FailureKind::TooMany, FailureKind::Overloaded, FailureKind::Unavailable];
            assert_eq!(failure.retry_after.is_some(), passing.contains(&kind));
        }
        assert_eq!(explain(Box::new(VaultError::Forgotten)).kind, FailureKind::Gone);
        assert_eq!(explain(Box::new(StoreError::Unavailable(broken()))).kind, FailureKind::Unavailable);
        assert_eq!(explain(broken()).kind, FailureKind::Broken);
    }
}
