//! The AJP13 data types: bytes, 16-bit integers and strings, big-endian.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

use crate::error::Malformed;

/// The length field of the null string, which has no bytes and no NUL.
pub(crate) const NULL: u16 = 0xFFFF;

/// A string of a packet: `None` is the null string, which differs from the empty string.
pub(crate) type WireString = Option<Bytes>;

/// Reads the fields of a payload in order. Every read is checked against the payload's end.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    payload: &'a Bytes,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(payload: &'a Bytes) -> Self {
        Self { payload, at: 0 }
    }

    pub(crate) const fn remaining(&self) -> usize {
        self.payload.len().saturating_sub(self.at)
    }

    pub(crate) const fn position(&self) -> usize {
        self.at
    }

    /// The next `count` bytes as a range of the payload.
    fn take(&mut self, count: usize) -> Result<Range<usize>, Malformed> {
        let end = self.at.checked_add(count).ok_or(Malformed::Truncated)?;
        if end > self.payload.len() {
            return Err(Malformed::Truncated);
        }
        let range = self.at..end;
        self.at = end;
        Ok(range)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        let byte = self
            .payload
            .get(self.at)
            .copied()
            .ok_or(Malformed::Truncated)?;
        self.at = self.at.saturating_add(1);
        Ok(byte)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, Malformed> {
        // Tomcat and mod_jk read every value except 0 as true.
        self.u8().map(|byte| byte != 0)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes([self.u8()?, self.u8()?]))
    }

    /// The next byte, without consuming it.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.payload.get(self.at).copied()
    }

    /// The next `count` bytes, which share the packet's memory.
    pub(crate) fn bytes(&mut self, count: usize) -> Result<Bytes, Malformed> {
        let range = self.take(count)?;
        Ok(self.payload.slice(range))
    }

    /// The position of the next string's text in the payload; `None` for the null string.
    pub(crate) fn string_range(&mut self) -> Result<Option<Range<usize>>, Malformed> {
        let length = self.u16()?;
        if length == NULL {
            return Ok(None);
        }
        let range = self.take(usize::from(length))?;
        match self.u8()? {
            0 => Ok(Some(range)),
            _ => Err(Malformed::Unterminated),
        }
    }

    pub(crate) fn string(&mut self) -> Result<WireString, Malformed> {
        Ok(self.string_range()?.map(|range| self.payload.slice(range)))
    }

    /// Ends the payload. Bytes that are left over are an error: the two ends disagree about the packet.
    pub(crate) const fn finish(&self) -> Result<(), Malformed> {
        match self.remaining() {
            0 => Ok(()),
            rest => Err(Malformed::Trailing(rest)),
        }
    }
}

/// Writes a string with its length and NUL. Callers check the packet size first, so that a text is never longer than
/// the 65,534 bytes at which it would be cut.
#[inline]
pub(crate) fn put_string(out: &mut BytesMut, text: &[u8]) {
    let length = u16::try_from(text.len()).unwrap_or(NULL.saturating_sub(1));
    let text = text.get(..usize::from(length)).unwrap_or(text);
    out.put_u16(length);
    out.extend_from_slice(text);
    out.put_u8(0);
}

/// Writes a string or the null string.
pub(crate) fn put_wire_string(out: &mut BytesMut, text: Option<&Bytes>) {
    match text {
        Some(text) => put_string(out, text),
        None => out.put_u16(NULL),
    }
}

/// Whether a text contains CR, LF or NUL, which would end a line or a C string at the peer.
///
/// Texts are short: eight bytes at a time take fewer instructions than a call of memchr. What is found so is looked at byte by
/// byte: it may be a tab or another control character.
pub(crate) fn has_control(text: &[u8]) -> bool {
    const HIGH_BITS: u64 = u64::from_ne_bytes([0x80; 8]);
    const BEHIND_CR: u64 = u64::from_ne_bytes([b'\r' + 1; 8]);
    let is_control = |byte: &u8| matches!(byte, 0 | b'\r' | b'\n');
    // The high bit of a byte changes from 0 to 1 where the byte is no greater than CR.
    let changed = |word: &[u8; 8]| {
        let word = u64::from_ne_bytes(*word);
        word.wrapping_sub(BEHIND_CR) & !word
    };
    let Some(last) = text.last_chunk() else {
        return text.iter().any(is_control);
    };
    // The last eight bytes may be some of those before them too.
    let (words, _) = text.as_chunks();
    let changed = words
        .iter()
        .fold(changed(last), |all, word| all | changed(word));
    changed & HIGH_BITS != 0 && text.iter().any(is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_read_back_as_written() {
        for text in [None, Some(Bytes::new()), Some(Bytes::from_static(b"abc"))] {
            let mut out = BytesMut::new();
            put_wire_string(&mut out, text.as_ref());
            let bytes = out.freeze();
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.string(), Ok(text));
            assert_eq!(reader.finish(), Ok(()));
        }
    }

    #[test]
    fn a_control_character_is_found_at_every_place() {
        for length in 0..40 {
            let text = vec![0xFF; length];
            assert!(!has_control(&text));
            for (place, byte) in
                (0..length).flat_map(|place| [0, b'\r', b'\n'].map(|byte| (place, byte)))
            {
                let mut text = text.clone();
                text[place] = byte;
                assert!(has_control(&text), "{byte} at {place} of {length}");
            }
        }
        for byte in 0..=255 {
            let expected = matches!(byte, 0 | b'\r' | b'\n');
            assert_eq!(
                has_control(&[b'a', byte, byte, b'a', 1, 0x80, byte, b'a', b'b']),
                expected
            );
        }
    }

    #[test]
    fn strings_have_their_exact_bytes() {
        let mut out = BytesMut::new();
        put_string(&mut out, b"");
        put_string(&mut out, b"abc");
        put_wire_string(&mut out, None);
        assert_eq!(&out[..], b"\0\0\0\0\x03abc\0\xff\xff");
    }

    #[test]
    fn a_control_character_is_found_wherever_it_stands() {
        for length in 0..70 {
            let mut text = vec![b'a'; length];
            assert!(!has_control(&text), "{length} bytes");
            for at in 0..length {
                for control in [0, b'\r', b'\n'] {
                    text[at] = control;
                    assert!(has_control(&text), "{control} at {at} of {length} bytes");
                }
                text[at] = b'a';
            }
        }
    }

    #[test]
    fn a_field_past_the_end_of_the_payload_is_an_error() {
        for (bytes, error) in [
            (&b"\0"[..], Malformed::Truncated),
            (b"\0\x04abc", Malformed::Truncated),
            (b"\0\x03abc", Malformed::Truncated),
            (b"\xff\xfeabc\0", Malformed::Truncated),
            (b"\0\x03abc!", Malformed::Unterminated),
        ] {
            let bytes = Bytes::from_static(bytes);
            assert_eq!(Reader::new(&bytes).string(), Err(error), "{bytes:?}");
        }
        let bytes = Bytes::from_static(b"\0\0\0!");
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.string(), Ok(Some(Bytes::new())));
        assert_eq!(reader.finish(), Err(Malformed::Trailing(1)));
    }
}
