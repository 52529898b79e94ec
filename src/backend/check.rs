//! What a health check sends to a member, on a connection of its own.
//!
//! Source of the methods: `mod_proxy_hcheck.c: hc_check_cping(), hc_check_tcp(), hc_check_http()`.

use std::future::poll_fn;

use super::error::FailureKind;
use super::exchange::{Event, Exchange};
use crate::health::LONGEST_BODY;

/// `User-Agent` of a check.
pub(super) const AGENT: &str = concat!("ajpgate/", env!("CARGO_PKG_VERSION"), " (health check)");

/// What a check sends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Question<'a> {
    /// CPING.
    Cping,
    /// Nothing: that the connection is made is enough.
    Tcp,
    /// A request without a body.
    Request(Ask<'a>),
}

/// A request of a check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    /// `OPTIONS`, `HEAD` or `GET`.
    pub(crate) method: &'static str,
    /// Path and query, or `*`.
    pub(crate) uri: &'a str,
    /// `Host`.
    pub(crate) authority: &'a str,
}

/// What a check got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// CPONG, or a connection.
    Alive,
    /// An answer.
    Answer {
        /// Its status.
        status: u16,
        /// The first [`LONGEST_BODY`] bytes of its body.
        body: Vec<u8>,
    },
}

/// The first [`LONGEST_BODY`] bytes of the body of an answer whose head has come.
pub(super) async fn first_of_body(driver: &mut impl Exchange) -> Result<Vec<u8>, FailureKind> {
    let mut body = Vec::new();
    while body.len() < LONGEST_BODY {
        match poll_fn(|cx| driver.poll_event(cx)).await? {
            Event::Data(data) => {
                let room = LONGEST_BODY.saturating_sub(body.len()).min(data.len());
                body.extend_from_slice(data.get(..room).unwrap_or_default());
            }
            Event::Flush => {}
            Event::End => break,
        }
    }
    Ok(body)
}
