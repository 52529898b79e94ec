//! Clients that are slow, or leave, and are many: what they cost the gateway, and that nothing of them stays.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::support::ajpgate::Ajpgate;
use crate::support::browser::Browser;
use crate::support::client::{self, Client};
use crate::support::process::allow_open_files;
use crate::support::tomcat::{Tomcat, TomcatOptions};
use crate::support::wait::pause;
use crate::support::{noise, soon};
use serde_json::Value;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

// === Clients that read slowly ===

const READERS: u64 = 1000;
const ANSWER: usize = 1_000_000;
const SEED: u64 = 7;
/// What a reader takes while it is slow, and how often.
const BITE: usize = 4096;
const BITES: usize = 10;
/// What a client that does not read may cost the gateway, in KiB: two connections, the 72 KiB of answer that
/// hyper takes, and the rest of the packets that those are part of.
const PER_READER: u64 = 256;

#[tokio::test]
async fn a_thousand_slow_readers_cost_little_memory_and_get_every_byte() {
    allow_open_files(8192);
    let options = TomcatOptions::new("node1")
        .connector("maxThreads", "1100")
        // All connections are made at once.
        .connector("acceptCount", "1100");
    let tomcat = Tomcat::start(options).await;
    let gateway = Ajpgate::before(&[&tomcat])
        .member("max: 1100")
        .start()
        .await;
    let expected: &[u8] = noise::bytes(SEED, ANSWER).leak();
    let target = format!("/app/bytes?n={ANSWER}&seed={SEED}&cl=1");
    let warm = client::get(gateway.front(), &target, "").await;
    assert_eq!(warm.body, expected);
    gateway.quiet().await;
    let before = gateway.memory();
    println!("before: {before}");

    let begun = Instant::now();
    let asking: JoinSet<_> = (0..READERS)
        .map(|_| SlowReader::ask(gateway.front(), target.clone(), expected))
        .collect();
    let mut readers = asking.join_all().await;
    println!("asked within {:.1?}: {}", begun.elapsed(), gateway.memory());
    for _ in 0..BITES {
        for reader in &mut readers {
            reader.take(BITE).await;
        }
    }
    println!("while they read slowly: {}", gateway.memory());
    assert_eq!(gateway.count("member_busy", &[]).await, READERS);

    let begun = Instant::now();
    let reading: JoinSet<_> = readers.into_iter().map(SlowReader::read_on).collect();
    reading.join_all().await;
    gateway.quiet().await;
    println!("read within {:.1?}: {}", begun.elapsed(), gateway.memory());
    let each = gateway.memory().risen_above(before.rss) / READERS;
    println!("at most {each} KiB for each of {READERS} readers");
    assert!(each <= PER_READER);
    let served = gateway.count("requests_total", &[("code", "2xx")]).await;
    assert_eq!(served, READERS + 1);
    assert_eq!(gateway.connections_given_up().await, 0);
}

/// Somebody with a slow line who knows what is to come.
struct SlowReader {
    stream: TcpStream,
    left: &'static [u8],
}

impl SlowReader {
    /// Asks, and reads the head of the answer and no more.
    async fn ask(front: SocketAddr, target: String, expected: &'static [u8]) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        // With the large segments of loopback the gateway's kernel alone would take the whole answer.
        SockRef::from(&socket).set_tcp_mss(1460).unwrap();
        let stream = soon("connect", socket.connect(front)).await.unwrap();
        let mut reader = Self {
            stream,
            left: expected,
        };
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        reader.stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(soon("a head", reader.stream.read_u8()).await.unwrap());
        }
        assert!(
            head.starts_with(b"HTTP/1.1 200 "),
            "{}",
            head.escape_ascii()
        );
        reader
    }

    /// Reads so much of the body.
    async fn take(&mut self, length: usize) {
        let mut bite = vec![0; length];
        soon("a bite", self.stream.read_exact(&mut bite))
            .await
            .unwrap();
        let (expected, left) = self.left.split_at(length);
        assert!(
            bite == expected,
            "wrong with {} bytes left",
            self.left.len()
        );
        self.left = left;
    }

    /// Its line is not slow any more.
    async fn read_on(mut self) {
        let line = SockRef::from(&self.stream);
        line.set_recv_buffer_size(256 * 1024).unwrap();
        while !self.left.is_empty() {
            self.take(self.left.len().min(16 * 1024)).await;
        }
    }
}

// === Clients that leave ===

/// How a connection ends when a client is not there any more.
#[derive(Debug, Clone, Copy)]
enum Departure {
    /// It closes: FIN, as long as it has read all that came.
    Close,
    /// It is torn down: RST.
    Reset,
}

/// What somebody does before leaving, and the status in the log.
struct Leaver {
    method: &'static str,
    target: &'static str,
    rest: String,
    /// The last thing that is read. Nothing: it leaves when its request is under way.
    sees: &'static str,
    logged: u16,
}

fn leavers() -> Vec<Leaver> {
    let leaver = |method, target, sees, logged| Leaver {
        method,
        target,
        rest: "\r\n".to_owned(),
        sees,
        logged,
    };
    let half = "x".repeat(500_000);
    vec![
        leaver("GET", "/app/slow?ms=60000", "", 499),
        leaver("GET", "/app/bytes?n=1000000000&cl=1", "\r\n\r\n", 200),
        leaver("GET", "/app/bytes?n=1000000000", "\r\n\r\n", 200),
        leaver("GET", "/app/sse?n=10&ms=60000", "event 1\n\n", 200),
        Leaver {
            rest: format!("Content-Length: 1000000\r\n\r\n{half}"),
            ..leaver("POST", "/app/sha?seed=7", "", 400)
        },
        Leaver {
            rest: format!("Transfer-Encoding: chunked\r\n\r\nf4240\r\n{half}"),
            ..leaver("POST", "/app/sha?seed=7", "", 400)
        },
        Leaver {
            rest: format!("Content-Length: 1000000\r\n\r\n{half}"),
            ..leaver("POST", "/app/sha?early=1", "true", 200)
        },
    ]
}

