//! The program `ajpgate` as it is used on a command line: arguments, exit codes, signals and output.
//!
//! Every program that a test starts is a child process on ports of its own, and is killed when the test ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod support;

mod by_hand;
mod check;
mod closed_output;
mod cluster;
mod convert;
mod demo;
mod discovery;
mod explain;
mod handover;
mod house;
mod keys;
mod kubernetes;
mod logs;
mod node;
mod pipes;
mod reload;
mod run;
mod secrets;
mod shell;
mod slow_disk;
mod stopping;
mod tls;
mod usage;
