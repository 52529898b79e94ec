//! HTTP/1.1 on one client connection, without the connection: bytes in, what was read out; an answer in, bytes for the
//! client out. No socket, no clock.
//!
//! Requests are answered one after the other: the next head is read only when the answer has been written and the body
//! has been read to its end.
//!
//! What is refused is refused before anything of the request goes on: request smuggling starts from messages that two
//! readers see different ends of. [`crate::framing`] has the rules.

mod answer;
mod head;
#[cfg(test)]
mod oracle;
mod queue;
#[cfg(test)]
mod tests;

use bytes::{Buf as _, Bytes, BytesMut};
use http::{Method, Version};

pub(crate) use self::answer::{Answer, field};
use self::answer::{Asked, Framing, LAST_CHUNK, put_chunk_size, write_head, write_interim};
use self::head::PartialHead;
pub(crate) use self::queue::Queue;
use crate::framing::{Body, HeadLimits, Refused};
use crate::head::{AnswerHead, Known, RequestHead, expects_100};

/// The interim answer that asks for the body (RFC 9110 section 15.2.1).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Most bytes of a request line that are kept for the log when the request is refused.
const LOGGED_LINE: usize = 8 * 1024;

/// Most bytes of body that are read so that a connection can go on, where the answer comes before they do.
pub(crate) const MAX_UNREAD: u64 = 256 * 1024;

/// See the [module](self).
///
/// ```text
/// reading:
///   Head ──complete head──▶ Body ──last byte──▶ Over ──next()──▶ Head
///    │ └────no body────────────────────────────▶ ▲
///    └──refused──▶ Broken ◀──refused── Body
///
/// answering:
///   Idle ──complete head──▶ Due ──answer()──▶ Body ──end()──▶ Sent ──next()──▶ Idle
/// ```
#[derive(Debug)]
pub(crate) struct Machine {
    reading: ReadState,
    answering: AnswerState,
    asked: Asked,
    /// The client waits for 100, and nothing of its body has come.
    awaits_100: bool,
    limits: HeadLimits,
}

#[derive(Debug)]
enum ReadState {
    Head(PartialHead),
    Body(Body),
    /// All of the request has come.
    Over,
    /// Nobody knows where the next request begins.
    Broken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AnswerState {
    Idle,
    Due,
    Body(Framing),
    Sent,
}

/// What has been read.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a head is moved once, and a box would be an allocation for each request"
)]
pub(crate) enum Read {
    /// A head, and the framing of the body behind it.
    Head(RequestHead, Body),
    /// A piece of the body, at least one byte.
    Data(Bytes),
    /// The end of a body.
    End,
}

/// Why a request is refused, and for the log its request line, as far as it has come, and how many bytes of it have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) why: Refused,
    pub(crate) line: Bytes,
    pub(crate) received: usize,
}

impl Refusal {
    fn of(why: Refused, line: &[u8], received: usize) -> Self {
        let line = line.get(..LOGGED_LINE).unwrap_or(line);
        Self {
            why,
            line: Bytes::copy_from_slice(line),
            received,
        }
    }
}

/// What of a request's body has not been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    Nothing,
    /// So many bytes.
    Known(u64),
    /// Nobody knows how many, whether they come, or where they end.
    Unknown,
}

/// An answer ends before its announced length.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Short;

impl Machine {
    /// A connection whose heads keep within these limits.
    pub(crate) fn new(limits: HeadLimits) -> Self {
        Self {
            reading: ReadState::Head(PartialHead::default()),
            answering: AnswerState::Idle,
            asked: Asked::default(),
            awaits_100: false,
            limits,
        }
    }

    /// Takes what the bytes of the client begin with; `None`: more bytes are needed, or another state. While a head is
    /// incomplete its bytes stay in `buffer`.
    ///
    /// # Errors
    /// Nothing more is read after a refusal.
    pub(crate) fn read(&mut self, buffer: &mut BytesMut) -> Result<Option<Read>, Refusal> {
        match &mut self.reading {
            ReadState::Head(_) => self.read_head(buffer),
            ReadState::Body(_) => self.read_body(buffer),
            ReadState::Over | ReadState::Broken => Ok(None),
        }
    }

    fn read_head(&mut self, buffer: &mut BytesMut) -> Result<Option<Read>, Refusal> {
        let ReadState::Head(partial) = &mut self.reading else {
            return Ok(None);
        };
        let head::Complete { head, length, body } = match partial.read(buffer, &self.limits) {
            Ok(Some(complete)) => complete,
            Ok(None) => return Ok(None),
            Err(why) => return Err(self.refuse(why, buffer)),
        };
        buffer.advance(length.min(buffer.len()));
        self.asked = Asked {
            head_only: head.method == Method::HEAD,
            http10: head.version == Version::HTTP_10,
            keep_alive: head::wants_to_keep_alive(&head),
        };
        self.awaits_100 = !body.is_over() && expects_100(head.version, &head.fields);
        self.answering = AnswerState::Due;
        self.reading = match body {
            Body::Over => ReadState::Over,
            body => ReadState::Body(body),
        };
        Ok(Some(Read::Head(head, body)))
    }

    fn read_body(&mut self, buffer: &mut BytesMut) -> Result<Option<Read>, Refusal> {
        let ReadState::Body(body) = &mut self.reading else {
            return Ok(None);
        };
        if body.is_over() {
            self.reading = ReadState::Over;
            return Ok(Some(Read::End));
        }
        if buffer.is_empty() {
            return Ok(None);
        }
        self.awaits_100 = false;
        let piece = match body.piece(buffer) {
            Ok(piece) => piece,
            Err(why) => {
                self.reading = ReadState::Broken;
                return Err(Refusal::of(why, &[], 0));
            }
        };
        buffer.advance(piece.framing.min(buffer.len()));
        if piece.data > 0 {
            let data = buffer.split_to(piece.data.min(buffer.len()));
            return Ok(Some(Read::Data(data.freeze())));
        }
        match body.is_over() {
            true => {
                self.reading = ReadState::Over;
                Ok(Some(Read::End))
            }
            false => Ok(None),
        }
    }

