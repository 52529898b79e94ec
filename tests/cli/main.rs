//! The program as a person types it: arguments, exit codes, signals, and what it prints.
//!
//! Every program that a test starts is a child on ports of its own, and is killed when the test is over.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod support;

mod by_hand;
mod check;
mod cluster;
mod demo;
mod explain;
mod house;
mod keys;
mod logs;
mod node;
mod reload;
mod run;
mod secrets;
mod usage;
