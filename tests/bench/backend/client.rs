//! A client with one connection, which sends the same request again and again.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::stream::Stream;

/// The fields of a browser beside `Host` and `Cookie`; load.lua reads the same file.
const BROWSER: &str = include_str!("../headers.txt");

/// What the body of an upload consists of; load.lua sends the same.
pub(crate) const BODY_BYTE: u8 = b'x';

/// What every client of a run sends.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Request {
    path: String,
    /// Size of the request body in bytes; without it the method is GET.
    #[arg(long)]
    upload: Option<usize>,
    /// Use a connection for each request.
    #[arg(long)]
    close: bool,
    /// Number of nodes that the sessions are spread over.
    #[arg(long, default_value_t = 2)]
    nodes: u32,
    /// PEM file of the server's certificate; with it, connections speak TLS.
    #[arg(long)]
    authority: Option<PathBuf>,
}

impl Request {
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn nodes(&self) -> u32 {
        self.nodes
    }

    pub(crate) fn closes(&self) -> bool {
        self.close
    }

    /// The node that has the session of the client with this number.
    pub(crate) fn node_of(&self, client: u32) -> String {
        format!("node{}", client % self.nodes + 1)
    }

    /// Head and body, as the client with this number sends them.
    fn bytes(&self, client: u32) -> Vec<u8> {
        let method = if self.upload.is_some() { "POST" } else { "GET" };
        let mut head = format!(
            "{method} {} HTTP/1.1\r\nHost: shop.example.com\r\n",
            self.path
        );
        for line in BROWSER.lines() {
            head += line;
            head += "\r\n";
        }
        let node = self.node_of(client);
        let _ = write!(
            head,
            "Cookie: theme=dark; JSESSIONID={client:032X}.{node}\r\n"
        );
        if let Some(length) = self.upload {
            let _ = write!(head, "Content-Length: {length}\r\n");
        }
        if self.close {
            head += "Connection: close\r\n";
        }
        head += "\r\n";
        let mut request = head.into_bytes();
        request.resize(request.len() + self.upload.unwrap_or_default(), BODY_BYTE);
        request
    }
}

/// A connection with a session of its own.
pub(crate) struct Client {
    stream: Stream,
    request: Vec<u8>,
    input: BytesMut,
}

/// An answer that was read as a whole.
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The value of the first field of this name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (here, value) = line.split_once(':')?;
            here.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Client {
    pub(crate) async fn connect(
        address: SocketAddr,
        request: &Request,
        number: u32,
    ) -> io::Result<Self> {
        let stream = Stream::connect(address, request.authority.as_deref()).await?;
        Ok(Self {
            stream,
            request: request.bytes(number),
            input: BytesMut::new(),
        })
    }

    /// Sends the request and reads the answer. Keeps no memory for input when all of it has been read.
    pub(crate) async fn exchange(&mut self) -> io::Result<()> {
        let head = self.ask().await?;
        match content_length(&head)? {
            Some(mut left) => {
                while left > self.input.len() {
                    left -= self.input.len();
                    self.input.clear();
                    self.read().await?;
                }
                self.input.advance(left);
            }
            // No other answer follows, so bytes that end like the last chunk are the end.
            None => {
                while !self.input.ends_with(b"0\r\n\r\n") {
                    self.read().await?;
                }
                self.input.clear();
            }
        }
        Ok(())
    }

    /// Sends the request and returns the answer.
    pub(crate) async fn answer(&mut self) -> io::Result<Answer> {
        let head = self.ask().await?;
        let body = match content_length(&head)? {
            Some(length) => self.take(length).await?,
            None => self.chunks().await?,
        };
        if !self.input.is_empty() {
            return Err(io::Error::other("bytes behind the answer"));
        }
        let head = String::from_utf8(head.to_vec()).map_err(io::Error::other)?;
        Ok(Answer { head, body })
    }

    /// Sends the request and reads the head of its answer, which must be a 200.
    async fn ask(&mut self) -> io::Result<BytesMut> {
        self.stream.write_all(&self.request).await?;
        let head = self.until(b"\r\n\r\n").await?;
        if !head.starts_with(b"HTTP/1.1 200 ") {
            let head = head.escape_ascii();
            return Err(io::Error::other(format!("unexpected answer: {head}")));
        }
        Ok(head)
    }

    /// The bodies of all chunks.
    async fn chunks(&mut self) -> io::Result<Bytes> {
        let mut body = BytesMut::new();
        loop {
            let size = self.until(b"\r\n").await?;
            let size = str::from_utf8(&size).map_err(io::Error::other)?;
            let size = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
            body.extend_from_slice(&self.take(size).await?);
            if self.take(2).await?.as_ref() != b"\r\n" {
                return Err(io::Error::other("a chunk is not as long as it says"));
            }
            if size == 0 {
                return Ok(body.freeze());
            }
        }
    }

    /// The input up to the end of these bytes.
    async fn until(&mut self, end: &[u8]) -> io::Result<BytesMut> {
        loop {
            if let Some(at) = memchr::memmem::find(&self.input, end) {
                return Ok(self.input.split_to(at + end.len()));
            }
            self.read().await?;
        }
    }

    /// The next bytes of the input.
    async fn take(&mut self, length: usize) -> io::Result<Bytes> {
        while self.input.len() < length {
            self.read().await?;
        }
        Ok(self.input.split_to(length).freeze())
    }

    async fn read(&mut self) -> io::Result<()> {
        self.input.reserve(16 * 1024);
        match self.stream.read_buf(&mut self.input).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Frees the memory for input of a client that waits.
    pub(crate) fn rest(&mut self) {
        self.input = BytesMut::new();
    }

    /// Closes the connection with a reset, so that its port can be used again at once.
    pub(crate) fn reset(self) -> io::Result<()> {
        self.stream.socket().set_zero_linger()
    }
}

fn content_length(head: &[u8]) -> io::Result<Option<usize>> {
    let head = str::from_utf8(head).map_err(io::Error::other)?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse())
    });
    length.transpose().map_err(io::Error::other)
}
