//! What an error of Postgres means for whoever asked the store.

use caravan_postgres::is_transient;
use sqlx::Error;

use crate::port::StoreError;

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        if is_transient(&error) { StoreError::Unavailable(error.into()) } else { StoreError::Refused(error.into()) }
    }
}
