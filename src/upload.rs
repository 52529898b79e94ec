//! The body of a client's request on its way to a member.

mod client_body;

use std::collections::VecDeque;
use std::task::{Poll, ready};

use ajp13::exchange::RequestBody;
use bytes::Bytes;
use http::StatusCode;
use tokio::time::Instant;

use self::client_body::FEW_KEPT;
pub(crate) use self::client_body::{BodyFault, BodyFeed, ClientBody};
use crate::clock;

/// Most bytes of a body that are kept so that a second member can be sent them.
///
/// One packet of the largest size: what a container has been sent unasked, and the whole of most forms.
pub(crate) const REPLAY_MAX: usize = 64 * 1024;

/// So many pieces of a packet go out as they are. More would cost more than a copy.
const FEW: usize = 2;

/// Most pieces of such a body: a client may send chunks of one byte, and each piece takes more than that.
const REPLAY_PIECES: usize = 1024;

/// Why a body could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    /// The client is gone, or its framing is broken.
    #[error("request body cannot be read: {0}")]
    Broken(BodyFault),
    /// Shorter than its Content-Length.
    #[error("request body ends early")]
    Cut,
    /// Longer than `limits.max_body`.
    #[error("request body too large")]
    TooLarge,
    /// Nothing came for too long, or too little.
    #[error("request body too slow")]
    Stalled,
}

impl From<BodyFault> for UploadError {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::Stalled | BodyFault::TooSlow => Self::Stalled,
            BodyFault::Cut | BodyFault::Malformed(_) => Self::Broken(fault),
        }
    }
}

impl UploadError {
    /// The status for the client.
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::Broken(_) | Self::Cut => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Stalled => StatusCode::REQUEST_TIMEOUT,
        }
    }
}

/// A request body that is read on demand, bounded, and kept for a second attempt while it is small.
#[derive(Debug)]
pub(crate) struct Upload {
    /// `None` once its end has been read.
    incoming: Option<ClientBody>,
    /// Read from the client and not taken yet.
    unread: VecDeque<Bytes>,
    unread_bytes: usize,
    /// Taken, in order; `None` when it was too much to keep or need not be kept.
    taken: Option<Vec<Bytes>>,
    taken_bytes: usize,
    /// Bytes that may still come; `None`: any number.
    allowed: Option<u64>,
    length: RequestBody,
    /// A failure behind what has been read. It is never forgotten: the end of a broken body must not look
    /// like the end of a whole one.
    failed: Option<UploadError>,
    broken: bool,
    /// See [`is_looking`](Self::is_looking).
    looking: bool,
    /// When the client last sent something of it.
    came_at: Option<Instant>,
}

impl Default for Upload {
    /// An empty body.
    fn default() -> Self {
        Self {
            incoming: None,
            unread: VecDeque::new(),
            unread_bytes: 0,
            taken: Some(Vec::new()),
            taken_bytes: 0,
            allowed: None,
            length: RequestBody::Empty,
            failed: None,
            broken: false,
            looking: false,
            came_at: None,
        }
    }
}

impl Upload {
    /// `max` bounds the body in bytes.
    ///
    /// # Errors
    /// [`UploadError::TooLarge`] when it is announced to be longer.
    pub(crate) fn new(incoming: ClientBody, max: Option<u64>) -> Result<Self, UploadError> {
        let length = match incoming.length() {
            Some(0) => RequestBody::Empty,
            Some(length) => RequestBody::Known(length),
            None => RequestBody::Unknown,
        };
        if let (RequestBody::Known(length), Some(max)) = (length, max)
            && length > max
        {
            return Err(UploadError::TooLarge);
        }
        Ok(Self {
            incoming: (length != RequestBody::Empty).then_some(incoming),
            unread: VecDeque::new(),
            unread_bytes: 0,
            taken: Some(Vec::new()),
            taken_bytes: 0,
            allowed: max,
            length,
            failed: None,
            broken: false,
            looking: false,
            came_at: None,
        })
    }

    /// When the client last sent something of it, or its end; `None` for an empty body.
    pub(crate) const fn came_at(&self) -> Option<Instant> {
        self.came_at
    }

    /// What is known of its length.
    pub(crate) const fn length(&self) -> RequestBody {
        self.length
    }

    /// How many bytes a packet of up to `max` bytes gets now; [`take`](Self::take) takes them. `Ready(0)` is the end.
    ///
    /// A packet that is filled costs the container one round trip instead of several. So while there are fewer than `max`
    /// bytes the client's connection looks for more, and polls again: see [`is_looking`](Self::is_looking). Once nothing more
    /// has come, nothing is waited for.
    pub(crate) fn poll_ready(&mut self, max: usize) -> Poll<Result<usize, UploadError>> {
        self.looking = false;
        while self.unread_bytes < max && !self.broken {
            match self.poll_receive() {
                Poll::Ready(Ok(true)) => {}
                Poll::Ready(Ok(false)) => break,
                Poll::Ready(Err(error)) => (self.failed, self.broken) = (Some(error), true),
                Poll::Pending => {
                    self.looking = self
                        .incoming
                        .as_mut()
                        .is_some_and(ClientBody::asks_for_look);
                    if self.looking || self.unread_bytes == 0 {
                        return Poll::Pending;
                    }
                    break;
                }
            }
        }
        // What there is goes first, then the failure.
        match self.unread_bytes {
            0 if self.broken => Poll::Ready(Err(self.failed.take().unwrap_or(UploadError::Cut))),
            count => Poll::Ready(Ok(count.min(max))),
        }
    }

