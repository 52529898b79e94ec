//! A client of HTTP/2 that sends any frames, right or wrong, and reads what comes back.

#![allow(dead_code, reason = "each test binary uses a part of these helpers")]

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::hpack::{self, Decoder, Field};
use super::soon;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames (RFC 9113 section 6).
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

/// Flags.
pub(crate) const ACK: u8 = 1;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;
pub(crate) const WITH_PRIORITY: u8 = 32;

/// Error codes (RFC 9113 section 7).
pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const FLOW_CONTROL_ERROR: u32 = 3;
pub(crate) const STREAM_CLOSED: u32 = 5;
pub(crate) const FRAME_SIZE_ERROR: u32 = 6;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const CANCEL: u32 = 8;
pub(crate) const COMPRESSION_ERROR: u32 = 9;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

/// A frame as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The error code of RST_STREAM or GOAWAY.
    pub(crate) fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }

    /// The last stream that GOAWAY names.
    pub(crate) fn last_stream(&self) -> u32 {
        u32::from_be_bytes(self.payload[..4].try_into().unwrap())
    }
}

/// The bytes of a frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// One setting of a SETTINGS frame.
pub(crate) fn setting(name: u16, value: u32) -> Vec<u8> {
    [&name.to_be_bytes()[..], &value.to_be_bytes()].concat()
}

/// The header list of a GET.
pub(crate) fn get(path: &str) -> Vec<(&'static str, &str)> {
    request("GET", path)
}

/// The header list of a request.
pub(crate) fn request<'a>(method: &'a str, path: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![
        (":method", method),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
    ]
}

/// How a stream has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// END_STREAM.
    Whole,
    /// RST_STREAM, with this code.
    Reset(u32),
    /// GOAWAY with this code that is no [`NO_ERROR`], or with a last stream before this one.
    GoAway(u32),
    /// The connection.
    Closed,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// 0 before there is one.
    pub(crate) status: u16,
    /// Of interim answers.
    pub(crate) interim: Vec<u16>,
    pub(crate) fields: Vec<Field>,
    pub(crate) body: Vec<u8>,
    pub(crate) end: End,
}

impl Answer {
    const fn new() -> Self {
        Self {
            status: 0,
            interim: Vec::new(),
            fields: Vec::new(),
            body: Vec::new(),
            end: End::Closed,
        }
    }

    pub(crate) fn field(&self, wanted: &str) -> Option<&str> {
        let mut named = self.fields.iter().filter(|(name, _)| name == wanted);
        named.next().map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// One connection.
pub(crate) struct Http2 {
    stream: TcpStream,
    buffer: Vec<u8>,
    decoder: Decoder,
    next: u32,
    /// Whether windows are opened again for what has come.
    pub(crate) takes: bool,
    /// Answers whose streams have not ended.
    open: BTreeMap<u32, Answer>,
    /// Those whose streams have.
    ended: BTreeMap<u32, Answer>,
    /// The header block that is not complete.
    block: Vec<u8>,
}

impl Http2 {
    /// Connects, and sends the preface with empty SETTINGS.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::with_settings(address, &[]).await
    }

    /// The same with these settings.
    pub(crate) async fn with_settings(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let mut client = Self::raw(address).await;
        client.send(PREFACE).await;
        let settings: Vec<u8> = settings
            .iter()
            .flat_map(|(name, value)| setting(*name, *value))
            .collect();
        client.frame(SETTINGS, 0, 0, &settings).await;
        client
    }

    /// Connects and sends nothing.
    pub(crate) async fn raw(address: SocketAddr) -> Self {
        let stream = soon("connect", TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            buffer: Vec::new(),
            decoder: Decoder::default(),
            next: 1,
            takes: true,
            open: BTreeMap::new(),
            ended: BTreeMap::new(),
            block: Vec::new(),
        }
    }

    /// Sends bytes. It is no error when the gateway has closed the connection.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        soon("the gateway reads", self.stream.write_all(bytes))
            .await
            .is_ok()
    }

