//! What there is to go to: events, performers, venues, cities and regions.

pub mod city;
pub mod discover;
pub mod event;
pub mod event_kinds;
pub mod gazetteer;
pub mod import;
pub mod instant;
pub mod names;
pub mod performer;
pub mod picture;
pub mod picture_votes;
pub mod place;
pub mod region;
pub mod trend;
pub mod trending_event;
pub mod venue;

pub use event::Event;
pub use place::Place;
