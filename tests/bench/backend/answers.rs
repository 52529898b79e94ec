//! Prepared answers: for a request, the backend looks one up and writes it.

use ajp13::codec::ContainerCodec;
use ajp13::headers::Headers;
use ajp13::tables::ResponseHeader;
use ajp13::{CodecError, FromContainer, PacketSize, SendHeaders};
use bytes::{Bytes, BytesMut};
use tokio_util::codec::Encoder;

/// The answer to a path.
pub(crate) struct Page {
    path: &'static str,
    length: usize,
    /// Whether its length is announced.
    announced: bool,
}

static PAGES: [Page; 5] = [
    Page::new("/1k", 1024, true),
    Page::new("/16k", 16 * 1024, true),
    Page::new("/1m", 1024 * 1024, true),
    Page::new("/chunked64k", 64 * 1024, false),
    // For uploads.
    Page::new("/sink", 2, true),
];

/// The prefix of paths whose packets are written one by one.
const SPLIT: &str = "/split";

/// Body bytes of a chunk of an HTTP answer: Tomcat's buffer.
const HTTP_CHUNK: usize = 8 * 1024;

impl Page {
    const fn new(path: &'static str, length: usize, announced: bool) -> Self {
        Self {
            path,
            length,
            announced,
        }
    }

    /// The page of a path, with or without the prefix for single packets.
    pub(crate) fn of(path: &[u8]) -> Option<&'static Self> {
        let path = path.strip_prefix(SPLIT.as_bytes()).unwrap_or(path);
        PAGES.iter().find(|page| page.path.as_bytes() == path)
    }

    /// The fields of a small Java application behind a cache filter.
    fn fields(&self, node: &str) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("X-Node", node.to_owned()),
            ("Cache-Control", "private, max-age=0".to_owned()),
            ("ETag", "W/\"1024-1763942400000\"".to_owned()),
            ("Content-Type", "text/html;charset=UTF-8".to_owned()),
        ];
        if self.announced {
            fields.push(("Content-Length", self.length.to_string()));
        }
        fields
    }

    pub(crate) fn body(&self) -> Bytes {
        b"<p>All work and no play makes a benchmark.</p>\n"
            .iter()
            .copied()
            .cycle()
            .take(self.length)
            .collect()
    }

    /// Head, body packets and end.
    fn ajp(&self, node: &str, size: PacketSize) -> Result<Vec<Bytes>, CodecError> {
        let mut headers = Headers::<ResponseHeader>::builder();
        for (name, value) in self.fields(node) {
            headers.push(name.as_bytes(), value.as_bytes())?;
        }
        let mut messages = vec![FromContainer::SendHeaders(SendHeaders {
            status: 200,
            message: Some(Bytes::from_static(b"200")),
            headers: headers.build(),
        })];
        let mut rest = self.body();
        while !rest.is_empty() {
            let chunk = rest.split_to(rest.len().min(size.max_response_data()));
            messages.push(FromContainer::SendBodyChunk(chunk));
        }
        messages.push(FromContainer::EndResponse { reuse: true });
        messages
            .into_iter()
            .map(|message| {
                let mut packet = BytesMut::new();
                ContainerCodec::new(size).encode(message, &mut packet)?;
                Ok(packet.freeze())
            })
            .collect()
    }

    /// Head and body, or head, chunks and end.
    fn http(&self, node: &str) -> Vec<Bytes> {
        let mut head = "HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 00:00:00 GMT\r\n".to_owned();
        for (name, value) in self.fields(node) {
            head += &format!("{name}: {value}\r\n");
        }
        let mut body = self.body();
        if self.announced {
            head += "\r\n";
            return vec![Bytes::from(head), body];
        }
        head += "Transfer-Encoding: chunked\r\n\r\n";
        let mut parts = vec![Bytes::from(head)];
        while !body.is_empty() {
            let data = body.split_to(body.len().min(HTTP_CHUNK));
            let size = format!("{:x}\r\n", data.len());
            parts.push([size.as_bytes(), &data, b"\r\n"].concat().into());
        }
        parts.push(Bytes::from_static(b"0\r\n\r\n"));
        parts
    }
}

/// The answers of one node in one protocol.
#[derive(Debug)]
pub(crate) struct Answers {
    pages: Vec<Answer>,
    split: bool,
    pub(crate) packet_size: PacketSize,
}

#[derive(Debug)]
struct Answer {
    path: &'static str,
    parts: Vec<Bytes>,
    whole: Vec<Bytes>,
}

impl Answers {
    pub(crate) fn ajp(
        node: &str,
        packet_size: PacketSize,
        split: bool,
    ) -> Result<Self, CodecError> {
        let pages = PAGES
            .iter()
            .map(|page| Ok(Answer::new(page.path, page.ajp(node, packet_size)?)))
            .collect::<Result<_, CodecError>>()?;
        Ok(Self {
            pages,
            split,
            packet_size,
        })
    }

    pub(crate) fn http(node: &str, packet_size: PacketSize, split: bool) -> Self {
        Self {
            pages: PAGES
                .iter()
                .map(|page| Answer::new(page.path, page.http(node)))
                .collect(),
            split,
            packet_size,
        }
    }

    /// The pieces to write for a path, each with a write of its own. `None` for an unknown path: the connection is closed, so
    /// that a benchmark with a wrong path fails.
    pub(crate) fn to(&self, path: &[u8]) -> Option<&[Bytes]> {
        let (path, split) = match path.strip_prefix(SPLIT.as_bytes()) {
            Some(path) => (path, true),
            None => (path, self.split),
        };
        let answer = self
            .pages
            .iter()
            .find(|answer| answer.path.as_bytes() == path)?;
        Some(if split { &answer.parts } else { &answer.whole })
    }
}

impl Answer {
    fn new(path: &'static str, parts: Vec<Bytes>) -> Self {
        Self {
            path,
            whole: vec![parts.concat().into()],
            parts,
        }
    }
}
