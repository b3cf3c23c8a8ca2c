//! A started `caravan` and people who use it, for black-box tests.
#![allow(dead_code, unused_imports)] // each test program uses its own part

pub mod client;
pub mod elasticsearch;
pub mod files;
pub mod server;
pub mod tools;

pub use client::{Client, Person};
pub use server::{Server, Settings};
