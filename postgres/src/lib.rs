//! What every part that talks to Postgres has to know about it: which errors are gone by themselves, connections with
//! settings of their own, and how what is deleted goes from its files.

pub mod purging;
mod side_pool;

use sqlx::Error;

pub use side_pool::SidePool;

/// Whether doing the same again may succeed: a lost connection, a deadlock, a timeout, a full disk, a server that
/// starts or stops. After such an error it is not known whether a commit took place.
pub fn is_transient(error: &Error) -> bool {
    match error {
        Error::Io(_)
        | Error::Tls(_)
        | Error::Protocol(_)
        | Error::PoolTimedOut
        | Error::PoolClosed
        | Error::WorkerCrashed => true,
        Error::Database(error) => error.code().is_some_and(|code| {
            // Connection, rollback (deadlock, serialisation), resources (disk, memory, connections), object in use,
            // operator (shutdown, cancelled), system (I/O), and a server that takes reads only for now.
            ["08", "40", "53", "55", "57", "58"].iter().any(|class| code.starts_with(class)) || code == "25006"
        }),
        _ => false,
    }
}
