//! Packets in both directions of a connection to an AJP13 member.
//!
//! The buffer for reading comes with the first bytes of an answer and goes when the connection rests. A large answer is read
//! in large pieces. The data of its packets are slices of the buffer, so only the beginning of a packet is copied that
//! is not complete when the buffer is full. A body that is sent is not copied either, if it came in large pieces.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ajp13::codec::GatewayCodec;
use ajp13::{CodecError, FromContainer, PacketSize};
use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::AsyncWrite as _;
use tokio::net::TcpStream;
use tokio_util::io::poll_read_buf;

use super::spare;
use crate::backend::wire::{Traffic, Wire};

/// Bytes of a large buffer. Nine packets of 8 KiB are complete in it wherever the first one begins: as much as a client's
/// connection takes before it writes (`server::http1::exchange`).
const LARGE_READ: usize = 80 * 1024;

/// The same for packets of more than 8 KiB. Twice the largest packet, so that at least one is complete in each buffer.
const LARGE_READ_OF_LARGE_PACKETS: usize = 128 * 1024;

/// Least room for a read, in bytes; where there is less, a new buffer is taken.
const LEAST_ROOM: usize = 2 * 1024;

/// Most slices of one write.
const MAX_SLICES: usize = 8;

/// Largest buffer for writing that an idle connection keeps, in bytes.
const IDLE_OUTPUT_MAX: usize = 8 * 1024;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Packets {
    wire: Wire<TcpStream>,
    codec: GatewayCodec,
    /// What has come and is no whole packet yet, or has not been asked for.
    input: BytesMut,
    /// Heads of packets, and whole packets, that wait to be written, behind the first `written` bytes.
    output: Vec<u8>,
    /// Bytes of `output` that the member has got.
    written: usize,
    /// Pieces of bodies that wait to be written, behind `output`.
    pieces: VecDeque<Bytes>,
    /// Whether the next buffer is to be a large one: the last read has filled one, or the exchange before had long reads.
    wants_large: bool,
    /// Whether a read of this exchange would have filled a buffer of [`spare`].
    long_reads: bool,
    /// Whether the buffer is too large to become one of [`spare`].
    large: bool,
}

impl Packets {
    pub(super) fn new(stream: TcpStream, packet_size: PacketSize) -> Self {
        Self {
            wire: Wire::new(stream),
            codec: GatewayCodec::new(packet_size),
            input: BytesMut::new(),
            output: Vec::new(),
            written: 0,
            pieces: VecDeque::new(),
            wants_large: false,
            long_reads: false,
            large: false,
        }
    }

    pub(super) const fn stream(&self) -> &TcpStream {
        &self.wire.stream
    }

    /// Bytes that went over the connection since it was opened.
    pub(super) const fn traffic(&self) -> Traffic {
        self.wire.traffic
    }

    /// Whether a whole packet has come, so that receiving it needs no further read.
    pub(super) fn has_packet(&self) -> bool {
        self.codec.has_packet(&self.input)
    }

    /// Whether all that has come has been received.
    pub(super) fn is_empty(&self) -> bool {
        self.input.is_empty()
    }

    /// The next packet; `None`: the member has closed the connection.
    ///
    /// # Errors
    /// Also where the member closes the connection in the middle of a packet.
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<FromContainer>, CodecError>> {
        loop {
            if let Some(packet) = self.codec.take(&mut self.input)? {
                return Poll::Ready(Ok(Some(packet)));
            }
            match ready!(self.poll_read(cx))? {
                0 if self.input.is_empty() => return Poll::Ready(Ok(None)),
                0 => return Poll::Ready(Err(CodecError::Io(io::ErrorKind::UnexpectedEof.into()))),
                _ => {}
            }
        }
    }

