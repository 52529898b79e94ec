//! The control connection: commands go out, replies come in, each within its time.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use ajpgate_ftp::command::{BadArgument, Command};
use ajpgate_ftp::reply::{REPLY_MAX, Reply, ReplyReader};
use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWriteExt as _, ReadBuf};
use tokio::time::timeout;

use super::super::error::{FailureKind, Unsendable};
use super::super::stream::Stream;
use super::super::wire::{Traffic, Wire};
use super::fault::FtpFault;

/// Bytes that are read at once. Replies are short.
const READ_MAX: usize = 1024;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Control {
    wire: Wire<Stream>,
    reader: ReplyReader,
    buffer: BytesMut,
}

impl Control {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            wire: Wire::new(stream),
            reader: ReplyReader::default(),
            buffer: BytesMut::new(),
        }
    }

    /// Whether the connection is open and all that came has been read as replies. Does not block.
    pub(super) fn is_quiet(&mut self) -> bool {
        self.reader.is_idle() && self.buffer.is_empty() && self.wire.stream.is_quiet()
    }

    /// Whether the connection is open before its login: what has come is the greeting. Does not block.
    pub(super) fn is_open(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        while self.buffer.len() <= REPLY_MAX {
            match self.poll_fill(&mut cx) {
                Poll::Pending => return true,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return false,
            }
        }
        false
    }

    /// The addresses of the gateway and of the server.
    pub(super) fn addresses(&self) -> Result<(SocketAddr, SocketAddr), FailureKind> {
        let tcp = self.wire.stream.tcp();
        let local = tcp.local_addr().map_err(FailureKind::Lost)?;
        Ok((local, tcp.peer_addr().map_err(FailureKind::Lost)?))
    }

    /// Bytes since the connection was made.
    pub(super) const fn traffic(&self) -> Traffic {
        self.wire.traffic
    }

    /// Sends a command and waits for its reply, both within `limit`.
    ///
    /// # Errors
    /// An argument with CR, LF or NUL is not sent. 421 is a failure of every command: the server closes the connection.
    pub(super) async fn ask(
        &mut self,
        command: Command<'_>,
        limit: Duration,
    ) -> Result<Reply, FailureKind> {
        // A reply that is here already would be taken for the reply to this command.
        if !self.buffer.is_empty() {
            return Err(FtpFault::Unasked.into());
        }
        let line = command
            .encode()
            .map_err(|BadArgument| Unsendable::ControlCharacter)?;
        let asked = async {
            let written = self.wire.write_all(&line).await;
            written.map_err(FailureKind::Lost)?;
            self.wire.flush().await.map_err(FailureKind::Lost)?;
            poll_fn(|cx| self.poll_reply(cx)).await
        };
        let reply = timeout(limit, asked)
            .await
            .unwrap_or(Err(FailureKind::Silent))?;
        match reply.is_preliminary() && !command.starts_transfer() {
            true => Err(FtpFault::Unexpected(reply.code).into()),
            false => Ok(reply),
        }
    }

    /// Waits for the next reply for up to `limit`.
    pub(super) async fn reply(&mut self, limit: Duration) -> Result<Reply, FailureKind> {
        let reply = poll_fn(|cx| self.poll_reply(cx));
        timeout(limit, reply)
            .await
            .unwrap_or(Err(FailureKind::Silent))
    }

    /// The next reply.
    pub(super) fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<Result<Reply, FailureKind>> {
        loop {
            let decoded = self.reader.decode(&mut self.buffer);
            match decoded.map_err(FtpFault::from)? {
                Some(reply) if reply.code == 421 => {
                    return Poll::Ready(Err(FailureKind::Unready(421)));
                }
                Some(reply) => return Poll::Ready(Ok(reply)),
                None => ready!(self.poll_fill(cx))?,
            }
        }
    }

    /// Reads what has come, at least one byte.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), FailureKind>> {
        let mut bytes = [0; READ_MAX];
        let mut bytes = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.wire).poll_read(cx, &mut bytes)).map_err(FailureKind::Lost)?;
        if bytes.filled().is_empty() {
            return Poll::Ready(Err(FailureKind::Lost(io::ErrorKind::UnexpectedEof.into())));
        }
        self.buffer.extend_from_slice(bytes.filled());
        Poll::Ready(Ok(()))
    }
}
