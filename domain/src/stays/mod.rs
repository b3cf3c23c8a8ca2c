//! Short stays: what hosts offer, and what is booked of it.

pub mod amenity;
pub mod partner;