    pub(crate) async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.send(&frame(kind, flags, stream, payload)).await
    }

    /// Opens the next stream with this header list, and returns its number.
    pub(crate) async fn open(&mut self, fields: &[(&str, &str)], end: bool) -> u32 {
        let stream = self.next;
        self.next += 2;
        let block = hpack::encode(fields);
        let mut pieces = block.chunks(16_384).peekable();
        let (mut kind, mut flags) = (HEADERS, u8::from(end));
        while let Some(piece) = pieces.next() {
            if pieces.peek().is_none() {
                flags |= END_HEADERS;
            }
            self.frame(kind, flags, stream, piece).await;
            (kind, flags) = (CONTINUATION, 0);
        }
        stream
    }

    /// Sends a GET and returns its answer.
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let stream = self.open(&get(path), true).await;
        self.answer(stream).await
    }

    /// Sends DATA in frames of up to 16 KiB, as far as the gateway takes it.
    pub(crate) async fn data(&mut self, stream: u32, data: &[u8], end: bool) {
        if data.is_empty() {
            self.frame(DATA, u8::from(end), stream, &[]).await;
        }
        let mut pieces = data.chunks(16_384).peekable();
        while let Some(piece) = pieces.next() {
            let last = end && pieces.peek().is_none();
            self.frame(DATA, u8::from(last), stream, piece).await;
        }
    }

    pub(crate) async fn reset(&mut self, stream: u32, code: u32) {
        self.frame(RST_STREAM, 0, stream, &code.to_be_bytes()).await;
    }

    pub(crate) async fn window(&mut self, stream: u32, more: u32) -> bool {
        self.frame(WINDOW_UPDATE, 0, stream, &more.to_be_bytes())
            .await
    }

    /// The next frame; `None` when the connection is over.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(length) = self.buffer.get(..3) {
                let length = usize::from(length[0]) << 16
                    | usize::from(length[1]) << 8
                    | usize::from(length[2]);
                if self.buffer.len() >= 9 + length {
                    let bytes: Vec<u8> = self.buffer.drain(..9 + length).collect();
                    return Some(Frame {
                        kind: bytes[3],
                        flags: bytes[4],
                        stream: u32::from_be_bytes(bytes[5..9].try_into().unwrap()),
                        payload: bytes[9..].to_vec(),
                    });
                }
            }
            let mut room = [0; 16 * 1024];
            match soon("more from the gateway", self.stream.read(&mut room)).await {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.buffer.extend_from_slice(&room[..count]),
            }
        }
    }

    /// The next frame of this type.
    pub(crate) async fn next_of(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            self.take(&frame).await;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }

    /// The answer on a stream, once the stream is over.
    pub(crate) async fn answer(&mut self, stream: u32) -> Answer {
        loop {
            if let Some(answer) = self.ended.remove(&stream) {
                return answer;
            }
            match self.next().await {
                Some(frame) => {
                    self.take(&frame).await;
                    if frame.kind == GOAWAY
                        && (frame.code() != NO_ERROR || frame.last_stream() < stream)
                    {
                        self.end(stream, End::GoAway(frame.code()));
                    }
                }
                None => self.end(stream, End::Closed),
            }
        }
    }

    /// What of an answer has come.
    pub(crate) fn so_far(&mut self, stream: u32) -> &mut Answer {
        self.open.entry(stream).or_insert_with(Answer::new)
    }

    fn end(&mut self, stream: u32, end: End) {
        let mut answer = self.open.remove(&stream).unwrap_or_else(Answer::new);
        answer.end = end;
        self.ended.entry(stream).or_insert(answer);
    }

    /// Does what a client does with a frame.
    async fn take(&mut self, frame: &Frame) {
        match frame.kind {
            SETTINGS if !frame.has(ACK) => {
                self.frame(SETTINGS, ACK, 0, &[]).await;
            }
            PING if !frame.has(ACK) => {
                self.frame(PING, ACK, 0, &frame.payload).await;
            }
            HEADERS | CONTINUATION => {
                self.block.extend_from_slice(&frame.payload);
                if frame.has(END_HEADERS) {
                    let fields = self.decoder.decode(&std::mem::take(&mut self.block));
                    self.fields(frame.stream, fields);
                }
            }
            DATA => {
                let length = u32::try_from(frame.payload.len()).unwrap();
                self.so_far(frame.stream)
                    .body
                    .extend_from_slice(&frame.payload);
                if self.takes && length > 0 {
                    self.window(0, length).await;
                    self.window(frame.stream, length).await;
                }
            }
            RST_STREAM => self.end(frame.stream, End::Reset(frame.code())),
            _ => {}
        }
        if matches!(frame.kind, HEADERS | DATA) && frame.has(END_STREAM) {
            self.end(frame.stream, End::Whole);
        }
    }

    fn fields(&mut self, stream: u32, mut fields: Vec<Field>) {
        let status = fields.remove(0).1.parse().unwrap();
        let answer = self.so_far(stream);
        if status < 200 {
            return answer.interim.push(status);
        }
        (answer.status, answer.fields) = (status, fields);
    }

    /// Reads until the connection is over. Returns the code of the last GOAWAY.
    pub(crate) async fn goes_away(&mut self) -> Option<u32> {
        let mut code = None;
        while let Some(frame) = self.next().await {
            self.take(&frame).await;
            if frame.kind == GOAWAY {
                code = Some(frame.code());
            }
        }
        code
    }

    /// Waits until the gateway has answered a PING: it has acted on all that was sent before.
    pub(crate) async fn ping(&mut self) -> bool {
        self.frame(PING, 0, 0, b"pingpong").await;
        while let Some(frame) = self.next_of(PING).await {
            if frame.has(ACK) {
                return true;
            }
        }
        false
    }
}