    /// Takes up to `max` bytes, as [`poll_ready`](Self::poll_ready) says.
    #[cfg_attr(
        not(feature = "ftp"),
        allow(dead_code, reason = "only FTP members need it")
    )]
    pub(crate) fn poll_take(
        &mut self,
        max: usize,
        put: impl FnMut(&Bytes),
    ) -> Poll<Result<usize, UploadError>> {
        let count = ready!(self.poll_ready(max))?;
        self.take(count, put);
        Poll::Ready(Ok(count))
    }

    /// Whether the last [`poll_ready`](Self::poll_ready) was pending only until the client's connection has looked for more,
    /// which it does at once.
    pub(crate) const fn is_looking(&self) -> bool {
        self.looking
    }

    /// Whether so many bytes are in very few pieces.
    pub(crate) fn is_in_few_pieces(&self, count: usize) -> bool {
        self.unread.iter().take(FEW).map(Bytes::len).sum::<usize>() >= count
    }

    /// Takes this number of bytes, or what there is, in one or several pieces.
    pub(crate) fn take(&mut self, mut count: usize, mut put: impl FnMut(&Bytes)) {
        while count > 0
            && let Some(mut piece) = self.pop_unread()
        {
            if piece.len() > count {
                self.push_unread(piece.split_off(count));
            }
            put(&piece);
            count = count.saturating_sub(piece.len());
            self.keep(piece);
        }
    }

    fn pop_unread(&mut self) -> Option<Bytes> {
        let piece = self.unread.pop_front()?;
        self.unread_bytes = self.unread_bytes.saturating_sub(piece.len());
        if self.unread.is_empty() {
            self.unread.shrink_to(FEW_KEPT);
        }
        Some(piece)
    }

    fn push_unread(&mut self, piece: Bytes) {
        self.unread_bytes = self.unread_bytes.saturating_add(piece.len());
        self.unread.push_front(piece);
    }

    /// Takes the next piece as it came from the client. `None` is the end.
    ///
    /// Pending needs no waker: the task that polls the exchange is the one that reads from the client.
    pub(crate) fn poll_piece(&mut self) -> Poll<Option<Result<Bytes, UploadError>>> {
        loop {
            if let Some(piece) = self.pop_unread() {
                self.keep(piece.clone());
                return Poll::Ready(Some(Ok(piece)));
            }
            if self.broken {
                let failed = self.failed.take().unwrap_or(UploadError::Cut);
                return Poll::Ready(Some(Err(failed)));
            }
            match ready!(self.poll_receive()) {
                Ok(true) => {}
                Ok(false) => return Poll::Ready(None),
                Err(error) => (self.failed, self.broken) = (Some(error), true),
            }
        }
    }

    /// Whether the body can be read once more from its start.
    pub(crate) const fn is_held(&self) -> bool {
        self.taken.is_some()
    }

    /// Goes back to the start for another attempt, as far as the body [is held](Self::is_held).
    pub(crate) fn rewind(&mut self) {
        let taken = self.taken.as_mut().map(std::mem::take);
        for piece in taken.unwrap_or_default().into_iter().rev() {
            self.push_unread(piece);
        }
        self.taken_bytes = 0;
    }

    /// No other attempt will be made: what was taken need not be kept.
    pub(crate) fn forget(&mut self) {
        self.taken = None;
    }

    fn keep(&mut self, piece: Bytes) {
        self.taken_bytes = self.taken_bytes.saturating_add(piece.len());
        let pieces = self.taken.as_ref().map_or(0, Vec::len);
        if self.taken_bytes > REPLAY_MAX || pieces >= REPLAY_PIECES {
            self.taken = None;
        }
        if let Some(taken) = &mut self.taken {
            taken.push(piece);
        }
    }

    /// Reads the next piece from the client; `false` at the end.
    fn poll_receive(&mut self) -> Poll<Result<bool, UploadError>> {
        let Some(incoming) = &mut self.incoming else {
            return Poll::Ready(Ok(false));
        };
        let piece = ready!(incoming.poll_piece())?;
        self.came_at = Some(clock::now());
        let Some(piece) = piece else {
            self.incoming = None;
            return Poll::Ready(Ok(false));
        };
        if let Some(allowed) = &mut self.allowed {
            let Some(left) = allowed.checked_sub(piece.len() as u64) else {
                return Poll::Ready(Err(UploadError::TooLarge));
            };
            *allowed = left;
        }
        self.unread_bytes = self.unread_bytes.saturating_add(piece.len());
        self.unread.push_back(piece);
        Poll::Ready(Ok(true))
    }
}
