//! Crews, trip ideas and trip bookings: commands with the facts of other streams that they need.

mod bookings;
mod crewmates;
mod crews;
mod facts;
mod ideas;
mod requests;

use caravan_domain::{Decider, EntityId};

pub(crate) use crewmates::CrewMembers;

pub use bookings::{NewBooking, NewMember};
pub use crews::{CrewChange, Invited, NewCrew, NewInvite};
pub use ideas::NewIdea;

use crate::Done;

/// An entity just made.
pub struct Made<D: Decider> {
    pub id: EntityId,
    pub done: Done<D>,
}
