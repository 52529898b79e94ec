//! Clients that wrk does not have: a fixed number of requests, a fixed rate, idle connections.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The fields of a browser beside `Host` and `Cookie`; load.lua reads the same file.
const BROWSER: &str = include_str!("../headers.txt");

/// A kept connection with a session of its own on one of the two nodes.
struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    input: BytesMut,
}

impl Client {
    async fn connect(
        address: SocketAddr,
        path: &str,
        number: u32,
        upload: Option<usize>,
    ) -> io::Result<Self> {
        let method = if upload.is_some() { "POST" } else { "GET" };
        let node = number % 2 + 1;
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: shop.example.com\r\n");
        for line in BROWSER.lines() {
            head += line;
            head += "\r\n";
        }
        let _ = write!(
            head,
            "Cookie: theme=dark; JSESSIONID={number:032X}.node{node}\r\n"
        );
        if let Some(length) = upload {
            let _ = write!(head, "Content-Length: {length}\r\n");
        }
        head += "\r\n";
        let mut request = head.into_bytes();
        request.resize(request.len() + upload.unwrap_or_default(), b'x');
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            request,
            input: BytesMut::with_capacity(64 * 1024),
        })
    }

    /// Sends the request and reads the answer.
    async fn exchange(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.request).await?;
        let end = loop {
            if let Some(end) = memchr::memmem::find(&self.input, b"\r\n\r\n") {
                break end + 4;
            }
            self.read().await?;
        };
        let head = self.input.split_to(end);
        if !head.starts_with(b"HTTP/1.1 200 ") {
            let head = head.escape_ascii();
            return Err(io::Error::other(format!("unexpected answer: {head}")));
        }
        match content_length(&head) {
            Some(mut left) => loop {
                let here = left.min(self.input.len());
                self.input.advance(here);
                left -= here;
                if left == 0 {
                    return Ok(());
                }
                self.read().await?;
            },
            // No other answer follows, so bytes that end like the last chunk are the end.
            None => {
                while !self.input.ends_with(b"0\r\n\r\n") {
                    self.read().await?;
                }
                self.input.clear();
                Ok(())
            }
        }
    }

    async fn read(&mut self) -> io::Result<()> {
        self.input.reserve(16 * 1024);
        match self.stream.read_buf(&mut self.input).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn content_length(head: &[u8]) -> Option<usize> {
    let head = str::from_utf8(head).ok()?;
    let field = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    };
    head.lines().find_map(field)
}

/// Sends this number of requests one after the other.
pub(crate) async fn get(
    address: SocketAddr,
    path: &str,
    count: u32,
    upload: Option<usize>,
) -> io::Result<()> {
    let mut client = Client::connect(address, path, 1, upload).await?;
    for _ in 0..count {
        client.exchange().await?;
    }
    Ok(())
}

/// Sends requests at fixed times, whether or not the answer before is late, and prints requests, seconds, p50 and p99 in
/// milliseconds, and errors, as load.lua does.
pub(crate) async fn rate(
    address: SocketAddr,
    path: &str,
    rate: u32,
    connections: u32,
    length: Duration,
) -> io::Result<()> {
    let started = Instant::now();
    let until = started + length;
    let period = Duration::from_secs(1) * connections / rate;
    let mut clients = JoinSet::new();
    for number in 0..connections {
        let mut client = Client::connect(address, path, number, None).await?;
        // The connections' times are spread over the period.
        let first = started + period * number / connections;
        clients.spawn(async move {
            let mut times = Vec::new();
            let mut ticks = tokio::time::interval_at(first.into(), period);
            loop {
                let due = ticks.tick().await.into_std();
                if due >= until {
                    return Ok::<_, io::Error>(times);
                }
                client.exchange().await?;
                times.push(due.elapsed());
            }
        });
    }
    let (mut times, mut errors) = (Vec::new(), 0_u32);
    while let Some(ended) = clients.join_next().await {
        match ended.map_err(io::Error::other)? {
            Ok(more) => times.extend(more),
            Err(_) => errors += 1,
        }
    }
    times.sort_unstable();
    let percentile = |percent: usize| {
        let time = times.get(times.len() * percent / 100);
        time.copied().unwrap_or_default().as_secs_f64() * 1000.0
    };
    println!(
        "{},{:.3},{:.3},{:.3},{errors}",
        times.len(),
        started.elapsed().as_secs_f64(),
        percentile(50),
        percentile(99),
    );
    Ok(())
}

/// Opens connections, one request on each, and keeps them until standard input ends.
pub(crate) async fn idle(address: SocketAddr, connections: u32) -> io::Result<()> {
    let mut clients = Vec::new();
    for number in 0..connections {
        let mut client = Client::connect(address, "/1k", number, None).await?;
        client.exchange().await?;
        // These connections are not measured.
        client.input = BytesMut::new();
        clients.push(client);
    }
    println!("{connections} connections are idle");
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    Ok(())
}
