//! What the bytes are that `h2` writes: parts of answers, and refusals of streams beyond `limits.max_streams` (RFC 9113
//! section 5.1.2), of which it tells nobody. No socket, no clock.

use super::frames::{HEADER, kind};

/// Bytes of an error code.
const CODE: usize = 4;

/// REFUSED_STREAM (RFC 9113 section 7).
const REFUSED_STREAM: [u8; CODE] = 7_u32.to_be_bytes();

/// Where the frames of the gateway begin and end.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// The header of a frame, and the error code of RST_STREAM behind it.
    start: [u8; HEADER + CODE],
    /// Bytes of `start` that have come.
    filled: usize,
    /// Bytes of the frame that are left.
    left: usize,
}

/// What was in some bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// How many RST_STREAM with REFUSED_STREAM have ended in them.
    pub(super) refused: u64,
    /// Whether bytes of a body were among them.
    pub(super) data: bool,
}

impl Written {
    /// Takes the next bytes.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Seen {
        let mut seen = Seen::default();
        while !bytes.is_empty() {
            let taken = match self.left {
                0 => self.fill(bytes),
                left => {
                    let [_, _, _, kind, ..] = self.start;
                    seen.data |= kind == kind::DATA;
                    left.min(bytes.len())
                }
            };
            self.left = self.left.saturating_sub(taken);
            bytes = bytes.get(taken..).unwrap_or_default();
            if self.left > 0 {
                continue;
            }
            let [l1, l2, l3, kind, _, _, _, _, _, code @ ..] = self.start;
            match self.filled {
                HEADER if kind != kind::RST_STREAM => {
                    let length = u32::from_be_bytes([0, l1, l2, l3]);
                    self.left = usize::try_from(length).unwrap_or(usize::MAX);
                    self.filled = 0;
                }
                filled if filled == self.start.len() => {
                    seen.refused += u64::from(code == REFUSED_STREAM);
                    self.filled = 0;
                }
                _ => {}
            }
        }
        seen
    }

    /// Copies what is missing of `start`, and returns how many bytes. What stands behind the header is an error code only in
    /// RST_STREAM, so the header is looked at first.
    fn fill(&mut self, bytes: &[u8]) -> usize {
        let end = match self.filled < HEADER {
            true => HEADER,
            false => self.start.len(),
        };
        let taken = bytes.len().min(end - self.filled);
        let room = self.start.get_mut(self.filled..self.filled + taken);
        if let (Some(room), Some(now)) = (room, bytes.get(..taken)) {
            room.copy_from_slice(now);
        }
        self.filled += taken;
        taken
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
        bytes.extend([kind, 0, 0, 0, 0, 1]);
        bytes.extend(payload);
        bytes
    }

    proptest! {
        /// However the bytes are cut, and whatever else is written.
        #[test]
        fn refused_streams_are_counted(
            list in prop::collection::vec((0_u8..10, 0_usize..40, any::<bool>()), 0..20),
            cut in 1_usize..30,
        ) {
            let (mut bytes, mut expected) = (Vec::new(), 0);
            for (kind, length, refused) in list {
                bytes.extend(match kind {
                    kind::RST_STREAM => {
                        expected += u64::from(refused);
                        frame(kind, &[0, 0, 0, if refused { 7 } else { 8 }])
                    }
                    // What looks like such a frame in a payload is none.
                    _ => frame(kind, &frame(kind::RST_STREAM, &[0, 0, 0, 7]).repeat(length)),
                });
            }
            let mut written = Written::default();
            let counted: u64 = bytes.chunks(cut).map(|piece| written.read(piece).refused).sum();
            prop_assert_eq!(counted, expected);
        }
    }
}