    /// Refuses the head that `bytes` start with.
    pub(crate) fn refuse(&mut self, why: Refused, bytes: &[u8]) -> Refusal {
        let refusal = match &self.reading {
            ReadState::Head(partial) => {
                Refusal::of(why, partial.line(bytes), partial.received(why, bytes))
            }
            _ => Refusal::of(why, &[], 0),
        };
        self.reading = ReadState::Broken;
        refusal
    }

    /// The body cannot be read to its end: the client has gone, or was too slow.
    pub(crate) fn give_up_body(&mut self) {
        if self.is_in_body() {
            self.reading = ReadState::Broken;
        }
    }

    /// Whether the next bytes belong to a body.
    pub(crate) const fn is_in_body(&self) -> bool {
        matches!(self.reading, ReadState::Body(_))
    }

    /// What has not been read of the body of the request.
    pub(crate) const fn unread(&self) -> Unread {
        match self.reading {
            ReadState::Over | ReadState::Body(Body::Over) => Unread::Nothing,
            // A client that waits for 100 and gets a final answer may send no body at all.
            ReadState::Body(Body::Length(length)) if !self.awaits_100 => Unread::Known(length),
            ReadState::Head(_) | ReadState::Body(_) | ReadState::Broken => Unread::Unknown,
        }
    }

    /// Asks for the body, if the client waits for that. Call it when the body is first wanted.
    pub(crate) fn ask_for_body(&mut self, out: &mut Queue) {
        if self.awaits_100 && self.answering == AnswerState::Due {
            self.awaits_100 = false;
            out.append(|out| out.extend_from_slice(CONTINUE));
        }
    }

    /// Writes an interim answer before the final one, unless the client does not know interim answers.
    pub(crate) fn interim(&self, head: &AnswerHead, out: &mut Queue) {
        if !self.asked.http10 && self.answering == AnswerState::Due {
            out.append(|out| write_interim(out, head));
        }
    }

    /// Writes the head of the answer. `last`: the connection is to end with it. Returns whether it goes on, once the
    /// answer has been written and [the rest of the body](Self::unread) has been read.
    /// `seen` is told the bytes of the head.
    pub(crate) fn answer(
        &mut self,
        answer: &Answer<'_>,
        last: bool,
        out: &mut Queue,
        seen: impl FnOnce(&[u8]),
    ) -> bool {
        let framing = Framing::of(answer, self.asked);
        let readable = match self.unread() {
            Unread::Nothing => true,
            Unread::Known(length) => length <= MAX_UNREAD,
            Unread::Unknown => false,
        };
        let keep_alive = self.asked.keep_alive
            && !last
            && readable
            && framing != Framing::UntilClose
            && !answer.fields.lists(Known::Connection, "close");
        out.append(|out| {
            let before = out.len();
            write_head(out, answer, self.asked, framing, keep_alive);
            seen(out.get(before..).unwrap_or_default());
        });
        self.answering = AnswerState::Body(framing);
        keep_alive
    }

    /// Writes the whole answer to a request that was refused.
    pub(crate) fn answer_refused(&mut self, answer: &Answer<'_>, text: Bytes, out: &mut Queue) {
        self.asked = Asked::default();
        self.answer(answer, true, out, |_| ());
        self.piece(text, out);
        self.answering = AnswerState::Sent;
    }

    /// Whether the answer has no body that would have to be written.
    pub(crate) const fn is_bodiless(&self) -> bool {
        matches!(
            self.answering,
            AnswerState::Body(Framing::None | Framing::Length(0))
        )
    }

    /// Writes a piece of the answer's body. Bytes beyond the announced length are left out.
    pub(crate) fn piece(&mut self, mut piece: Bytes, out: &mut Queue) {
        if piece.is_empty() {
            return;
        }
        match &mut self.answering {
            AnswerState::Body(Framing::Chunked) => {
                out.append(|out| put_chunk_size(out, piece.len()));
                out.push(piece);
                out.append(|out| out.extend_from_slice(b"\r\n"));
            }
            AnswerState::Body(Framing::Length(left)) => {
                piece.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left = left.saturating_sub(piece.len() as u64);
                out.push(piece);
            }
            AnswerState::Body(Framing::UntilClose) => out.push(piece),
            AnswerState::Body(Framing::None)
            | AnswerState::Idle
            | AnswerState::Due
            | AnswerState::Sent => {}
        }
    }

    /// Writes the end of the answer's body.
    ///
    /// # Errors
    /// When less has come than was announced.
    pub(crate) fn end(&mut self, out: &mut Queue) -> Result<(), Short> {
        match self.answering {
            AnswerState::Body(Framing::Length(1..)) => return Err(Short),
            AnswerState::Body(Framing::Chunked) => {
                out.append(|out| out.extend_from_slice(LAST_CHUNK));
            }
            _ => {}
        }
        self.answering = AnswerState::Sent;
        Ok(())
    }

    /// Goes on to the next request. `false` before the request has been read and its answer written.
    pub(crate) fn next(&mut self) -> bool {
        let over = matches!(self.reading, ReadState::Over) && self.answering == AnswerState::Sent;
        if over {
            self.reading = ReadState::Head(PartialHead::default());
            self.answering = AnswerState::Idle;
        }
        over
    }
}
