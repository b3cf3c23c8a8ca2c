//! What people do with their accounts, on a real Postgres: codes and passwords checked, names and contacts claimed,
//! limits kept, people forgotten.

mod contacts;
mod daily;
mod facebook;
mod flood;
mod forgetting;
mod graph;
mod limits;
mod logins;
mod passwords;
mod remembered;
mod roles;
mod sign_ups;
#[path = "../support/mod.rs"]
mod support;
mod world;
