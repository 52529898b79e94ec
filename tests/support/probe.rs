//! Minimal clients that tell whether a server answers: one CPING, or one HTTP/1.0 request.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const CPING: [u8; 5] = [0x12, 0x34, 0x00, 0x01, 0x0A];
const CPONG: [u8; 5] = [0x41, 0x42, 0x00, 0x01, 0x09];
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// Sends CPING on a new connection and waits for CPONG.
pub(crate) async fn cping(addr: SocketAddr, within: Duration) -> io::Result<()> {
    let answer = timeout(within, async {
        let mut stream = TcpStream::connect(addr).await?;
        stream.write_all(&CPING).await?;
        let mut answer = [0; CPONG.len()];
        stream.read_exact(&mut answer).await?;
        io::Result::Ok(answer)
    })
    .await??;
    if answer == CPONG {
        Ok(())
    } else {
        Err(io::Error::other(format!("not CPONG: {answer:02x?}")))
    }
}

/// The answer of a server.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The name and value of the first cookie that is set, ready for a `Cookie` header.
    pub(crate) fn cookie(&self) -> Option<&str> {
        self.header("Set-Cookie")?.split(';').next()
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends a GET as [`request`] does, and panics without an answer.
pub(crate) async fn get(addr: SocketAddr, target: &str, headers: &[(&str, &str)]) -> Reply {
    let reply = request(addr, "GET", target, headers, b"").await;
    reply.unwrap_or_else(|e| panic!("GET http://{addr}{target}: {e}"))
}

/// Sends one HTTP/1.0 request, which a server answers without chunks and ends by closing.
pub(crate) async fn request(
    addr: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Reply> {
    let mut head = format!("{method} {target} HTTP/1.0\r\nHost: {addr}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");

    let answer = timeout(ANSWERS_WITHIN, async {
        let mut stream = TcpStream::connect(addr).await?;
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        io::Result::Ok(answer)
    })
    .await??;
    parse(&answer).ok_or_else(|| io::Error::other(format!("not HTTP: {}", answer.escape_ascii())))
}

fn parse(answer: &[u8]) -> Option<Reply> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, rest) = answer.split_at(end);
    let head: String = head.iter().copied().map(char::from).collect();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines
        .map(|line| {
            line.split_once(':')
                .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        })
        .collect::<Option<_>>()?;
    Some(Reply {
        status,
        headers,
        body: rest.get(4..)?.to_owned(),
    })
}