    /// Reads once; returns the number of bytes, and 0 at the end of the connection.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.room() < LEAST_ROOM {
            if self.input.is_empty() {
                // A connection that waits has no buffer.
                ready!(self.wire.stream.poll_read_ready(cx))?;
            }
            self.make_room();
        }
        let room = self.room();
        let count = ready!(poll_read_buf(Pin::new(&mut self.wire), cx, &mut self.input))?;
        self.wants_large = count == room;
        self.long_reads |= count >= spare::SIZE;
        Poll::Ready(Ok(count))
    }

    /// Bytes that can be read without more memory.
    fn room(&self) -> usize {
        self.input.capacity().saturating_sub(self.input.len())
    }

    fn make_room(&mut self) {
        if self.input.capacity() == 0 && !self.wants_large {
            (self.input, self.large) = (spare::take(), false);
            return;
        }
        let size = match self.wants_large {
            false => spare::SIZE,
            true if self.codec.packet_size() == PacketSize::DEFAULT => LARGE_READ,
            true => LARGE_READ_OF_LARGE_PACKETS,
        };
        // Where the client has got all of the buffer it is used again. `reserve` would make it larger each time, and copy
        // what the client has got, too.
        if !self.input.try_reclaim(size / 2) {
            let begun = std::mem::take(&mut self.input);
            self.input.reserve(size.max(begun.len().saturating_mul(2)));
            self.input.extend_from_slice(&begun);
            self.large = true;
        }
    }

    /// Where packets of `length` bytes are written to; longer ones make the buffer grow. [`poll_flush`](Self::poll_flush)
    /// sends them.
    pub(super) fn output(&mut self, length: usize) -> &mut Vec<u8> {
        // What has been written takes no room, however long the member leaves a rest.
        self.output.drain(..self.written.min(self.output.len()));
        self.written = 0;
        // They come behind what waits already.
        for piece in self.pieces.drain(..) {
            self.output.extend_from_slice(&piece);
        }
        self.output.reserve(length);
        &mut self.output
    }

    /// A piece of what [`output`](Self::output) has begun, at its end. It is not copied.
    pub(super) fn push(&mut self, piece: Bytes) {
        self.pieces.push_back(piece);
    }

    /// Bytes that wait to be written.
    pub(super) fn waiting(&self) -> usize {
        let pieces = self.pieces.iter().map(Bytes::len);
        self.unwritten().len().saturating_add(pieces.sum())
    }

    /// What waits to be written, without the pieces.
    fn unwritten(&self) -> &[u8] {
        self.output.get(self.written..).unwrap_or_default()
    }

    /// Whether more than a packet of the largest size waits to be written.
    pub(super) fn is_full(&self) -> bool {
        self.waiting() > self.codec.packet_size().bytes()
    }

    /// Sends what was written to [`output`](Self::output). Pending while some of it is left.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.waiting() > 0 {
            match ready!(self.poll_write(cx))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.advance(written),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let output = self.output.get(self.written..).unwrap_or_default();
        let wire = Pin::new(&mut self.wire);
        if self.pieces.is_empty() {
            return wire.poll_write(cx, output);
        }
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let pieces = self.pieces.iter().map(|piece| &piece[..]);
        let waiting = std::iter::once(output).chain(pieces);
        let mut count = 0;
        for (slice, bytes) in slices.iter_mut().zip(waiting) {
            *slice = IoSlice::new(bytes);
            count += 1;
        }
        wire.poll_write_vectored(cx, slices.get(..count).unwrap_or_default())
    }

    /// So many bytes have been written.
    fn advance(&mut self, written: usize) {
        let here = written.min(self.unwritten().len());
        self.written = self.written.saturating_add(here);
        if self.unwritten().is_empty() {
            // The whole buffer is free again.
            self.output.clear();
            self.written = 0;
        }
        let mut rest = written.saturating_sub(here);
        while let Some(first) = self.pieces.front_mut() {
            let here = rest.min(first.len());
            first.advance(here);
            if !first.is_empty() {
                break;
            }
            rest = rest.saturating_sub(here);
            self.pieces.pop_front();
        }
    }

    /// Frees the buffers behind a whole exchange. `false`: there are bytes in one of them.
    pub(super) fn rest(&mut self) -> bool {
        if !self.input.is_empty() || self.waiting() > 0 {
            return false;
        }
        let input = std::mem::take(&mut self.input);
        if !self.large {
            spare::put(input);
        }
        self.wants_large = std::mem::take(&mut self.long_reads);
        if self.output.capacity() > IDLE_OUTPUT_MAX {
            self.output = Vec::new();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn pieces_leave_behind_what_was_written_before_them() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await;
        let mut packets = Packets::new(stream.unwrap(), PacketSize::DEFAULT);
        let (mut member, _) = listener.accept().await.unwrap();
        // More than the socket takes at once.
        let piece = Bytes::from(vec![b'x'; 8 << 20]);
        let mut expected = Vec::new();
        for _ in 0..2 {
            packets.output(4).extend_from_slice(b"head");
            packets.push(piece.clone());
            packets.push(Bytes::from_static(b"end"));
            expected.extend_from_slice(b"head");
            expected.extend_from_slice(&piece);
            expected.extend_from_slice(b"end");
        }
        assert_eq!(packets.waiting(), expected.len());
        assert!(!packets.rest());
        let mut read = vec![0; expected.len()];
        let (flushed, _) = tokio::join!(
            poll_fn(|cx| packets.poll_flush(cx)),
            member.read_exact(&mut read)
        );
        flushed.unwrap();
        assert!(read == expected);
        assert_eq!(packets.waiting(), 0);
        assert!(packets.rest());
    }

    /// An answer is read in one long read where the one before came in long reads; behind a short one the buffer is small again.
    #[tokio::test]
    async fn the_buffer_is_as_long_as_the_answer_before_wants_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await;
        let mut packets = Packets::new(stream.unwrap(), PacketSize::DEFAULT);
        let (mut member, _) = listener.accept().await.unwrap();
        for (length, least_room) in [(40_960, 1), (7, LARGE_READ), (7, 1), (7, 1)] {
            let mut missing = length;
            member.write_all(&vec![b'x'; length]).await.unwrap();
            while missing > 0 {
                missing -= poll_fn(|cx| packets.poll_read(cx)).await.unwrap();
                let capacity = packets.input.capacity();
                assert!(capacity >= least_room, "{capacity} for {length}");
                assert!(least_room > 1 || length > 7 || capacity < LARGE_READ);
            }
            packets.input.clear();
            assert!(packets.rest());
        }
    }
}
