//! Tests of the gateway inside this process, between clients that send any bytes and backends that the test scripts.
//!
//! Functions whose names start with a case number (`r03_…`) are cases of `protocol/AJP13.md`: R request, B request body,
//! P answer, K connection, S server side.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod support;

mod access;
mod admin;
mod ajp_body;
mod ajp_connection;
mod ajp_request;
mod ajp_response;
mod allocations;
mod answers;
mod api;
mod api_description;
mod balancing;
mod client_address;
mod client_certificates;
mod discovery;
mod discovery_dns;
#[cfg(feature = "kubernetes")]
mod discovery_kubernetes;
mod early_answers;
mod files;
mod front;
mod front_tls;
#[cfg(feature = "ftp")]
mod ftp_bad;
#[cfg(feature = "ftp")]
mod ftp_balance;
#[cfg(feature = "ftp")]
mod ftp_files;
#[cfg(feature = "ftp")]
mod ftp_login;
#[cfg(feature = "ftp")]
mod ftp_tls;
#[cfg(feature = "ftp")]
mod ftp_write;
mod health;
mod http2;
mod http_bad;
mod http_forward;
mod http_sticky;
mod http_streams;
mod http_tls;
mod http_upgrade;
mod identity;
#[cfg(feature = "kubernetes")]
mod kubernetes_hook;
mod limits;
mod manager;
mod mapping;
mod mapping_back;
mod mapping_match;
mod metrics;
mod node;
mod operating;
mod proxy_protocol;
mod reload;
mod smuggling;
mod tls_attacks;
mod tls_renewal;
mod traces;
mod waiting;
mod warnings;
mod watch;
