//! What the access log knows about one request.

use std::time::Duration;

use crate::client::Client;
use crate::facts::Facts;
use crate::head::{Fields, RequestHead};
use crate::telemetry::metrics::StickyResult;
use crate::variables::Variables;

/// A request that is over, with everything that a line can show.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    /// `None` when it was refused before it was a request.
    pub(crate) head: Option<&'a RequestHead>,
    /// The request line of a request that was refused, as far as it came.
    pub(crate) refused_line: &'a [u8],
    pub(crate) client: &'a Client,
    /// Who the user is, where a mapping asks for it.
    pub(crate) user: Option<&'a str>,
    pub(crate) status: u16,
    /// Bytes of the answer's body.
    pub(crate) sent: u64,
    /// Bytes of the answer's head.
    pub(crate) head_sent: u64,
    /// Bytes that the client sent, the request's head included.
    pub(crate) received: u64,
    pub(crate) duration: Duration,
    pub(crate) variables: &'a Variables,
    pub(crate) sticky: Option<StickyResult>,
    pub(crate) balancer: Option<&'a str>,
    /// URL of the member that was chosen last, whether or not it has answered.
    pub(crate) member: Option<&'a str>,
    /// URL of the member of the first try.
    pub(crate) first_member: Option<&'a str>,
    pub(crate) attempts: u32,
    /// Fields of the answer that [`AccessLog::response_fields`](super::AccessLog::response_fields) names.
    pub(crate) response: &'a Fields,
    pub(crate) after: AfterResponse,
    /// Requests on this connection so far, this one included.
    pub(crate) requests: u32,
}

impl<'a> Entry<'a> {
    /// What is known of the request.
    pub(crate) const fn facts(&self) -> Facts<'a> {
        Facts {
            head: self.head,
            client: self.client,
            variables: self.variables,
            user: self.user,
            // A log tells what was sent.
            believed: None,
        }
    }

    /// The host and port of the client's URL: what a trusted proxy says, else the target or `Host`, which need not be valid.
    pub(crate) fn authority(&self) -> Option<&str> {
        if let Some(said) = self.client.host_said() {
            return Some(said.text);
        }
        let head = self.head?;
        let of_target = head.target.authority();
        of_target.or_else(|| std::str::from_utf8(head.fields.get("host")?).ok())
    }
}

/// What happens to the connection after the answer (`%X`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterResponse {
    /// Broken off before the answer was complete.
    Aborted,
    /// It may serve another request.
    KeepAlive,
    /// It is closed.
    Close,
}
