//! Crews, trip ideas and trip bookings: commands with the facts of other streams that they need.

mod bookings;
mod crewmates;
mod crews;
mod facts;
mod ideas;
mod requests;

pub(crate) use crewmates::CrewMembers;

pub use bookings::{NewBooking, NewMember};
pub use crews::{CrewChange, Invited, NewCrew, NewInvite};
pub use ideas::NewIdea;
