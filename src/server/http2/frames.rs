//! Finds the frames in the bytes of a client (RFC 9113 section 4.1). Of what is in them only the beginning of header blocks is
//! read ([`SizeUpdates`]). No socket, no clock.

use super::size_updates::SizeUpdates;
use crate::framing::Preface;

/// Bytes of a frame's header.
pub(super) const HEADER: usize = 9;

/// Types of frames (RFC 9113 section 6).
pub(super) mod kind {
    pub(in super::super) const DATA: u8 = 0;
    pub(in super::super) const HEADERS: u8 = 1;
    pub(in super::super) const RST_STREAM: u8 = 3;
    pub(in super::super) const SETTINGS: u8 = 4;
    pub(in super::super) const PING: u8 = 6;
    pub(in super::super) const CONTINUATION: u8 = 9;
}

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// What the header of a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    /// 0 for the connection.
    pub(super) stream: u32,
    /// Bytes of its payload.
    pub(super) length: usize,
}

impl Frame {
    fn parse(header: [u8; HEADER]) -> Self {
        let [l1, l2, l3, kind, flags, s1, s2, s3, s4] = header;
        let length = u32::from_be_bytes([0, l1, l2, l3]);
        Self {
            kind,
            flags,
            stream: u32::from_be_bytes([s1 & 0x7f, s2, s3, s4]),
            length: usize::try_from(length).unwrap_or(usize::MAX),
        }
    }

    /// Whether a header block begins or goes on in it, and is not complete at its end.
    pub(super) const fn leaves_block_open(self) -> bool {
        matches!(self.kind, kind::HEADERS | kind::CONTINUATION) && self.flags & END_HEADERS == 0
    }

    /// Bytes of HEADERS in front of the header block: the length of the padding, and a priority (RFC 9113 section 6.2).
    fn before_block(self) -> usize {
        let has = |flag| usize::from(self.flags & flag != 0);
        has(PADDED) + 5 * has(PRIORITY)
    }

    /// Whether it is the last frame of its stream.
    pub(super) const fn ends_stream(self) -> bool {
        matches!(self.kind, kind::DATA | kind::HEADERS) && self.flags & END_STREAM != 0
    }
}

/// Where the frames of a connection begin and end.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// Bytes of the connection preface that have come.
    preface: usize,
    header: [u8; HEADER],
    /// Bytes of `header` that have come.
    filled: usize,
    /// The frame whose payload is incomplete.
    current: Option<Frame>,
    /// Bytes that its payload lacks.
    left: usize,
    /// Of the header block that began last.
    size_updates: SizeUpdates,
}

impl Frames {
    /// Takes the next bytes, and hands each frame to `seen` when its header is complete. Returns whether a frame has ended.
    pub(super) fn read(&mut self, mut bytes: &[u8], mut seen: impl FnMut(Frame)) -> bool {
        let skipped = bytes.len().min(Preface::LENGTH - self.preface);
        self.preface += skipped;
        bytes = bytes.get(skipped..).unwrap_or_default();
        let mut ended = false;
        while !bytes.is_empty() {
            if self.current.is_some() {
                let taken = self.left.min(bytes.len());
                let (payload, rest) = bytes.split_at_checked(taken).unwrap_or_default();
                self.left -= taken;
                bytes = rest;
                self.size_updates.read(payload);
            } else {
                let taken = bytes.len().min(HEADER - self.filled);
                let (now, rest) = bytes.split_at_checked(taken).unwrap_or_default();
                if let Some(room) = self.header.get_mut(self.filled..self.filled + taken) {
                    room.copy_from_slice(now);
                }
                self.filled += taken;
                bytes = rest;
                if self.filled == HEADER {
                    let frame = Frame::parse(self.header);
                    (self.current, self.left, self.filled) = (Some(frame), frame.length, 0);
                    match frame.kind {
                        kind::HEADERS => self.size_updates.begin(frame.before_block()),
                        kind::CONTINUATION => {}
                        _ => self.size_updates.end(),
                    }
                    seen(frame);
                }
            }
            if self.current.is_some() && self.left == 0 {
                self.current = None;
                ended = true;
            }
        }
        ended
    }

    /// Whether a header block has more updates of the table size than a client has reason to send.
    pub(super) const fn updates_too_often(&self) -> bool {
        self.size_updates.are_too_many()
    }

    /// The frame of which only a part has come, if its header has, and how many bytes of its payload have.
    pub(super) fn current(&self) -> Option<(Frame, usize)> {
        let frame = self.current?;
        Some((frame, frame.length.saturating_sub(self.left)))
    }

    /// Whether no part of a frame has come.
    pub(super) const fn is_between(&self) -> bool {
        self.filled == 0 && self.current.is_none()
    }

    /// Whether a part of a frame has come that is not known to be DATA.
    pub(super) fn owes_control(&self) -> bool {
        self.filled > 0 || self.current.is_some_and(|frame| frame.kind != kind::DATA)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, length: usize) -> Vec<u8> {
        let mut bytes = u32::try_from(length).unwrap().to_be_bytes()[1..].to_vec();
        bytes.extend([kind, flags]);
        bytes.extend(stream.to_be_bytes());
        bytes.resize(HEADER + length, 0xff);
        bytes
    }

    #[test]
    fn frames_are_found_behind_the_preface() {
        let bytes = [Preface::BYTES, &frame(4, 0, 0, 0), &frame(1, 4, 1, 3)].concat();
        let mut frames = Frames::default();
        let mut seen = Vec::new();
        assert!(frames.read(&bytes, |frame| seen.push((
            frame.kind,
            frame.stream,
            frame.length
        ))));
        assert_eq!(seen, [(4, 0, 0), (1, 1, 3)]);
        assert!(frames.is_between() && !frames.owes_control());
    }

    #[test]
    fn what_is_incomplete_is_known() {
        let mut frames = Frames::default();
        frames.read(Preface::BYTES, |_| {});
        let data = frame(kind::DATA, 0, 5, 10);
        assert!(!frames.read(&data[..4], |_| {}));
        assert!(frames.owes_control() && frames.current().is_none());
        assert!(!frames.read(&data[4..12], |_| {}));
        assert!(!frames.owes_control());
        let (current, received) = frames.current().unwrap();
        assert_eq!((current.stream, received), (5, 3));
        assert!(frames.read(&data[12..], |_| {}));
        frames.read(&frame(kind::HEADERS, 0, 7, 5)[..12], |frame| {
            assert!(frame.leaves_block_open() && !frame.ends_stream());
        });
        assert!(frames.owes_control());
    }

    proptest! {
        /// However the bytes are cut, the same frames are found.
        #[test]
        fn frames_are_found_in_bytes_that_come_in_pieces(
            list in prop::collection::vec((any::<u8>(), any::<u8>(), 0_u32..1 << 31, 0_usize..40), 0..10),
            cut in 1_usize..30,
        ) {
            let mut bytes = Preface::BYTES.to_vec();
            for (kind, flags, stream, length) in &list {
                bytes.extend(frame(*kind, *flags, *stream, *length));
            }
            let (mut frames, mut seen, mut ended) = (Frames::default(), Vec::new(), false);
            for piece in bytes.chunks(cut) {
                ended = frames.read(piece, |it| seen.push((it.kind, it.flags, it.stream, it.length)));
            }
            prop_assert_eq!(ended, !list.is_empty());
            prop_assert_eq!(seen, list);
            prop_assert!(frames.is_between() && !frames.owes_control());
        }
    }
}
