//! The end of a client connection: what a client is told whose request was refused, and how it gets to read it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use tokio::io::ReadBuf;
use tokio::time::Instant;

use super::{Guard, Transport};

/// How long a client may go on sending after its connection was closed for writing, so that it gets to read
/// the last answer before a reset reaches it.
const LINGER: Duration = Duration::from_secs(2);

/// Most bytes that are read and thrown away in that time.
const LINGER_BYTES: usize = 256 * 1024;

/// How far a close is.
#[derive(Debug)]
pub(super) struct Closing {
    farewell: Bytes,
    until: Instant,
    /// Bytes that may still be thrown away, once the connection is closed for writing.
    discard: Option<usize>,
}

impl<S: Transport> Guard<S> {
    /// What is to be said, and how long the client has to hear it.
    pub(super) fn start_closing(&mut self) -> Closing {
        let farewell = match self.refused {
            Some(why) if self.framing.at_head() => (self.bounds.farewell)(why),
            _ => Bytes::new(),
        };
        self.writing = None;
        Closing {
            farewell,
            until: Instant::now() + LINGER,
            discard: None,
        }
    }

    /// Says it, closes for writing, and throws away what a client that is still sending sends.
    pub(super) fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        closing: &mut Closing,
    ) -> Poll<io::Result<()>> {
        while !closing.farewell.is_empty() {
            match Pin::new(&mut self.io).poll_write(cx, &closing.farewell)? {
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(count) => closing.farewell.advance(count),
                Poll::Pending => return self.timer.poll_until(cx, closing.until).map(Ok),
            }
        }
        if closing.discard.is_none() {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            // Only a client that is still sending is waited for.
            let unread = !self.ended && (self.refused.is_some() || !self.framing.at_head());
            closing.discard = Some(if unread { LINGER_BYTES } else { 0 });
        }
        let mut buffer = [0; 4096];
        while let Some(left @ 1..) = closing.discard {
            let mut buffer = ReadBuf::new(&mut buffer);
            match Pin::new(&mut self.io).poll_read(cx, &mut buffer)? {
                Poll::Ready(()) if buffer.filled().is_empty() => break,
                Poll::Ready(()) => {
                    closing.discard = Some(left.saturating_sub(buffer.filled().len()));
                }
                Poll::Pending => return self.timer.poll_until(cx, closing.until).map(Ok),
            }
        }
        Poll::Ready(Ok(()))
    }
}