impl Leaver {
    /// Begins a request, leaves in the middle of it, and returns how long the gateway took to be free again.
    async fn come_and_go(&self, gateway: &Ajpgate, target: &str, departure: Departure) -> Duration {
        let Self {
            method, rest, sees, ..
        } = self;
        let mut client = Client::connect(gateway.front()).await;
        client
            .send(format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{rest}"))
            .await;
        client.raw_until(sees).await;
        gateway.counts("member_busy", &[], 1).await;
        let gone = Instant::now();
        match departure {
            Departure::Close => drop(client),
            Departure::Reset => client.vanish(),
        }
        gateway.quiet().await;
        gone.elapsed()
    }
}

#[tokio::test]
async fn nothing_stays_of_a_client_that_leaves() {
    let tomcat = Tomcat::start(TomcatOptions::new("node1")).await;
    let mut gateway = Ajpgate::before(&[&tomcat]).start().await;
    let mut left = BTreeMap::new();
    for leaver in leavers() {
        for departure in [Departure::Close, Departure::Reset] {
            let target = format!("{}&leaver={}", leaver.target, left.len());
            let took = leaver.come_and_go(&gateway, &target, departure).await;
            let method = leaver.method;
            println!("{departure:?} {method} {target}: free after {took:.1?}");
            left.insert(target, leaver.logged);
            assert_eq!(gateway.connections_given_up().await, left.len() as u64);
            let next = client::get(gateway.front(), "/app/echo", "").await;
            assert_eq!(next.status, 200);
        }
    }
    let metrics = gateway.metrics().await;
    assert_eq!(metrics.count("member_errors_total", &[]), 0);
    assert_eq!(metrics.count("member_up", &[]), 1);
    assert_eq!(metrics.count("requests_total", &[]), 2 * left.len() as u64);
    assert!(gateway.stop().await.success());
    assert_eq!(logged_by_leavers(&gateway), left);
}

/// Target and status of those who left. Each must have been logged once.
fn logged_by_leavers(gateway: &Ajpgate) -> BTreeMap<String, u16> {
    let mut logged = BTreeMap::new();
    for line in gateway.access_log() {
        let line: Value = serde_json::from_str(&line).unwrap();
        let target = line["target"].as_str().unwrap();
        if target.contains("leaver=") {
            let status = line["status"].as_u64().unwrap();
            let before = logged.insert(target.to_owned(), u16::try_from(status).unwrap());
            assert_eq!(before, None, "logged twice: {target}");
        }
    }
    logged
}

// === Clients that never come to the point ===

const SEATS: u64 = 300;
const HEADER_TIMEOUT: Duration = Duration::from_secs(2);

/// They take every connection that the gateway has, so whoever comes next waits, and no longer than that.
#[tokio::test]
async fn slow_heads_are_cut_off_and_make_room() {
    let tomcat = Tomcat::start(TomcatOptions::new("node1")).await;
    let mut gateway = Ajpgate::before(&[&tomcat])
        .key(&format!(
            "limits: {{ header_timeout: 2s, max_connections: {SEATS} }}"
        ))
        .start()
        .await;
    let front = gateway.front();
    let begun = Instant::now();
    let drips: JoinSet<_> = (0..SEATS).map(|_| drip(front)).collect();
    gateway.counts("client_connections", &[], SEATS).await;
    println!("{SEATS} slow heads: {}", gateway.memory());
    let next = client::get(front, "/app/echo", "").await;
    let waited = begun.elapsed();
    assert_eq!(next.status, 200);
    assert!(waited >= HEADER_TIMEOUT, "there was room after {waited:?}");

    let lasted = drips.join_all().await;
    let (first, last) = (lasted.iter().min().unwrap(), lasted.iter().max().unwrap());
    println!(
        "cut off after {first:.2?} to {last:.2?}; the next client was served after {waited:.2?}"
    );
    assert!(*first >= HEADER_TIMEOUT);
    assert!(*last < 2 * HEADER_TIMEOUT);
    gateway.counts("client_connections", &[], 0).await;

    let mut browsers: Vec<_> = (0..SEATS).map(|_| Browser::new(front)).collect();
    for browser in &mut browsers {
        assert_eq!(browser.get("/app/echo").await.status, 200);
    }
    gateway.counts("client_connections", &[], SEATS).await;
    assert!(gateway.stop().await.success());
    let timeouts = |line: &&String| line.contains("\"status\":408");
    assert_eq!(
        gateway.access_log().iter().filter(timeouts).count() as u64,
        SEATS
    );
}

/// Sends a head without end, a byte at a time, until it is told to stop. Returns after how long that was.
async fn drip(front: SocketAddr) -> Duration {
    let (mut reader, mut writer) = TcpStream::connect(front).await.unwrap().into_split();
    let begun = Instant::now();
    let dripping = async {
        writer
            .write_all(b"GET /app/echo HTTP/1.1\r\nX-Endless: ")
            .await?;
        loop {
            writer.write_all(b"x").await?;
            pause(Duration::from_millis(50)).await;
        }
    };
    let mut answer = String::new();
    let answered: std::io::Result<usize> = tokio::select! {
        answered = reader.read_to_string(&mut answer) => answered,
        stopped = dripping => stopped,
    };
    answered.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    begun.elapsed()
}
