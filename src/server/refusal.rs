//! Requests whose head must not go on, whatever version of HTTP it came in: what the client is answered, and what is counted
//! and logged.

use std::fmt::Display;

use bytes::Bytes;
use http::StatusCode;
use tracing::debug;

use super::limits::limit_of;
use crate::client::Client;
use crate::framing::Refused;
use crate::head::AnswerHead;
use crate::proxy;
use crate::state::Shared;

/// What is known of a request that is refused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a, W> {
    /// Why, in the words of the version of HTTP.
    pub(super) reason: W,
    pub(super) why: Refused,
    pub(super) status: StatusCode,
    /// The request line, as far as it has come.
    pub(super) line: &'a [u8],
    /// How many bytes of it have come.
    pub(super) received: usize,
    /// Which request of its connection it is, counted from 1.
    pub(super) number: u32,
    /// The answer says that the connection is closed.
    pub(super) closes: bool,
}

impl<W: Display> Record<'_, W> {
    /// Counts and logs it. Returns the head of the answer, and its body.
    pub(super) fn answer(&self, shared: &Shared, client: &Client) -> (AnswerHead, Bytes) {
        debug!(client = client.ip, reason = %self.reason, "request refused");
        if let Some(limit) = limit_of(self.why) {
            shared.counters.limits.increment(limit);
        }
        let status = self.status;
        let came = proxy::Came {
            line: self.line,
            received: self.received as u64,
            requests: self.number,
            closes: self.closes,
        };
        let (fields, body) = proxy::refused(shared, client, status, came);
        (AnswerHead { status, fields }, body)
    }
}
