//! What both APIs share of the HTTP dialects: the operation table read from the contracts, the path of a request from
//! the socket to a handler and back, and each dialect's shapes.
//!
//! No business rule lives here: a dialect only translates, and says what its contract fixes about itself.

mod answer;
mod arrival;
mod body;
mod call;
mod contract;
mod dialect;
pub mod eventbookings;
mod exchange;
pub mod exposure;
mod face;
mod failure;
mod json;
pub mod keyper;
pub mod krugo;
mod money;
pub mod open_event;
mod openapi;
mod pages;
mod parameters;
mod parts;
mod readiness;
mod reference;
pub mod rentals;
mod request;
mod routes;
mod schema;
mod service;
pub mod shape;
mod table;
mod token;
mod typed;
mod unique;

pub use answer::{Answer, BrowserCookie, Content, Log, Many, Origin, Outcome, Stream, Tells, Told};
pub use call::{Call, Headers, Request};
pub use contract::{Contract, In, Media, Operation, Parameter, ParameterType, contracts, operation};
pub use dialect::{DIALECTS, Dialect};
pub use exchange::{Exchange, Reached};
pub use face::{Bounds, Face};
pub use failure::{Failure, FailureKind, Fault};
pub use openapi::Documents;
pub use pages::metrics;
pub use parts::FilePart;
pub use readiness::Readiness;
pub use reference::reference_of;
pub use routes::{Endpoints, Registration, Routes, Shown, Side};
pub use service::{Metrics, Settings, router};
pub use token::{Place, Token};
