//! What operators do: beside a running `serve` on the same data directory, or on their own.

mod accounts;
mod backup;
mod keys;
mod models;
mod openapi;
mod replay;

pub use accounts::{Account, DevToken, Forget};
pub use backup::{Backup, Restore};
pub use keys::rotate_signing_key;
pub use models::{Parked, Rebuild, Verify};
pub use openapi::{Openapi, documents};
pub use replay::Replay;
