//! Read models on real servers: Postgres and Elasticsearch.

mod conditions;
mod copying;
mod following;
mod plans;
mod reading;
mod rebuilding;
mod searching;
mod support;
mod tallies;
mod verifying;
