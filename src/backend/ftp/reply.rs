//! Replies of a server (RFC 959 section 4.2): bytes to code and text. Pure, and bounded in every direction.

use bytes::{Buf as _, BytesMut};

use super::fault::FtpFault;

/// Longest line of a reply, in bytes. A path may be 4096 bytes long, and PWD names one.
pub(super) const LINE_MAX: usize = 8 * 1024;

/// Longest reply, in bytes: banners have been seen with a hundred lines.
pub(super) const REPLY_MAX: usize = 64 * 1024;

/// Most lines of a reply.
pub(super) const LINES_MAX: usize = 1024;

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// 100 to 599.
    pub(super) code: u16,
    /// What stands behind the code in the first line and in the last; the same when there is one.
    pub(super) first: Vec<u8>,
    pub(super) last: Vec<u8>,
}

impl Reply {
    /// Whether another one will follow: a transfer has begun.
    pub(super) const fn is_preliminary(&self) -> bool {
        self.code < 200
    }

    /// Whether the server does not know the command, or not its argument (500 to 504): it may know another.
    pub(super) const fn is_unknown_command(&self) -> bool {
        matches!(self.code, 500..=504)
    }

    /// The texts in which something may stand, the last one first.
    pub(super) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        [self.last.as_slice(), self.first.as_slice()].into_iter()
    }
}

/// Takes replies out of a buffer. Where the bytes were cut on their way makes no difference.
#[derive(Debug, Default)]
pub(super) struct ReplyReader {
    /// The first line of a reply of several.
    open: Option<(u16, Vec<u8>)>,
    /// Lines and bytes of the reply so far.
    lines: usize,
    bytes: usize,
    /// How much of the buffer holds no line end.
    searched: usize,
}

impl ReplyReader {
    /// Whether it is between two replies.
    pub(super) const fn is_idle(&self) -> bool {
        self.open.is_none()
    }

    /// The next reply; `None` when more bytes are needed.
    ///
    /// # Errors
    /// What is no reply, or too long for one. The connection is of no use any more then.
    pub(super) fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Reply>, FtpFault> {
        while let Some(line) = self.line(buffer)? {
            let (code, last) = match (parse(&line), &self.open) {
                // Whatever stands between the first line and the last is text.
                (Some((code, true, text)), Some((open, _))) if code == *open => (code, text),
                (_, Some(_)) => continue,
                (Some((code, true, text)), None) => (code, text),
                (Some((code, false, text)), None) => {
                    self.open = Some((code, text));
                    continue;
                }
                (None, None) => return Err(FtpFault::NoReply),
            };
            let first = match self.open.take() {
                Some((_, first)) => first,
                None => last.clone(),
            };
            (self.lines, self.bytes) = (0, 0);
            return Ok(Some(Reply { code, first, last }));
        }
        Ok(None)
    }

    /// The next line without its end.
    fn line(&mut self, buffer: &mut BytesMut) -> Result<Option<Vec<u8>>, FtpFault> {
        let unsearched = buffer.get(self.searched..).unwrap_or_default();
        let Some(at) = memchr::memchr(b'\n', unsearched) else {
            self.searched = buffer.len();
            // A line that does not end is not waited for any longer than one that does.
            return match buffer.len() > LINE_MAX {
                true => Err(FtpFault::LongReply),
                false => Ok(None),
            };
        };
        let end = self.searched.saturating_add(at);
        self.searched = 0;
        self.lines = self.lines.saturating_add(1);
        self.bytes = self.bytes.saturating_add(end);
        if end > LINE_MAX || self.bytes > REPLY_MAX || self.lines > LINES_MAX {
            return Err(FtpFault::LongReply);
        }
        let mut line = buffer.split_to(end).to_vec();
        buffer.advance(1);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Some(line))
    }
}

