//! HTTP members that are real: Tomcat's HTTP connectors and Debian's nginx, beside AJP members and in their place.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../real_failover/crowd.rs"]
mod crowd;
#[path = "../support/servers/mod.rs"]
mod servers;

mod connectors;
mod migration;
mod mixed;
mod nginx;
mod sticky;
mod tls;
mod transfer;
mod websocket;
