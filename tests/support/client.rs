//! An HTTP/1.1 client that sends any bytes and reads answers by their framing.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::soon;

/// One connection.
pub(crate) struct Client<S = TcpStream> {
    stream: S,
    buffer: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) line: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body came to the end that its framing announces.
    pub(crate) complete: bool,
}

impl Answer {
    pub(crate) fn field(&self, wanted: &str) -> Option<&str> {
        let mut named = self
            .fields
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        named.next().map(|(_, value)| value.as_str())
    }

    pub(crate) fn all(&self, wanted: &str) -> Vec<&str> {
        let named = self
            .fields
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        named.map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(soon("connect", TcpStream::connect(address)).await.unwrap())
    }

    /// A client on a connection that is open already.
    pub(crate) fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Closes with a reset.
    pub(crate) fn vanish(self) {
        self.stream.set_zero_linger().unwrap();
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// A client on a connection inside which it speaks HTTP, through TLS say.
    pub(crate) fn inside(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// The connection.
    pub(crate) const fn stream(&self) -> &S {
        &self.stream
    }

    /// Sends bytes. It is no error when the gateway has closed the connection.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    pub(crate) async fn get(&mut self, target: &str, fields: &str) -> Answer {
        self.send(format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n"
        ))
        .await;
        self.answer().await
    }

    /// The next answer, which must come.
    pub(crate) async fn answer(&mut self) -> Answer {
        self.try_answer("GET").await.expect("an answer")
    }

    /// The next answer to a request of this method; `None` when the connection ends before its head is
    /// complete. Interim answers are skipped.
    pub(crate) async fn try_answer(&mut self, method: &str) -> Option<Answer> {
        loop {
            let (status, line, fields) = self.head().await?;
            if status >= 200 {
                let mut answer = Answer {
                    status,
                    line,
                    fields,
                    body: Vec::new(),
                    complete: true,
                };
                self.read_body(&mut answer, method).await;
                return Some(answer);
            }
        }
    }

    /// The next head, interim ones included.
    pub(crate) async fn head(&mut self) -> Option<(u16, String, Vec<(String, String)>)> {
        let end = loop {
            if let Some(at) = self
                .buffer
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                break at;
            }
            if !self.read_some().await {
                assert!(
                    self.buffer.is_empty(),
                    "half a head: {:?}",
                    String::from_utf8_lossy(&self.buffer)
                );
                return None;
            }
        };
        let head = String::from_utf8(self.buffer.drain(..end + 4).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let line = lines.next().unwrap().to_owned();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let fields = lines
            .map(|line| {
                let (name, value) = line.split_once(':').unwrap();
                (name.to_owned(), value.trim().to_owned())
            })
            .collect();
        Some((status, line, fields))
    }

    async fn read_body(&mut self, answer: &mut Answer, method: &str) {
        if method == "HEAD" || matches!(answer.status, 204 | 304) {
            return;
        }
        let length: Option<usize> = answer
            .field("content-length")
            .map(|value| value.parse().unwrap());
        let chunked = answer.field("transfer-encoding").is_some();
        assert!(
            !(chunked && length.is_some()),
            "two lengths: {:?}",
            answer.fields
        );
        if chunked {
            answer.complete = self.read_chunks(&mut answer.body).await;
        } else if let Some(length) = length {
            answer.complete = self.fill(length).await;
            let there = length.min(self.buffer.len());
            answer.body = self.buffer.drain(..there).collect();
        } else {
            while self.read_some().await {}
            answer.body = std::mem::take(&mut self.buffer);
        }
    }

    async fn read_chunks(&mut self, body: &mut Vec<u8>) -> bool {
        loop {
            let Some(line) = self.line().await else {
                return false;
            };
            let length = usize::from_str_radix(&line, 16).unwrap();
            if !self.fill(length + 2).await {
                body.append(&mut self.buffer);
                return false;
            }
            let data: Vec<u8> = self.buffer.drain(..length + 2).collect();
            assert!(data.ends_with(b"\r\n"));
            body.extend_from_slice(&data[..length]);
            if length == 0 {
                return true;
            }
        }
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.buffer.windows(2).position(|window| window == b"\r\n") {
                let line = self.buffer.drain(..at + 2).collect::<Vec<u8>>();
                return Some(String::from_utf8(line[..at].to_vec()).unwrap());
            }
            if !self.read_some().await {
                return None;
            }
        }
    }

    async fn fill(&mut self, length: usize) -> bool {
        while self.buffer.len() < length {
            if !self.read_some().await {
                return false;
            }
        }
        true
    }

    /// Reads until `text` has come, whatever the framing, and returns all bytes so far without removing them.
    pub(crate) async fn raw_until(&mut self, text: &str) -> String {
        loop {
            let seen = String::from_utf8_lossy(&self.buffer).into_owned();
            if seen.contains(text) {
                return seen;
            }
            assert!(self.read_some().await, "ended before {text:?}: {seen:?}");
        }
    }

    /// Reads the bytes that have come; `false` at the end of the connection or a reset.
    async fn read_some(&mut self) -> bool {
        let mut piece = [0; 16 * 1024];
        match soon("an answer", self.stream.read(&mut piece)).await {
            Ok(count @ 1..) => {
                self.buffer.extend_from_slice(&piece[..count]);
                true
            }
            _ => false,
        }
    }

    /// Waits for the end of the connection; `true` for a reset.
    pub(crate) async fn ended_by_reset(&mut self) -> bool {
        let mut piece = [0; 4096];
        loop {
            match soon("the end", self.stream.read(&mut piece)).await {
                Ok(0) => return false,
                Ok(_) => {}
                Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
            }
        }
    }

    /// Whether the gateway closes the connection without another byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && !self.read_some().await
    }

    /// Closes the sending side.
    pub(crate) async fn finish(&mut self) {
        self.stream.shutdown().await.unwrap();
    }
}

/// Sends a GET on a connection of its own.
pub(crate) async fn get(address: SocketAddr, target: &str, fields: &str) -> Answer {
    Client::connect(address)
        .await
        .get(target, &format!("Connection: close\r\n{fields}"))
        .await
}
