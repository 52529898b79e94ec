//! What the layers of one exchange tell each other: the guard under hyper, the request body above it, and the driver
//! beside it. All three run in the task that polls the exchange, one after the other; the lock is never waited for.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use ajp13::exchange::RequestBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use super::super::wire::Traffic;
use crate::framing::Refused;
use crate::upload::{Upload, UploadError};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Line(Mutex<State>);

/// How far the exchange is.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The body of the request, until it is taken back.
    upload: Upload,
    /// Why it cannot be sent to its end.
    pub(super) upload_failed: Option<UploadError>,
    /// Bytes of it that hyper has taken.
    pub(super) uploaded: u64,
    /// It waits for the member's 100 (RFC 9110 section 10.1.1).
    pub(super) awaits_100: bool,
    /// More of it was wanted than the client has sent.
    pub(super) client_owes: bool,
    /// Everything that hyper wrote has gone out.
    pub(super) flushed: bool,
    /// Why writing or reading has failed. What has failed is not written to any more, but still read: a member that
    /// refuses a request may close without reading the rest, and its answer counts more.
    pub(super) lost: Option<io::Error>,
    pub(super) write_failed: bool,
    /// More may have gone out than `traffic` says.
    pub(super) unknown_sent: bool,
    /// Since when a head is incomplete.
    pub(super) head_since: Option<Instant>,
    /// The final head has been handed to hyper.
    pub(super) has_head: bool,
    /// All of the answer has come.
    pub(super) over: bool,
    /// It ends where the connection does.
    pub(super) ends_with_connection: bool,
    /// The member has closed.
    pub(super) closed: bool,
    /// Something came behind the answer.
    pub(super) excess: bool,
    pub(super) refused: Option<Refused>,
    /// The connection's count, and what it was when the exchange began.
    pub(super) traffic: Traffic,
    pub(super) before: Traffic,
}

impl Line {
    /// `upload` is the body of the request; `awaits_100`: once the member asks for it.
    pub(super) fn new(upload: Upload, awaits_100: bool) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            upload,
            awaits_100,
            flushed: true,
            ..State::default()
        })))
    }

    /// The exchange begins on a connection that has moved so much before.
    pub(super) fn begin(&self, traffic: Traffic) {
        let mut state = self.state();
        (state.traffic, state.before) = (traffic, traffic);
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the body back for another attempt. An empty one stays behind.
    pub(super) fn take_upload(&self) -> Upload {
        std::mem::take(&mut self.state().upload)
    }

    /// No other attempt will be made.
    pub(super) fn forget_upload(&self) {
        self.state().upload.forget();
    }
}

/// The body of a request as hyper reads it.
#[derive(Debug)]
pub(super) struct UploadBody {
    line: Arc<Line>,
    /// Bytes to come; `None`: nobody knows.
    left: Option<u64>,
}

/// The body cannot be sent to its end; the line knows why.
#[derive(Debug, thiserror::Error)]
#[error("request body broken off")]
pub(super) struct BrokenOff;

impl UploadBody {
    pub(super) fn new(line: Arc<Line>, length: RequestBody) -> Self {
        let left = match length {
            RequestBody::Empty => Some(0),
            RequestBody::Known(length) => Some(length),
            RequestBody::Unknown => None,
        };
        Self { line, left }
    }
}

impl Body for UploadBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let this = &mut *self;
        let mut state = this.line.state();
        let State {
            upload,
            awaits_100: false,
            write_failed: false,
            client_owes,
            ..
        } = &mut *state
        else {
            // The driver polls again when that changes.
            return Poll::Pending;
        };
        *client_owes = true;
        let piece = ready!(upload.poll_piece(cx));
        *client_owes = false;
        let failed = match piece {
            Some(Ok(piece)) => {
                let length = piece.len() as u64;
                this.left = this.left.map(|left| left.saturating_sub(length));
                state.uploaded = state.uploaded.saturating_add(length);
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            None if matches!(this.left, None | Some(0)) => return Poll::Ready(None),
            // The end would make a body that was cut short look whole.
            None => UploadError::Cut,
            Some(Err(error)) => error,
        };
        state.upload_failed = Some(failed);
        Poll::Ready(Some(Err(BrokenOff)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
