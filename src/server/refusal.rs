//! Requests whose head must not go on, whatever version of HTTP it came in: what the client is answered, and what is counted
//! and logged.

use std::fmt::Display;

use bytes::Bytes;
use http::StatusCode;
use tracing::debug;

use super::limits::limit_of;
use crate::client::Client;
use crate::framing::Refused;
use crate::head::{AnswerHead, Fields};
use crate::proxy;
use crate::state::Shared;

/// The head of the answer, and its text.
pub(super) fn answer(status: StatusCode) -> (AnswerHead, Bytes) {
    let mut fields = Fields::default();
    fields.push(b"Content-Type", b"text/plain; charset=utf-8");
    (AnswerHead { status, fields }, proxy::text(status))
}

/// What is known of a request that is refused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a, W> {
    /// Why, in the words of the version of HTTP.
    pub(super) reason: W,
    pub(super) why: Refused,
    pub(super) status: StatusCode,
    /// The request line, as far as it has come.
    pub(super) line: &'a [u8],
    /// Which request of its connection it is, counted from 1.
    pub(super) number: u32,
}

impl<W: Display> Record<'_, W> {
    /// Counts and logs it.
    pub(super) fn write(&self, shared: &Shared, client: &Client) {
        debug!(client = client.ip, reason = %self.reason, "request refused");
        if let Some(limit) = limit_of(self.why) {
            shared.counters.limits.increment(limit);
        }
        proxy::refused(shared, client, self.status, self.line, self.number);
    }
}
