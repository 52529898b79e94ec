//! A stream that carries another protocol: WebSocket over HTTP/2 (RFC 8441).
//!
//! CONNECT with `:protocol` goes to the member as the GET with `Upgrade` that HTTP/1.1 has for it, and a 101 comes back as
//! 200. From then on the frames of the stream carry the bytes of the other protocol.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf as _, Bytes};
use h2::SendStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::intake::Intake;
use crate::head::{AnswerHead, Fields, Known};
use crate::random;

/// Most bytes of one frame.
const FRAME: usize = 16 * 1024;

/// Adds the fields with which HTTP/1.1 asks for this protocol (RFC 9110 section 7.8, RFC 6455 section 4.1). The key of a
/// WebSocket is made up: HTTP/2 has none, and its only use is that caches do not answer.
pub(super) fn ask(protocol: &str, fields: &mut Fields) {
    fields.push_known(Known::Connection, b"connection", b"upgrade");
    fields.push_known(Known::Upgrade, b"upgrade", protocol.as_bytes());
    let key = STANDARD.encode(random::bits128().unwrap_or_default().to_ne_bytes());
    fields.set("sec-websocket-key", key.as_bytes());
}

/// The head of an answer that switches the protocol, as HTTP/2 has it (RFC 8441 section 5).
pub(super) fn switched(mut head: AnswerHead) -> AnswerHead {
    head.status = http::StatusCode::OK;
    head.fields.remove("sec-websocket-accept");
    head
}

/// The bytes of a stream.
#[derive(Debug)]
pub(super) struct Tunnel {
    intake: Intake,
    stream: SendStream<Bytes>,
    /// Taken and not read.
    rest: Bytes,
    /// The end was told.
    closed: bool,
}

impl Tunnel {
    pub(super) const fn new(intake: Intake, stream: SendStream<Bytes>) -> Self {
        Self {
            intake,
            stream,
            rest: Bytes::new(),
            closed: false,
        }
    }
}

fn gone() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

impl AsyncRead for Tunnel {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            this.intake.fill(cx).map_err(|_| gone())?;
            match this.intake.take() {
                Some(piece) => this.rest = piece,
                None if this.intake.ended => return Poll::Ready(Ok(())),
                None => return Poll::Pending,
            }
        }
        let length = this.rest.len().min(out.remaining());
        out.put_slice(this.rest.get(..length).unwrap_or_default());
        this.rest.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.stream.reserve_capacity(bytes.len().min(FRAME));
        let room = loop {
            match this.stream.capacity() {
                0 => match ready!(this.stream.poll_capacity(cx)) {
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Poll::Ready(Err(gone())),
                },
                room => break room,
            }
        };
        let now = bytes
            .get(..room.min(bytes.len()).min(FRAME))
            .unwrap_or_default();
        let sent = this.stream.send_data(Bytes::copy_from_slice(now), false);
        Poll::Ready(sent.map(|()| now.len()).map_err(|_| gone()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = slices.iter().find(|slice| !slice.is_empty());
        self.poll_write(cx, first.map_or(&[], |slice| slice))
    }

    fn is_write_vectored(&self) -> bool {
        // Every piece becomes a frame of its own.
        false
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The connection's task writes.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !std::mem::replace(&mut this.closed, true) {
            // A client that has gone needs no end.
            let _ = this.stream.send_data(Bytes::new(), true);
        }
        Poll::Ready(Ok(()))
    }
}
