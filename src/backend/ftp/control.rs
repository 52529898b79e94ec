//! The control connection: commands out, replies in, each within its time.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWriteExt as _, ReadBuf};
use tokio::time::timeout;

use super::super::error::{FailureKind, Unsendable};
use super::super::stream::Stream;
use super::super::wire::Wire;
use super::fault::FtpFault;
use super::reply::{REPLY_MAX, Reply, ReplyReader};

/// Bytes that are read at once. Replies are short.
const PIECE: usize = 1024;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Control {
    pub(super) wire: Wire<Stream>,
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

    /// Whether nothing has come but replies that were taken, and it is open. Does not block.
    pub(super) fn is_quiet(&mut self) -> bool {
        self.reader.is_idle() && self.buffer.is_empty() && self.wire.stream.is_quiet()
    }

    /// Whether it is open, where nobody has logged in yet: what has come then is the greeting. Does not block.
    pub(super) fn is_waiting(&mut self) -> bool {
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

    /// The gateway's end of it, and the server's.
    pub(super) fn addresses(&self) -> Result<(SocketAddr, SocketAddr), FailureKind> {
        let tcp = self.wire.stream.tcp();
        let both = tcp
            .local_addr()
            .and_then(|local| Ok((local, tcp.peer_addr()?)));
        both.map_err(FailureKind::Lost)
    }

    /// Sends a command that is answered at once, and waits for that for `limit`, however steadily it comes.
    ///
    /// # Errors
    /// An argument with CR, LF or NUL in it is not sent. 421 is a failure whatever was asked: the server closes.
    pub(super) async fn ask(
        &mut self,
        verb: &str,
        argument: &[u8],
        limit: Duration,
    ) -> Result<Reply, FailureKind> {
        let reply = self.begin(verb, argument, limit).await?;
        match reply.is_preliminary() {
            true => Err(FtpFault::Unexpected(reply.code).into()),
            false => Ok(reply),
        }
    }

    /// The same for a command that begins a transfer: its reply may be preliminary.
    pub(super) async fn begin(
        &mut self,
        verb: &str,
        argument: &[u8],
        limit: Duration,
    ) -> Result<Reply, FailureKind> {
        // With a reply too many each further one would be taken for another command's.
        if !self.buffer.is_empty() {
            return Err(FtpFault::Unasked.into());
        }
        if argument
            .iter()
            .any(|byte| matches!(byte, b'\r' | b'\n' | 0))
        {
            return Err(Unsendable::ControlCharacter.into());
        }
        let mut command = Vec::with_capacity(verb.len() + argument.len() + 3);
        command.extend_from_slice(verb.as_bytes());
        if !argument.is_empty() {
            command.push(b' ');
            command.extend_from_slice(argument);
        }
        command.extend_from_slice(b"\r\n");
        let asked = async {
            self.wire
                .write_all(&command)
                .await
                .map_err(FailureKind::Lost)?;
            self.wire.flush().await.map_err(FailureKind::Lost)?;
            poll_fn(|cx| self.poll_reply(cx)).await
        };
        timeout(limit, asked)
            .await
            .unwrap_or(Err(FailureKind::Silent))
    }

    /// The next reply, within `limit`.
    pub(super) async fn reply(&mut self, limit: Duration) -> Result<Reply, FailureKind> {
        let reply = poll_fn(|cx| self.poll_reply(cx));
        timeout(limit, reply)
            .await
            .unwrap_or(Err(FailureKind::Silent))
    }

    /// The next reply.
    pub(super) fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<Result<Reply, FailureKind>> {
        loop {
            if let Some(reply) = self.reader.decode(&mut self.buffer)? {
                return Poll::Ready(match reply.code {
                    code @ 421 => Err(FailureKind::Unready(code)),
                    _ => Ok(reply),
                });
            }
            ready!(self.poll_fill(cx))?;
        }
    }

    /// Takes in what there is, at least a byte.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), FailureKind>> {
        let mut piece = [0; PIECE];
        let mut piece = ReadBuf::new(&mut piece);
        ready!(Pin::new(&mut self.wire).poll_read(cx, &mut piece)).map_err(FailureKind::Lost)?;
        if piece.filled().is_empty() {
            return Poll::Ready(Err(FailureKind::Lost(io::ErrorKind::UnexpectedEof.into())));
        }
        self.buffer.extend_from_slice(piece.filled());
        Poll::Ready(Ok(()))
    }
}

/// A reply of the class that was wanted, or [`FtpFault::Unexpected`].
pub(super) fn positive(reply: Reply) -> Result<Reply, FailureKind> {
    match reply.code {
        200..=299 => Ok(reply),
        code => Err(FtpFault::Unexpected(code).into()),
    }
}
