//! Bounds of one connection of HTTP/2.

use std::num::NonZeroU64;
use std::time::Duration;

use ajpgate_config::Limits;
use h2::server::Builder;

use super::super::limits::head_limits;
use crate::framing::HeadLimits;

/// Bytes that a client may send of one request's body before a member has taken some of them. The window that every stream
/// starts with (RFC 9113 section 6.9.2), and what the front of HTTP/1.1 reads at once.
pub(super) const STREAM_WINDOW: u32 = 65_535;

/// Bytes of an answer that wait in `h2` until the client's window and the socket take them, for one stream.
pub(super) const SEND_BUFFER: usize = 64 * 1024;

/// Bytes by which the payloads of DATA frames may fall short of 256 each, until the streams have taken them: 2,000 of one
/// byte. `h2` needs so many bytes for a frame that waits.
const DATA_FRAME_BUDGET: usize = 2_000 * 256;

/// Streams that a client may make the gateway reset by breaking the protocol, in the life of a connection (CVE-2025-8671).
const MAX_PROVOKED_RESETS: usize = 200;

/// How often as large as `max_header_bytes` a header list may be so that it gets the gateway's own answer. `h2` answers a larger one
/// itself, which nobody counts, and ends the connection for one that is four times as large as that.
const ANSWERED: usize = 2;

/// See the [module](self).
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Of a header list, in bytes as RFC 9113 section 6.5.2 counts them: 32 more for each field.
    pub(super) head_limits: HeadLimits,
    /// Least bytes of a body per second.
    pub(super) min_body_rate: Option<NonZeroU64>,
    /// Most requests at a time.
    pub(super) max_streams: u32,
    /// From the first byte of a header block, or of another frame but DATA, to its last.
    pub(super) head: Duration,
    /// Without a request, or while a client sends nothing of a body that is waited for, or takes nothing of an answer.
    pub(super) idle: Duration,
}

impl Bounds {
    /// Those that `limits` has when the connection begins.
    pub(super) fn of(limits: &Limits) -> Self {
        Self {
            head_limits: head_limits(limits),
            min_body_rate: limits.min_body_rate,
            max_streams: limits.max_streams,
            head: limits.header_timeout,
            idle: limits.idle_timeout,
        }
    }

    /// A server of `h2` with these bounds.
    pub(super) fn server(&self) -> Builder {
        let streams = usize::try_from(self.max_streams).unwrap_or(usize::MAX);
        let list = self.head_limits.max_bytes.saturating_mul(ANSWERED);
        let mut builder = Builder::new();
        builder
            .max_concurrent_streams(self.max_streams)
            .enable_connect_protocol()
            .initial_window_size(STREAM_WINDOW)
            // Members that do not read hold the windows of their streams, and no more: the others go on.
            .initial_connection_window_size(self.max_streams.saturating_mul(STREAM_WINDOW))
            .max_header_list_size(u32::try_from(list).unwrap_or(u32::MAX))
            .max_send_buffer_size(SEND_BUFFER)
            .data_frame_budget(DATA_FRAME_BUDGET)
            .max_local_error_reset_streams(Some(MAX_PROVOKED_RESETS))
            // A client may give up all its requests at once, and they may be given up before they have been looked at.
            .max_pending_accept_reset_streams(streams)
            // Frames that were on their way when a stream was reset are ignored, for all streams of a second.
            .max_concurrent_reset_streams(streams.saturating_mul(2));
        builder
    }
}
