//! Real servers for tests: Debian's Tomcat 10, httpd, nginx, Prometheus and FTP servers and the gateway's own program, each from a
//! private folder, on ports of their own, as many at once as a test needs.
//!
//! A test that includes this module fails, and never skips, where a server is not installed. It runs
//! on the clock of the world: do not pause tokio's time around it. Start servers from the test's own
//! thread, since a server dies with the thread that started it (see [`process`]).

#![allow(dead_code, reason = "every test binary uses its own part of the rig")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test rig fails by panicking"
)]

pub(crate) mod ajpgate;
pub(crate) mod authority;
pub(crate) mod browser;
pub(crate) mod chromium;
pub(crate) mod client;
pub(crate) mod ftp;
pub(crate) mod httpd;
pub(crate) mod metrics;
pub(crate) mod nginx;
pub(crate) mod node;
pub(crate) mod noise;
pub(crate) mod payload;
pub(crate) mod port;
pub(crate) mod probe;
pub(crate) mod process;
pub(crate) mod prometheus;
pub(crate) mod scratch;
pub(crate) mod tomcat;
pub(crate) mod usage;
pub(crate) mod wait;
pub(crate) mod webapp;

pub(crate) use wait::{eventually, soon};
