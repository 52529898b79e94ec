//! Bytes on their way to a client.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf as _, Bytes, BytesMut};

/// Pieces of a body up to this length in bytes are copied behind what is waiting: one write of one slice costs less than
/// a write of several.
const COPIED: usize = 4 * 1024;

/// Bytes of a new buffer: the head of an answer and a small body.
const FIRST: usize = 4 * 1024;

/// Bytes of buffer that are kept while nothing is waiting.
const KEPT: usize = 8 * 1024;

/// What is waiting to be written, in order. Large pieces of a body are not copied.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Pieces before `tail`.
    pieces: VecDeque<Bytes>,
    /// Heads, framing and small pieces, behind `pieces`.
    tail: BytesMut,
    /// Bytes in both.
    length: usize,
}

impl Queue {
    /// Bytes that are waiting.
    pub(crate) const fn len(&self) -> usize {
        self.length
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Has `write` append to what is waiting.
    pub(crate) fn append(&mut self, write: impl FnOnce(&mut BytesMut)) {
        let before = self.tail.len();
        if self.tail.capacity() == 0 {
            self.tail.reserve(FIRST);
        }
        write(&mut self.tail);
        self.length += self.tail.len().saturating_sub(before);
    }

    /// Appends a piece of a body.
    pub(crate) fn push(&mut self, piece: Bytes) {
        self.length += piece.len();
        if piece.len() <= COPIED {
            self.tail.extend_from_slice(&piece);
            return;
        }
        if !self.tail.is_empty() {
            self.pieces.push_back(self.tail.split().freeze());
        }
        self.pieces.push_back(piece);
    }

    /// Frees the buffer, if nothing is waiting.
    pub(crate) fn rest(&mut self) {
        if self.is_empty() {
            self.tail = BytesMut::new();
        }
    }

    /// Fills in the slices of what is waiting, as far as there is room; returns their number.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let waiting = self.pieces.iter().map(|piece| &piece[..]);
        let waiting = waiting.chain(Some(&self.tail[..]).filter(|tail| !tail.is_empty()));
        let mut count = 0;
        for (place, bytes) in slices.iter_mut().zip(waiting) {
            *place = IoSlice::new(bytes);
            count += 1;
        }
        count
    }

    /// So many bytes have been written.
    pub(crate) fn advance(&mut self, mut written: usize) {
        self.length = self.length.saturating_sub(written);
        while written > 0
            && let Some(first) = self.pieces.front_mut()
        {
            let here = written.min(first.len());
            written -= here;
            first.advance(here);
            if first.is_empty() {
                self.pieces.pop_front();
            }
        }
        self.tail.advance(written.min(self.tail.len()));
        if self.length == 0 {
            // The whole buffer is free again.
            match self.tail.capacity() {
                0..=KEPT => self.tail.clear(),
                _ => self.tail = BytesMut::new(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(queue: &Queue) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 16];
        let count = queue.slices(&mut slices);
        let slices = slices[..count].iter().map(|slice| &**slice);
        slices.collect::<Vec<_>>().concat()
    }

    #[test]
    fn bytes_leave_in_the_order_in_which_they_came() {
        let large = Bytes::from(vec![b'x'; COPIED + 1]);
        for step in [1, 3, 1000, 10_000] {
            let mut queue = Queue::default();
            queue.append(|out| out.extend_from_slice(b"head"));
            queue.push(Bytes::from_static(b"small"));
            queue.push(large.clone());
            queue.append(|out| out.extend_from_slice(b"\r\n"));
            let expected = [&b"headsmall"[..], &large, b"\r\n"].concat();
            assert_eq!(queue.len(), expected.len());
            let mut gone = 0;
            while !queue.is_empty() {
                assert_eq!(waiting(&queue), expected[gone..]);
                let written = step.min(queue.len());
                queue.advance(written);
                gone += written;
            }
            assert_eq!(gone, expected.len());
            assert!(waiting(&queue).is_empty());
        }
    }
}
