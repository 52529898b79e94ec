//! Counts the updates of the dynamic table's size in front of a header block (RFC 7541 sections 4.2 and 6.3). No socket, no
//! clock.
//!
//! Each takes one byte, tells nothing, and costs `h2` about as much as a field, which has a limit. A client has reason for two:
//! the smallest size since the block before, and the last one.

/// Updates of one block.
const MOST: u8 = 2;

/// Where the updates of a header block begin and end.
#[derive(Debug, Default)]
pub(super) struct SizeUpdates {
    at: At,
    /// So far.
    count: u8,
}

#[derive(Debug, Default, Clone, Copy)]
enum At {
    /// So many bytes come before the block.
    Before(usize),
    /// The next byte begins an update, or the fields.
    Start,
    /// In an update whose size takes several bytes (RFC 7541 section 5.1).
    Size,
    /// No update can follow.
    #[default]
    Over,
}

impl SizeUpdates {
    /// HEADERS begin, with so many bytes before the block. A block goes on in CONTINUATION.
    pub(super) const fn begin(&mut self, before: usize) {
        self.at = At::Before(before);
        self.count = 0;
    }

    /// A frame of another kind begins.
    pub(super) const fn end(&mut self) {
        self.at = At::Over;
    }

    /// The next bytes of the payload.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            match self.at {
                At::Before(left) if left > 0 => self.at = At::Before(left - 1),
                // The highest bit says that more bytes follow.
                At::Size if first & 0x80 != 0 => {}
                At::Size => self.at = At::Start,
                At::Before(_) | At::Start => {
                    self.at = match first {
                        0x3f => At::Size,
                        0x20..0x3f => At::Start,
                        _ => return self.end(),
                    };
                    self.count = self.count.saturating_add(1);
                }
                At::Over => return,
            }
            bytes = rest;
        }
    }

    /// Whether a client has no reason for so many.
    pub(super) const fn are_too_many(&self) -> bool {
        self.count > MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updates_in_front_of_a_block_are_counted() {
        for (before, block, count) in [
            (0, &[0x82][..], 0),
            (0, &[0x20, 0x3e, 0x82], 2),
            // A size of several bytes.
            (0, &[0x3f, 0xa0, 0x1f, 0x20, 0x82], 2),
            (0, &[0x20, 0x20, 0x20, 0x82], 3),
            (0, &[0x20; 300], 255),
            // Behind a field there is none: `h2` ends the connection.
            (0, &[0x20, 0x82, 0x20, 0x20], 1),
            // The length of the padding and a priority stand before the block.
            (1, &[0x20, 0x20, 0x82], 1),
            (6, &[0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x82], 0),
        ] {
            for cut in 1..=block.len() {
                let mut updates = SizeUpdates::default();
                updates.begin(before);
                block.chunks(cut).for_each(|piece| updates.read(piece));
                assert_eq!(updates.count, count, "{before} {block:?} {cut}");
                assert_eq!(updates.are_too_many(), count > 2);
            }
        }
    }

    #[test]
    fn other_frames_have_none() {
        let mut updates = SizeUpdates::default();
        updates.read(&[0x20; 9]);
        updates.begin(0);
        updates.end();
        updates.read(&[0x20; 9]);
        assert_eq!(updates.count, 0);
    }
}
