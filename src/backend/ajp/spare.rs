//! Buffers for reading that no connection of this core needs at the moment. So a connection that is idle has none, and an answer
//! of usual size takes no new memory.

use std::cell::RefCell;

use bytes::BytesMut;

/// Bytes of a buffer: the head of an answer and two packets of 8 KiB, which most pages fit into.
pub(super) const SIZE: usize = 20 * 1024;

/// Most buffers that are kept.
const MOST: usize = 4;

thread_local! {
    static SPARE: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer of [`SIZE`].
pub(super) fn take() -> BytesMut {
    let mut buffer = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
    // Somebody may still read a slice of it.
    if !buffer.try_reclaim(SIZE) {
        buffer = BytesMut::with_capacity(SIZE);
    }
    buffer
}

/// Keeps a buffer that [`take`] has returned, unless there are enough.
pub(super) fn put(mut buffer: BytesMut) {
    buffer.clear();
    SPARE.with_borrow_mut(|spare| {
        if spare.len() < MOST {
            spare.push(buffer);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_once_nobody_reads_it_any_more() {
        let mut buffer = take();
        buffer.extend_from_slice(b"an answer");
        let slice = buffer.split_to(9).freeze();
        let place = slice.as_ptr();
        put(buffer);
        let mut buffer = take();
        assert_ne!(buffer.as_ptr(), place);
        assert_eq!(&slice[..], b"an answer");

        buffer.extend_from_slice(b"another");
        let place = buffer.split_to(7).as_ptr();
        put(buffer);
        let again = take();
        assert_eq!(again.as_ptr(), place);
        assert!(again.is_empty() && again.capacity() >= SIZE);
    }

    #[test]
    fn few_buffers_are_kept() {
        for buffer in (0..2 * MOST).map(|_| take()).collect::<Vec<_>>() {
            put(buffer);
        }
        assert_eq!(SPARE.with_borrow(Vec::len), MOST);
    }
}
