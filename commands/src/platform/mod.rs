//! What those who run the platform do.

pub mod letters;