/// Code, whether it is the last line, and text.
fn parse(line: &[u8]) -> Option<(u16, bool, Vec<u8>)> {
    let (code, rest) = line.split_at_checked(3)?;
    let code = std::str::from_utf8(code).ok()?;
    if !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let code = code.parse().ok().filter(|code| (100..600).contains(code))?;
    match rest.split_first() {
        None => Some((code, true, Vec::new())),
        Some((b' ', text)) => Some((code, true, text.to_vec())),
        Some((b'-', text)) => Some((code, false, text.to_vec())),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(pieces: &[&[u8]]) -> (Vec<Reply>, Option<FtpFault>) {
        let (mut reader, mut buffer) = (ReplyReader::default(), BytesMut::new());
        let mut replies = Vec::new();
        for piece in pieces {
            buffer.extend_from_slice(piece);
            loop {
                match reader.decode(&mut buffer) {
                    Ok(Some(reply)) => replies.push(reply),
                    Ok(None) => break,
                    Err(fault) => return (replies, Some(fault)),
                }
            }
        }
        (replies, None)
    }

    fn said(text: &str) -> Vec<(u16, String, String)> {
        let (replies, fault) = all(&[text.as_bytes()]);
        assert_eq!(fault, None, "{text:?}");
        let text = |bytes| String::from_utf8(bytes).unwrap();
        replies
            .into_iter()
            .map(|reply| (reply.code, text(reply.first), text(reply.last)))
            .collect()
    }

    fn reply(code: u16, first: &str, last: &str) -> (u16, String, String) {
        (code, first.into(), last.into())
    }

    #[test]
    fn replies_of_one_line_and_of_several() {
        assert_eq!(said("220 Hello\r\n"), [reply(220, "Hello", "Hello")]);
        assert_eq!(said("200\n"), [reply(200, "", "")]);
        assert_eq!(
            said("150-a\r\n 226 not yet\r\n226 nor now\r\n150-nor\r\n150 z\r\n226 end\r\n"),
            [reply(150, "a", "z"), reply(226, "end", "end")]
        );
        assert_eq!(said("220-never ended\r\n220-\r\n"), []);
    }

    #[test]
    fn what_is_no_reply() {
        for text in [
            "\r\n",
            "22\r\n",
            "SSH-2.0\r\n",
            "099 x\r\n",
            "600 x\r\n",
            "2a0 x\r\n",
            "220x\r\n",
            "+20 x\r\n",
        ] {
            assert_eq!(
                all(&[text.as_bytes()]).1,
                Some(FtpFault::NoReply),
                "{text:?}"
            );
        }
    }

    #[test]
    fn lines_replies_and_their_number_are_bounded() {
        let longest = format!("220 {}\r\n", "x".repeat(LINE_MAX - 5));
        assert_eq!(all(&[longest.as_bytes()]).0.len(), 1);
        for text in [
            format!("220 {}\r\n", "x".repeat(LINE_MAX)),
            "x".repeat(LINE_MAX + 1),
            format!("220-\r\n{}", "a\r\n".repeat(LINES_MAX)),
            format!("220-\r\n{}", format!("{}\r\n", "y".repeat(8000)).repeat(9)),
        ] {
            assert_eq!(all(&[text.as_bytes()]).1, Some(FtpFault::LongReply));
        }
        // Each reply has room of its own.
        assert_eq!(
            all(&["220 x\r\n".repeat(20_000).as_bytes()]).0.len(),
            20_000
        );
    }

    proptest! {
        /// Any bytes, cut anywhere: the same replies, and never a panic.
        #[test]
        fn where_bytes_are_cut_makes_no_difference(
            lines in prop::collection::vec("(220|226|150|abc)?[ -]?[a-z\r\x00\u{e4}]{0,9}\r?\n?", 0..12),
            noise in prop::collection::vec(any::<u8>(), 0..20),
            cuts in prop::collection::vec(0_usize..160, 0..6),
        ) {
            let mut bytes = lines.concat().into_bytes();
            bytes.extend(noise);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at.min(bytes.len())).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut start = 0;
            for cut in cuts {
                pieces.push(&bytes[start..cut]);
                start = cut;
            }
            pieces.push(&bytes[start..]);
            prop_assert_eq!(all(&pieces), all(&[&bytes]));
        }
    }
}
