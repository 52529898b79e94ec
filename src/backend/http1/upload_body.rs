//! The body of a request as hyper reads it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ajp13::exchange::RequestBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::progress::{BodyPhase, Progress};
use crate::upload::UploadError;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct UploadBody {
    progress: Arc<Progress>,
    /// Bytes to come; `None` when the client has not announced a length.
    left: Option<u64>,
}

/// The body cannot be sent to its end. [`BodyPhase::Failed`] has the reason.
#[derive(Debug, thiserror::Error)]
#[error("request body broken off")]
pub(super) struct BrokenOff;

impl UploadBody {
    pub(super) fn new(progress: Arc<Progress>, length: RequestBody) -> Self {
        let left = match length {
            RequestBody::Empty => Some(0),
            RequestBody::Known(length) => Some(length),
            RequestBody::Unknown => None,
        };
        Self { progress, left }
    }
}

impl Body for UploadBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let this = &mut *self;
        let mut state = this.progress.state();
        if state.awaits_100() || state.write_failed() {
            // The driver polls again when that changes.
            return Poll::Pending;
        }
        let Poll::Ready(piece) = state.upload.poll_piece() else {
            state.body = BodyPhase::ClientOwes;
            return Poll::Pending;
        };
        state.body = BodyPhase::Flowing;
        let failed = match piece {
            Some(Ok(piece)) => {
                let length = piece.len() as u64;
                this.left = this.left.map(|left| left.saturating_sub(length));
                state.uploaded = state.uploaded.saturating_add(length);
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            None if matches!(this.left, None | Some(0)) => return Poll::Ready(None),
            // An end here would make a body that was cut short look whole.
            None => UploadError::Cut,
            Some(Err(error)) => error,
        };
        state.body = BodyPhase::Failed(Some(failed));
        Poll::Ready(Some(Err(BrokenOff)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
