//! A body that is compressed while it comes.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tracing::debug;

use super::encoder::Encoder;

/// Bytes that are encoded before the other requests of the core have their turn: under a millisecond with the slowest coding,
/// for 100 requests of one connection may have their turns together.
const SHARE: usize = 16 * 1024;

/// How far a body has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// More may come, and the client has been given all that came.
    Quiet,
    /// More may come, and the encoder holds some.
    Holding,
    /// The encoder gives what it holds.
    Flushing,
    /// Nothing more comes, and the encoder gives its end.
    Finishing,
    Done,
}

/// A body, compressed. When nothing more of it is there for now, the client gets all that has come so far.
#[derive(Debug)]
pub(crate) struct Compressed<B> {
    body: B,
    encoder: Encoder,
    /// Read and not yet encoded.
    input: Bytes,
    stage: Stage,
    /// Bytes that were encoded since the other requests had their turn.
    worked: usize,
}

impl<B> Compressed<B> {
    pub(crate) const fn new(body: B, encoder: Encoder) -> Self {
        Self {
            body,
            encoder,
            input: Bytes::new(),
            stage: Stage::Quiet,
            worked: 0,
        }
    }

    /// What is compressed, to be asked how it ended.
    pub(crate) const fn inner_mut(&mut self) -> &mut B {
        &mut self.body
    }
}

impl<B: Body<Data = Bytes> + Unpin> Compressed<B>
where
    B::Error: Default,
{
    /// Encodes at most [`SHARE`] bytes of what was read.
    fn encode(&mut self) -> Result<Bytes, B::Error> {
        let most = SHARE.saturating_sub(self.worked);
        let before = self.input.len();
        let given = self
            .encoder
            .encode(&mut self.input, most)
            .map_err(|error| failed(&error))?;
        let taken = before.saturating_sub(self.input.len());
        self.worked = self.worked.saturating_add(taken);
        self.stage = Stage::Holding;
        Ok(given)
    }

    /// One step towards the end of the stage; what it gives.
    fn drain(&mut self) -> Result<Bytes, B::Error> {
        let (all, given) = match self.stage {
            Stage::Flushing => self.encoder.flush(),
            _ => self.encoder.finish(),
        }
        .map_err(|error| failed(&error))?;
        match (all, self.stage) {
            (true, Stage::Flushing) => self.stage = Stage::Quiet,
            (true, _) => self.stage = Stage::Done,
            (false, _) => {}
        }
        Ok(given)
    }

    /// Reads the next piece of the body, or begins to flush or to finish where there is none.
    fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), B::Error>> {
        if self.body.is_end_stream() {
            self.stage = Stage::Finishing;
            return Poll::Ready(Ok(()));
        }
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                // Trailers are not forwarded.
                self.input = frame.into_data().unwrap_or_default();
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Err(error)),
            Poll::Ready(None) => {
                self.stage = Stage::Finishing;
                Poll::Ready(Ok(()))
            }
            Poll::Pending => {
                self.worked = 0;
                if self.stage != Stage::Holding {
                    return Poll::Pending;
                }
                self.stage = Stage::Flushing;
                Poll::Ready(Ok(()))
            }
        }
    }
}

fn failed<E: Default>(error: &std::io::Error) -> E {
    debug!(%error, "an answer cannot be compressed any further");
    E::default()
}

impl<B: Body<Data = Bytes> + Unpin> Body for Compressed<B>
where
    B::Error: Default,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        loop {
            let given = match this.stage {
                Stage::Done => return Poll::Ready(None),
                Stage::Flushing | Stage::Finishing => this.drain()?,
                Stage::Quiet | Stage::Holding if this.input.is_empty() => {
                    match this.poll_input(cx)? {
                        Poll::Ready(()) => continue,
                        Poll::Pending => return Poll::Pending,
                    }
                }
                Stage::Quiet | Stage::Holding if this.worked >= SHARE => {
                    this.worked = 0;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Stage::Quiet | Stage::Holding => this.encode()?,
            };
            if !given.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(given))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stage == Stage::Done
    }

    fn size_hint(&self) -> SizeHint {
        match self.stage {
            Stage::Done => SizeHint::with_exact(0),
            _ => SizeHint::new(),
        }
    }
}

#[cfg(test)]
mod tests;
