//! Replies of a server (RFC 959 section 4.2): a code of three digits and text, in one line or several.

use bytes::{Buf as _, BytesMut};

/// Longest line of a reply, in bytes. A path may have 4096 bytes, and the reply to PWD contains one.
pub const LINE_MAX: usize = 8 * 1024;

/// Longest reply, in bytes. Greetings with a hundred lines exist.
pub const REPLY_MAX: usize = 64 * 1024;

/// Most lines of a reply.
pub const LINES_MAX: usize = 1024;

/// Why the bytes of a server are not a reply. The connection cannot be read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadReply {
    /// The first line does not begin with a code from 100 to 599 and a space, a hyphen or the end of the line.
    #[error("a line that is no FTP reply")]
    NoCode,
    /// The reply exceeds [`LINE_MAX`], [`REPLY_MAX`] or [`LINES_MAX`].
    #[error("FTP reply too long")]
    TooLong,
}

/// One reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 100 to 599.
    pub code: u16,
    /// Text behind the code in the first line.
    pub first: Vec<u8>,
    /// Text behind the code in the last line. Equal to `first` when there is one line.
    pub last: Vec<u8>,
}

impl Reply {
    /// Whether another reply follows (1xx): a transfer has begun.
    #[must_use]
    pub const fn is_preliminary(&self) -> bool {
        self.code < 200
    }

    /// Whether the command was carried out (2xx).
    #[must_use]
    pub const fn is_positive(&self) -> bool {
        matches!(self.code, 200..=299)
    }

    /// Whether the server does not know the command or its argument (500 to 504).
    #[must_use]
    pub const fn is_unknown_command(&self) -> bool {
        matches!(self.code, 500..=504)
    }

    /// Whether the reply says that a transfer has ended well (226 or 250).
    #[must_use]
    pub const fn is_transfer_complete(&self) -> bool {
        matches!(self.code, 226 | 250)
    }

    /// The number of bytes in the reply to SIZE (RFC 3659 section 4). `None` for anything that is not a number below
    /// 10^19, which is the largest `Content-Length` that every HTTP client can read.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        let text = std::str::from_utf8(&self.last).ok()?.trim();
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let size: u64 = text.parse().ok().filter(|_| digits)?;
        (size < 10_000_000_000_000_000_000).then_some(size)
    }

    /// The first number in the text, as the minutes in `120 ready in 005 minutes`. `None` without one, and for one beyond three
    /// digits.
    #[must_use]
    pub fn number(&self) -> Option<u16> {
        let mut runs = self.first.split(|byte| !byte.is_ascii_digit());
        let digits = runs.find(|run| !run.is_empty())?;
        let digits = std::str::from_utf8(digits).ok()?;
        digits.parse().ok().filter(|number| *number < 1000)
    }

    /// The directory in the reply to PWD: the text between quotation marks, in which each of them is doubled (RFC 959
    /// appendix II). `None` unless it is an absolute path of at most 4096 bytes without CR and NUL.
    #[must_use]
    pub fn directory(&self) -> Option<Vec<u8>> {
        const DIRECTORY_MAX: usize = 4096;
        let start = memchr::memchr(b'"', &self.last)?.saturating_add(1);
        let mut rest = self.last.get(start..)?.iter().peekable();
        let mut name = Vec::new();
        loop {
            match *rest.next()? {
                b'"' if rest.next_if_eq(&&b'"').is_none() => break,
                byte => name.push(byte),
            }
        }
        let usable = name.starts_with(b"/")
            && name.len() <= DIRECTORY_MAX
            && !name.iter().any(|byte| matches!(byte, b'\r' | 0));
        usable.then_some(name)
    }
}

/// Takes replies out of a buffer. How the bytes were split on their way makes no difference.
///
/// ```text
///                   ┌──"226 text"──► a reply
///   between replies ┤
///                   └──"226-text"──► in a reply of several lines ──"226 text"──► a reply
///                                       └─ any other line: skipped ─┘
/// ```
#[derive(Debug, Default)]
pub struct ReplyReader {
    /// Code and text of the first line of a reply of several lines.
    open: Option<(u16, Vec<u8>)>,
    /// Lines of the reply so far.
    lines: usize,
    /// Bytes of the reply so far.
    bytes: usize,
    /// Bytes at the start of the buffer that are known to contain no line end.
    searched: usize,
}

impl ReplyReader {
    /// Whether no reply has been read in part.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.open.is_none()
    }

    /// Takes the next reply; `None` when more bytes are needed.
    ///
    /// # Errors
    /// For bytes that are no reply, and for a reply that exceeds a bound of this module.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Reply>, BadReply> {
        while let Some(line) = self.line(buffer)? {
            let (code, last) = match (parse(&line), &self.open) {
                (Some((code, End::Last, text)), Some((open, _))) if code == *open => (code, text),
                // Everything between the first line and the last is text, whatever it looks like.
                (_, Some(_)) => continue,
                (Some((code, End::Last, text)), None) => (code, text),
                (Some((code, End::More, text)), None) => {
                    self.open = Some((code, text));
                    continue;
                }
                (None, None) => return Err(BadReply::NoCode),
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

    /// Takes the next line, without its end.
    fn line(&mut self, buffer: &mut BytesMut) -> Result<Option<Vec<u8>>, BadReply> {
        let unsearched = buffer.get(self.searched..).unwrap_or_default();
        let Some(at) = memchr::memchr(b'\n', unsearched) else {
            self.searched = buffer.len();
            return match buffer.len() > LINE_MAX {
                true => Err(BadReply::TooLong),
                false => Ok(None),
            };
        };
        let end = self.searched.saturating_add(at);
        self.searched = 0;
        self.lines = self.lines.saturating_add(1);
        self.bytes = self.bytes.saturating_add(end);
        if end > LINE_MAX || self.bytes > REPLY_MAX || self.lines > LINES_MAX {
            return Err(BadReply::TooLong);
        }
        let mut line = buffer.split_to(end).to_vec();
        buffer.advance(1);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Some(line))
    }
}

