//! The body of one client's request on its way from the client's connection to the exchange that sends it on.
//!
//! The connection's task is the only task: it polls the exchange, which reads [`ClientBody`], and then looks at
//! [`BodyFeed::is_wanted`]. A reader that finds nothing therefore need not be woken: whoever puts a piece in polls the
//! exchange again. Memory is bounded, because the connection reads only what is wanted: one read of the socket.
//!
//! A reader that would rather have more before it sends what it has asks for a look at the socket. The connection then polls
//! the exchange again in any case.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use bytes::Bytes;

use crate::framing::{Body, Refused};

/// Number of pieces for which an empty list keeps room. A client may send chunks of one byte, and the room for each takes 32 bytes.
pub(super) const FEW_KEPT: usize = 64;

/// Why a body has no proper end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyFault {
    /// The client has closed its side or reset the connection.
    #[error("the client sends no more")]
    Cut,
    /// The bytes are no chunks.
    #[error("{0}")]
    Malformed(#[from] Refused),
    /// It came more slowly than `limits.min_body_rate`.
    #[error("it came too slowly")]
    TooSlow,
    /// Nothing came for `limits.idle_timeout`.
    #[error("nothing came for too long")]
    Stalled,
}

/// What the two ends share.
#[derive(Debug, Default)]
struct Cell {
    pieces: VecDeque<Bytes>,
    /// `None` while more may come.
    end: Option<Result<(), BodyFault>>,
    wanted: Wanted,
    /// The connection has looked for more since the last piece, and nothing had come.
    dry: bool,
    /// The reader is gone.
    abandoned: bool,
}

/// What the reader waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Wanted {
    #[default]
    Nothing,
    /// The next piece.
    Piece,
    /// The next piece, or that none has come yet.
    Look,
}

type Shared = Arc<Mutex<Cell>>;

fn lock(shared: &Shared) -> MutexGuard<'_, Cell> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The end that the exchange reads. Dropped, it tells the connection that nobody wants the rest.
#[derive(Debug)]
pub(crate) struct ClientBody {
    length: Option<u64>,
    /// `None` where the request has no body.
    shared: Option<Shared>,
}

impl ClientBody {
    /// The body of a request without one.
    pub(crate) const fn none() -> Self {
        Self {
            length: Some(0),
            shared: None,
        }
    }

    /// A body of this framing, and the end that the connection writes to.
    pub(crate) fn new(framing: Body) -> (Self, BodyFeed) {
        let length = match framing {
            Body::Over => return (Self::none(), BodyFeed(None)),
            Body::Length(length) => Some(length),
            Body::Chunked(_) | Body::UntilClose => None,
        };
        let shared = Shared::default();
        let reader = Self {
            length,
            shared: Some(Arc::clone(&shared)),
        };
        (reader, BodyFeed(Some(shared)))
    }

    /// Bytes that the client has announced; `None` for chunks.
    pub(crate) const fn length(&self) -> Option<u64> {
        self.length
    }

    /// The next piece, at least one byte; `None` is the proper end. Pending marks the body as wanted.
    ///
    /// # Errors
    /// Why there is no proper end, each time that it is asked for.
    pub(crate) fn poll_piece(&mut self) -> Poll<Result<Option<Bytes>, BodyFault>> {
        let Some(shared) = &self.shared else {
            return Poll::Ready(Ok(None));
        };
        let mut cell = lock(shared);
        if let Some(piece) = cell.pieces.pop_front() {
            if cell.pieces.is_empty() {
                cell.pieces.shrink_to(FEW_KEPT);
            }
            return Poll::Ready(Ok(Some(piece)));
        }
        match cell.end {
            Some(end) => Poll::Ready(end.map(|()| None)),
            None => {
                cell.wanted = Wanted::Piece;
                Poll::Pending
            }
        }
    }

    /// Whether nobody knows if more has come, after a [`poll_piece`](Self::poll_piece) that was pending. If so, the connection
    /// looks at its socket and polls the exchange again, whatever it finds.
    pub(crate) fn asks_for_look(&mut self) -> bool {
        let Some(shared) = &self.shared else {
            return false;
        };
        let mut cell = lock(shared);
        if cell.dry || cell.end.is_some() {
            return false;
        }
        cell.wanted = Wanted::Look;
        true
    }
}

