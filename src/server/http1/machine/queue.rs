//! Bytes on their way to a client.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf as _, Bytes};

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
    /// Heads, framing and small pieces. The first `sent` bytes have been written.
    text: Vec<u8>,
    sent: usize,
    /// Large pieces, each with its place: behind so many bytes of `text`.
    pieces: VecDeque<(usize, Bytes)>,
    /// Bytes that are waiting.
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
    pub(crate) fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.text.len();
        if self.text.capacity() == 0 {
            self.text.reserve(FIRST);
        }
        write(&mut self.text);
        self.length += self.text.len().saturating_sub(before);
    }

    /// Appends a piece of a body.
    pub(crate) fn push(&mut self, piece: Bytes) {
        self.length += piece.len();
        if piece.len() <= COPIED {
            self.text.extend_from_slice(&piece);
        } else {
            self.pieces.push_back((self.text.len(), piece));
        }
    }

    /// Frees the buffer, if nothing is waiting.
    pub(crate) fn rest(&mut self) {
        if self.is_empty() {
            self.text = Vec::new();
        }
    }

    /// Fills in the slices of what is waiting, as far as there is room; returns their number.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut begin = self.sent;
        let pieces = self.pieces.iter().flat_map(|(place, piece)| {
            let before = begin..*place;
            begin = *place;
            [self.text.get(before).unwrap_or_default(), piece]
        });
        let last = self.pieces.back().map_or(self.sent, |(place, _)| *place);
        let behind = self.text.get(last..).unwrap_or_default();
        let waiting = pieces.chain([behind]).filter(|bytes| !bytes.is_empty());
        let mut count = 0;
        for (slice, bytes) in slices.iter_mut().zip(waiting) {
            *slice = IoSlice::new(bytes);
            count += 1;
        }
        count
    }

    /// So many bytes have been written.
    pub(crate) fn advance(&mut self, mut written: usize) {
        self.length = self.length.saturating_sub(written);
        if self.length == 0 {
            self.clear();
            return;
        }
        while let Some((place, piece)) = self.pieces.front_mut() {
            let text = written.min(place.saturating_sub(self.sent));
            self.sent += text;
            let here = (written - text).min(piece.len());
            piece.advance(here);
            written -= text + here;
            if !piece.is_empty() {
                break;
            }
            self.pieces.pop_front();
        }
        self.sent += written;
        self.forget_sent();
    }

    /// The whole buffer is free again.
    fn clear(&mut self) {
        self.pieces.clear();
        self.sent = 0;
        match self.text.capacity() {
            0..=KEPT => self.text.clear(),
            _ => self.text = Vec::new(),
        }
    }

    /// A client that never takes all that is waiting must not make the buffer grow.
    fn forget_sent(&mut self) {
        if self.sent > KEPT {
            self.text.drain(..self.sent.min(self.text.len()));
            for (place, _) in &mut self.pieces {
                *place = place.saturating_sub(self.sent);
            }
            self.sent = 0;
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

    #[test]
    fn a_client_that_never_takes_all_does_not_make_the_buffer_grow() {
        let mut queue = Queue::default();
        let (mut expected, mut taken) = (Vec::new(), Vec::new());
        for number in 0..2000_usize {
            let size = if number % 5 == 0 { COPIED + 1 } else { 500 };
            let piece = vec![u8::try_from(number % 251).unwrap(); size];
            queue.append(|out| out.extend_from_slice(b"\r\n"));
            expected.extend_from_slice(b"\r\n");
            expected.extend_from_slice(&piece);
            queue.push(Bytes::from(piece));
            // One byte always stays.
            let written = queue.len() - 1;
            taken.extend_from_slice(&waiting(&queue)[..written]);
            queue.advance(written);
        }
        taken.extend(waiting(&queue));
        assert!(queue.text.capacity() <= 4 * KEPT);
        assert!(taken == expected);
    }
}