/// Whether a line ends its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// `226 text`
    Last,
    /// `226-text`
    More,
}

/// Code, whether the line is the last one, and text.
fn parse(line: &[u8]) -> Option<(u16, End, Vec<u8>)> {
    let (code, rest) = line.split_at_checked(3)?;
    let code = std::str::from_utf8(code).ok()?;
    if !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let code = code.parse().ok().filter(|code| (100..600).contains(code))?;
    match rest.split_first() {
        None => Some((code, End::Last, Vec::new())),
        Some((b' ', text)) => Some((code, End::Last, text.to_vec())),
        Some((b'-', text)) => Some((code, End::More, text.to_vec())),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<(u16, String, String)>, BadReply> {
        let (mut reader, mut buffer) = (ReplyReader::default(), BytesMut::from(bytes));
        let mut replies = Vec::new();
        while let Some(reply) = reader.decode(&mut buffer)? {
            let text = |bytes| String::from_utf8(bytes).unwrap();
            replies.push((reply.code, text(reply.first), text(reply.last)));
        }
        Ok(replies)
    }

    fn reply(code: u16, first: &str, last: &str) -> (u16, String, String) {
        (code, first.into(), last.into())
    }

    fn with_text(text: &str) -> Reply {
        Reply {
            code: 200,
            first: Vec::new(),
            last: text.into(),
        }
    }

    #[test]
    fn replies_have_one_line_or_several() {
        for (bytes, expected) in [
            ("220 Hello\r\n", vec![reply(220, "Hello", "Hello")]),
            ("200\n", vec![reply(200, "", "")]),
            (
                "150-a\r\n 226 not yet\r\n226 nor now\r\n150-nor\r\n150 z\r\n226 end\r\n",
                vec![reply(150, "a", "z"), reply(226, "end", "end")],
            ),
            ("220-no last line\r\n220-\r\n", vec![]),
            ("220 no line end", vec![]),
        ] {
            assert_eq!(read(bytes.as_bytes()), Ok(expected), "{bytes:?}");
        }
    }

    #[test]
    fn a_first_line_without_a_code_is_no_reply() {
        for bytes in [
            "\r\n",
            "22\r\n",
            "SSH-2.0\r\n",
            "099 x\r\n",
            "600 x\r\n",
            "2a0 x\r\n",
            "220x\r\n",
            "+20 x\r\n",
        ] {
            assert_eq!(read(bytes.as_bytes()), Err(BadReply::NoCode), "{bytes:?}");
        }
    }

    #[test]
    fn bytes_of_a_line_bytes_of_a_reply_and_lines_are_bounded() {
        let longest = format!("220 {}\r\n", "x".repeat(LINE_MAX - 5));
        assert_eq!(read(longest.as_bytes()).unwrap().len(), 1);
        for bytes in [
            format!("220 {}\r\n", "x".repeat(LINE_MAX)),
            "x".repeat(LINE_MAX + 1),
            format!("220-\r\n{}", "a\r\n".repeat(LINES_MAX)),
            format!("220-\r\n{}", format!("{}\r\n", "y".repeat(8000)).repeat(9)),
        ] {
            assert_eq!(read(bytes.as_bytes()), Err(BadReply::TooLong));
        }
    }

    #[test]
    fn the_bounds_hold_for_each_reply_and_not_for_all_of_them_together() {
        let replies = read("220 x\r\n".repeat(20_000).as_bytes()).unwrap();
        assert_eq!(replies.len(), 20_000);
    }

    #[test]
    fn a_size_is_a_number_that_http_can_carry() {
        for (text, expected) in [
            ("0", Some(0)),
            (" 4096 ", Some(4096)),
            ("9999999999999999999", Some(9_999_999_999_999_999_999)),
            ("10000000000000000000", None),
            ("99999999999999999999", None),
            ("-1", None),
            ("+1", None),
            ("x", None),
            ("4096 bytes", None),
            ("", None),
        ] {
            assert_eq!(with_text(text).size(), expected, "{text:?}");
        }
    }

    #[test]
    fn the_directory_of_pwd_stands_between_quotation_marks() {
        for (text, expected) in [
            ("\"/\" is the current directory", Some("/")),
            ("\"/home/a \"\"b\"\"\" cwd", Some("/home/a \"b\"")),
            ("\"/\"\"\"", Some("/\"")),
            ("Directory: \"/a\"", Some("/a")),
            ("\"relative\"", None),
            ("\"/open", None),
            ("/plain", None),
            ("\"/a\rb\"", None),
            ("\"/a\0b\"", None),
            ("", None),
        ] {
            let directory = with_text(text).directory();
            assert_eq!(
                directory.as_deref(),
                expected.map(str::as_bytes),
                "{text:?}"
            );
        }
        assert_eq!(
            with_text(&format!("\"/{}\"", "x".repeat(4096))).directory(),
            None
        );
    }
}
