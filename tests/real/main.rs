//! Tests with the servers that operators have: Debian's Tomcat, nginx, httpd, FTP servers, Prometheus and Chromium.
//! `tests/run.sh` installs them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod acme;
mod ajp;
mod answers;
mod bounds;
mod browser;
mod client_address;
mod clients;
mod cluster;
mod convert;
mod discovery;
mod early_answers;
mod files;
#[cfg(feature = "ftp")]
mod ftp;
mod helpers;
mod http;
mod http2;
mod https;
mod identity;
#[cfg(feature = "kubernetes")]
mod kubernetes;
mod load;
mod mapping;
mod prometheus;
mod recipes;
mod single_sign_on;
mod tls;
mod uploads;
