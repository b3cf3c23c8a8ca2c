//! What an error while reading means to the client, in one place.

use std::error::Error;

use caravan_domain::identity::account;
use caravan_files::pictures::PictureError;
use caravan_limits::LimitError;
use caravan_postgres::is_transient;
use caravan_projections::{NotSeen, ReadError};
use caravan_vault::VaultError;
use caravan_wire::Failure;

/// A read's error as a failure, for handlers that look into it; others use `?`.
pub(crate) fn failure(error: ReadError) -> Failure {
    match error {
        ReadError::Unavailable(_) => Failure::unavailable("the read models cannot be reached now", error),
        ReadError::SearchUnavailable(_) => Failure::unavailable("search cannot be reached now", error),
        ReadError::InvalidPlan { field, message } => Failure::invalid(field, message),
        ReadError::Broken(_) => Failure::broken(error),
    }
}

/// What any error that a handler passed on means.
pub(crate) fn explain(error: Box<dyn Error + Send + Sync>) -> Failure {
    let error = match error.downcast::<ReadError>() {
        Ok(error) => return failure(*error),
        Err(error) => error,
    };
    let error = match error.downcast::<NotSeen>() {
        Ok(error) => {
            return match *error {
                NotSeen::Refused(rejection) => Failure::rejected(rejection),
                NotSeen::Unread(error) => failure(error),
            };
        }
        Err(error) => error,
    };
    let error = match error.downcast::<PictureError>() {
        Ok(error) => {
            return match *error {
                PictureError::Busy => Failure::overloaded(),
                PictureError::Files(_) => Failure::unavailable("files cannot be reached now", error),
                PictureError::Fault(_) => Failure::broken(error),
            };
        }
        Err(error) => error,
    };
    let error = match error.downcast::<VaultError>() {
        Ok(error) => {
            return match *error {
                VaultError::Unavailable(source) => Failure::unavailable("the keys cannot be reached now", source),
                VaultError::Overloaded => Failure::overloaded(),
                VaultError::Forgotten => Failure::rejected(account::forgotten()),
                other => Failure::broken(other),
            };
        }
        Err(error) => error,
    };
    match error.downcast::<LimitError>() {
        Ok(error) => match *error {
            LimitError::Limited { retry_after } => Failure::too_many(retry_after),
            LimitError::Database(source) if is_transient(&source) => {
                Failure::unavailable("limits cannot be counted now", source)
            }
            LimitError::Database(source) => Failure::broken(source),
        },
        Err(error) => Failure::broken(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use caravan_wire::FailureKind;

    use super::*;

    #[test]
    fn every_error_has_one_meaning() {
        let source = || Arc::new(std::fmt::Error);
        let cases = [
            (ReadError::Unavailable(source()), FailureKind::Unavailable),
            (ReadError::SearchUnavailable(source()), FailureKind::Unavailable),
            (ReadError::InvalidPlan { field: "f".into(), message: "no".into() }, FailureKind::Invalid),
            (ReadError::Broken(source()), FailureKind::Broken),
        ];
        for (error, kind) in cases {
            let failure = explain(Box::new(error));
            assert_eq!(failure.kind, kind);
            assert_eq!(failure.retry_after.is_some(), kind == FailureKind::Unavailable);
        }
        assert_eq!(explain(Box::new(VaultError::Unavailable("no".into()))).kind, FailureKind::Unavailable);
        let limited = explain(Box::new(LimitError::Limited { retry_after: Duration::from_secs(3) }));
        assert_eq!((limited.kind, limited.retry_after), (FailureKind::TooMany, Some(Duration::from_secs(3))));
        let counting = |error| explain(Box::new(LimitError::Database(error))).kind;
        assert_eq!(counting(sqlx::Error::PoolTimedOut), FailureKind::Unavailable);
        assert_eq!(counting(sqlx::Error::RowNotFound), FailureKind::Broken);
        assert_eq!(explain("no".into()).kind, FailureKind::Broken);
    }
}
