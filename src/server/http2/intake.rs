//! What has come of the body of one request and has not been taken by the request path.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::RecvStream;

use super::super::gone::Gone;

/// Pieces of fewer bytes are copied together: each would keep the whole buffer that it was read into.
const SMALL: usize = 4 * 1024;

/// How long a client may pause whose body nobody wants.
const PAUSE: Duration = Duration::from_secs(1);

/// What has come is taken out of `h2` at once. The client may send more only when it is taken from here, so there are never
/// more bytes here than a [window](super::bounds::STREAM_WINDOW) has.
#[derive(Debug)]
pub(super) struct Intake {
    stream: RecvStream,
    whole: VecDeque<Bytes>,
    /// Small pieces, behind `whole`.
    small: BytesMut,
    /// The body has come to its proper end.
    pub(super) ended: bool,
    /// Something of the body has come, or its end.
    pub(super) begun: bool,
    /// Bytes of the announced length (Content-Length) that have not come; `None`: it has none.
    missing: Option<u64>,
}

impl Intake {
    /// A body of this length, if it is announced.
    pub(super) fn new(stream: RecvStream, length: Option<u64>) -> Self {
        Self {
            ended: stream.is_end_stream(),
            missing: length,
            stream,
            whole: VecDeque::new(),
            small: BytesMut::new(),
            begun: false,
        }
    }

    /// Takes what has come out of `h2`, and returns how many bytes. The task is woken when more comes.
    ///
    /// # Errors
    /// When the stream is over before its proper end: the client has reset it, has broken the protocol, or is gone.
    pub(super) fn fill(&mut self, cx: &mut Context<'_>) -> Result<usize, Gone> {
        let mut bytes = 0;
        while !self.ended {
            match self.stream.poll_data(cx) {
                Poll::Ready(Some(Ok(piece))) => {
                    bytes += piece.len();
                    self.push(piece);
                }
                Poll::Ready(Some(Err(_))) => return Err(Gone),
                // What may follow are trailers. They are not forwarded.
                Poll::Ready(None) => (self.ended, self.begun) = (true, true),
                Poll::Pending => break,
            }
        }
        Ok(bytes)
    }

    /// Whether the length of the body is not announced.
    pub(super) const fn has_no_length(&self) -> bool {
        self.missing.is_none()
    }

    /// Whether the client sends no more bytes: its body has ended, or as many have come as were announced.
    pub(super) fn is_over(&self) -> bool {
        self.ended || self.missing == Some(0)
    }

    fn push(&mut self, piece: Bytes) {
        self.begun |= !piece.is_empty();
        // `h2` resets a stream that brings more than was announced.
        self.missing = self
            .missing
            .map(|missing| missing.saturating_sub(piece.len() as u64));
        if piece.len() < SMALL {
            return self.small.extend_from_slice(&piece);
        }
        if !self.small.is_empty() {
            self.whole.push_back(self.small.split().freeze());
        }
        self.whole.push_back(piece);
    }

    /// Takes a piece, at least one byte. The client may send as many bytes in its place.
    pub(super) fn take(&mut self) -> Option<Bytes> {
        let piece = match self.whole.pop_front() {
            Some(piece) => piece,
            None if self.small.is_empty() => return None,
            None => std::mem::take(&mut self.small).freeze(),
        };
        // It fails for more bytes than have come only.
        let _ = self.stream.flow_control().release_capacity(piece.len());
        Some(piece)
    }

    /// Throws away what has come. The client may send no more in its place.
    pub(super) fn discard(&mut self) {
        self.whole = VecDeque::new();
        self.small = BytesMut::new();
    }

    /// Reads the rest and throws it away, until its end, or until nothing has come for [`PAUSE`].
    pub(super) async fn skip(&mut self) {
        self.discard();
        loop {
            let flow = self.stream.flow_control();
            // It fails for more bytes than have come only.
            let _ = flow.release_capacity(flow.used_capacity());
            let piece = poll_fn(|cx| self.stream.poll_data(cx));
            let Ok(Some(Ok(_))) = tokio::time::timeout(PAUSE, piece).await else {
                return;
            };
        }
    }
}
