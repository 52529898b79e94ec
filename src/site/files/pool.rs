//! Buffers that files are read into. They are kept by each thread, so that none is filled with zeros or given back to the
//! system for each piece.

use std::cell::RefCell;

use bytes::Bytes;

/// Bytes of a buffer: the most that is read at once. The front takes no more of an answer while so much of it waits for
/// the client.
pub(super) const LARGEST: usize = 64 * 1024;

/// Buffers that a thread keeps: 1 MiB.
const KEPT: usize = 16;

thread_local! {
    static KEPT_HERE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of [`LARGEST`] bytes, which goes back to the thread that drops it.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    filled: usize,
}

impl Buffer {
    /// One that is kept, or a new one. What is in it is not meant for anybody.
    pub(super) fn take() -> Self {
        let kept = KEPT_HERE.with_borrow_mut(Vec::pop);
        Self {
            bytes: kept.unwrap_or_else(|| vec![0; LARGEST]),
            filled: 0,
        }
    }

    /// Room for so many bytes, at most [`LARGEST`].
    pub(super) fn room(&mut self, most: usize) -> &mut [u8] {
        let most = most.min(self.bytes.len());
        self.bytes.get_mut(..most).unwrap_or_default()
    }

    /// The first bytes of it, which were read.
    pub(super) fn into_bytes(mut self, filled: usize) -> Bytes {
        self.filled = filled;
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        // A thread that ends keeps nothing.
        let _ = KEPT_HERE.try_with(|kept| {
            let mut kept = kept.borrow_mut();
            if kept.len() < KEPT {
                kept.push(bytes);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_read_is_seen_of_a_buffer() {
        let mut first = Buffer::take();
        first.room(6).copy_from_slice(b"secret");
        assert_eq!(first.into_bytes(6), &b"secret"[..]);
        let mut second = Buffer::take();
        assert_eq!(second.room(100).len(), 100);
        assert_eq!(second.room(usize::MAX).len(), LARGEST);
        second.room(2).copy_from_slice(b"ok");
        assert_eq!(second.into_bytes(2), &b"ok"[..]);
        assert_eq!(Buffer::take().into_bytes(0), &b""[..]);
    }

    #[test]
    fn a_thread_keeps_a_bounded_number_of_buffers() {
        let many: Vec<_> = (0..3 * KEPT).map(|_| Buffer::take()).collect();
        drop(many);
        assert_eq!(KEPT_HERE.with_borrow(Vec::len), KEPT);
    }
}
