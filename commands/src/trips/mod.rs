//! Crews, trip ideas, trip bookings and likes: commands with the facts of other streams that they need. A command that
//! its aggregate decides alone is sent without a flow: `asking.send::<TripBookings>(id, …)`.

pub mod bookings;
mod crewmates;
pub mod crews;
mod facts;
pub mod ideas;
pub mod likes;
mod requests;

pub(crate) use crewmates::CrewMembers;
