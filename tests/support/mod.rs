//! Real servers for tests: Debian's Tomcat 10, httpd, nginx, Prometheus and FTP servers, and the program `ajpgate`. Each runs
//! from a private folder and on ports of its own, so that a test can start as many as it needs.
//!
//! A test that needs a server which is not installed fails; it is never skipped. The servers run in real time: do not pause
//! tokio's time. Start servers from the test's own thread, since a server is killed when the thread that started it ends
//! (see [`process`]).

#![allow(dead_code, reason = "each test binary uses a part of these helpers")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a helper of tests fails by panicking"
)]

pub(crate) mod ajpgate;
pub(crate) mod authority;
pub(crate) mod browser;
pub(crate) mod chromium;
pub(crate) mod client;
pub(crate) mod forged;
pub(crate) mod ftp;
pub(crate) mod h2;
pub(crate) mod hpack;
pub(crate) mod httpd;
pub(crate) mod knot;
pub(crate) mod load_balancer;
pub(crate) mod metrics;
pub(crate) mod nginx;
pub(crate) mod node;
pub(crate) mod noise;
pub(crate) mod payload;
pub(crate) mod pebble;
pub(crate) mod port;
pub(crate) mod probe;
pub(crate) mod process;
pub(crate) mod prometheus;
pub(crate) mod redis;
pub(crate) mod scratch;
pub(crate) mod tls;
pub(crate) mod tomcat;
pub(crate) mod usage;
pub(crate) mod wait;
pub(crate) mod webapp;

pub(crate) use wait::{eventually, soon};