impl Drop for ClientBody {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            let mut cell = lock(shared);
            cell.abandoned = true;
            cell.pieces.clear();
        }
    }
}

/// The end that the connection writes to.
#[derive(Debug)]
pub(crate) struct BodyFeed(Option<Shared>);

impl BodyFeed {
    /// Whether the exchange waits for more.
    pub(crate) fn is_wanted(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| {
            let cell = lock(shared);
            cell.wanted != Wanted::Nothing && !cell.abandoned
        })
    }

    /// Whether nobody wants the rest.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.0.as_ref().is_none_or(|shared| lock(shared).abandoned)
    }

    /// Hands a piece on.
    pub(crate) fn push(&self, piece: Bytes) {
        if let Some(shared) = &self.0 {
            let mut cell = lock(shared);
            (cell.wanted, cell.dry) = (Wanted::Nothing, false);
            if !cell.abandoned && !piece.is_empty() {
                cell.pieces.push_back(piece);
            }
        }
    }

    /// Says that nothing has come; whether the exchange wants to know that.
    pub(crate) fn found_nothing(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| {
            let mut cell = lock(shared);
            cell.dry = true;
            let asked = cell.wanted == Wanted::Look;
            if asked {
                cell.wanted = Wanted::Nothing;
            }
            asked
        })
    }

    /// Says how the body ends. The first end counts.
    pub(crate) fn end(&self, end: Result<(), BodyFault>) {
        if let Some(shared) = &self.0 {
            let mut cell = lock(shared);
            cell.wanted = Wanted::Nothing;
            cell.end.get_or_insert(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::Chunk;

    #[test]
    fn pieces_come_in_order_and_then_the_end() {
        let (mut body, feed) = ClientBody::new(Body::Length(4));
        assert_eq!(body.length(), Some(4));
        assert!(!feed.is_wanted());
        assert!(body.poll_piece().is_pending());
        assert!(feed.is_wanted());
        feed.push(Bytes::from_static(b"ab"));
        feed.push(Bytes::from_static(b"cd"));
        feed.end(Ok(()));
        assert!(!feed.is_wanted());
        for piece in ["ab", "cd"] {
            assert_eq!(body.poll_piece(), Poll::Ready(Ok(Some(piece.into()))));
        }
        assert_eq!(body.poll_piece(), Poll::Ready(Ok(None)));
    }

    #[test]
    fn a_fault_is_never_forgotten() {
        let (mut body, feed) = ClientBody::new(Body::Chunked(Chunk::START));
        assert_eq!(body.length(), None);
        feed.end(Err(BodyFault::Cut));
        feed.end(Ok(()));
        for _ in 0..2 {
            assert_eq!(body.poll_piece(), Poll::Ready(Err(BodyFault::Cut)));
        }
    }

    #[test]
    fn a_reader_that_asks_for_a_look_hears_that_nothing_has_come() {
        let (mut body, feed) = ClientBody::new(Body::Length(4));
        assert!(body.poll_piece().is_pending() && body.asks_for_look());
        assert!(feed.is_wanted() && feed.found_nothing());
        // It is known now, and the next piece is waited for.
        assert!(body.poll_piece().is_pending() && !body.asks_for_look());
        assert!(feed.is_wanted() && !feed.found_nothing());
        // Behind a piece nobody knows whether a further one has come.
        feed.push(Bytes::from_static(b"ab"));
        assert!(body.poll_piece().is_ready());
        assert!(body.poll_piece().is_pending() && body.asks_for_look());
        feed.end(Ok(()));
        assert!(!body.asks_for_look());
    }

    #[test]
    fn a_body_in_many_pieces_keeps_no_room_for_them() {
        let (mut body, feed) = ClientBody::new(Body::Chunked(Chunk::START));
        for _ in 0..10_000 {
            feed.push(Bytes::from_static(b"a"));
        }
        while body.poll_piece().is_ready() {}
        let kept = lock(body.shared.as_ref().unwrap()).pieces.capacity();
        assert!(kept <= FEW_KEPT, "{kept}");
    }

    #[test]
    fn a_dropped_reader_wants_nothing() {
        let (mut body, feed) = ClientBody::new(Body::Length(4));
        assert!(body.poll_piece().is_pending());
        drop(body);
        assert!(!feed.is_wanted() && feed.is_abandoned());
        assert!(BodyFeed(None).is_abandoned());
    }
}
