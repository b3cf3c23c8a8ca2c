//! What there is to go to: events, performers, venues, cities and regions.
