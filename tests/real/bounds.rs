//! Many clients that are slow or leave: their memory is bounded, and nothing of them stays.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::support::ajpgate::Ajpgate;
use crate::support::browser::Browser;
use crate::support::client::{self, Client};
use crate::support::h2::{self, Http2};
use crate::support::process::allow_open_files;
use crate::support::scratch::Scratch;
use crate::support::tomcat::{Tomcat, TomcatOptions};
use crate::support::usage::Memory;
use crate::support::wait::pause;
use crate::support::{eventually, noise, soon};
use serde_json::Value;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

// === Clients that read slowly ===

const READERS: u64 = 1000;
const ANSWER: usize = 1_000_000;
const SEED: u64 = 7;
/// Bytes that a slow reader reads at a time.
const PIECE: usize = 4096;
const PIECES: usize = 10;
/// Most memory for a client that does not read, in KiB: two connections, the 64 KiB of answer that wait for the client, and the
/// rest of the packets that these are parts of.
const PER_READER: u64 = 256;
/// The same of a file: one connection, and the piece that was read last. 151 KiB were seen on a quiet machine, 217 on a busy one.
const PER_FILE_READER: u64 = 288;

#[tokio::test]
async fn a_thousand_slow_readers_take_bounded_memory_and_get_every_byte() {
    allow_open_files(8192);
    let options = TomcatOptions::new("node1")
        .connector("maxThreads", "1100")
        // Each reader has a connection to Tomcat.
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
    let readers = SlowReaders::ask(&gateway, &target, expected).await;
    assert_eq!(gateway.count("member_busy", &[]).await, READERS);
    assert!(readers.read(&gateway).await <= PER_READER);
    let served = gateway.count("requests_total", &[("code", "2xx")]).await;
    assert_eq!(served, READERS + 1);
    assert_eq!(gateway.connections_given_up().await, 0);
}

#[tokio::test]
async fn a_thousand_slow_readers_of_a_file_take_bounded_memory_and_get_every_byte() {
    allow_open_files(8192);
    let folder = Scratch::new("slow-readers");
    let expected: &[u8] = noise::bytes(SEED, ANSWER).leak();
    std::fs::write(folder.path().join("file"), expected).unwrap();
    let folder = folder.path().display();
    let mapping = format!("proxy_pass: [{{ path: /, files: \"{folder}\" }}]\n");
    let gateway = Ajpgate::start(&mapping).await;
    let warm = client::get(gateway.front(), "/file", "").await;
    assert_eq!(warm.body, expected);
    let readers = SlowReaders::ask(&gateway, "/file", expected).await;
    assert!(readers.read(&gateway).await <= PER_FILE_READER);
}

/// Connections of HTTP/2, each with as many requests as it may have.
const STALLED: usize = 5;
const STREAMS: usize = 100;
/// Most memory for them, in KiB: 256 MiB for encoders, and 640 KiB for each answer. 300 MiB in all were seen on a quiet machine, 418
/// on a busy one.
const FOR_STALLED: u64 = 256 * 1024 + 640 * (STALLED * STREAMS) as u64;

/// Memory of an encoder is up to 3.5 MiB, so that not all of these are compressed.
#[tokio::test]
async fn clients_that_take_nothing_of_compressed_files_take_bounded_memory() {
    let folder = Scratch::new("stalled-readers");
    let text = noise::bytes(SEED, ANSWER);
    let text: String = text.iter().map(|byte| format!("{byte:02x} ")).collect();
    std::fs::write(folder.path().join("file.txt"), &text).unwrap();
    let gateway = Ajpgate::start(&format!(
        "listeners: [{{ bind: \"127.0.0.1:0\", http2: true }}]
proxy_pass: [{{ path: /, files: \"{}\", compress: {{ types: [text/*] }} }}]
",
        folder.path().display()
    ))
    .await;
    let before = gateway.memory();
    let mut asked = h2::get("/file.txt");
    asked.push(("accept-encoding", "br"));
    let mut clients = Vec::new();
    for _ in 0..STALLED {
        // Streams start with a window of 0 bytes (SETTINGS_INITIAL_WINDOW_SIZE).
        let mut client = Http2::with_settings(gateway.front(), &[(4, 0)]).await;
        client.takes = false;
        for _ in 0..STREAMS {
            client.open(&asked, true).await;
        }
        clients.push(client);
    }
    // All of them have their answer's head, and the gateway can do no more.
    for client in &mut clients {
        for _ in 0..STREAMS {
            client.next_of(h2::HEADERS).await.unwrap();
        }
    }
    eventually("it has nothing to do", async || {
        let before = gateway.processor_time();
        pause(Duration::from_millis(300)).await;
        gateway.processor_time() - before < Duration::from_millis(30)
    })
    .await;
    let taken = gateway.memory().risen_above(before.rss);
    println!("{taken} KiB: {}", gateway.memory());
    assert!(taken < FOR_STALLED, "{taken} KiB");
    let plain = client::get(gateway.front(), "/file.txt", "").await;
    assert_eq!(plain.body, text.as_bytes());
}

/// Clients that ask for the same, and have read a little of it.
struct SlowReaders {
    readers: Vec<SlowReader>,
    /// Memory of the gateway before they came.
    before: Memory,
}

impl SlowReaders {
    async fn ask(gateway: &Ajpgate, target: &str, expected: &'static [u8]) -> Self {
        gateway.quiet().await;
        let before = gateway.memory();
        println!("before: {before}");
        let begun = Instant::now();
        let asking: JoinSet<_> = (0..READERS)
            .map(|_| SlowReader::ask(gateway.front(), target.to_owned(), expected))
            .collect();
        let mut readers = asking.join_all().await;
        println!("asked within {:.1?}: {}", begun.elapsed(), gateway.memory());
        for _ in 0..PIECES {
            for reader in &mut readers {
                reader.take(PIECE).await;
            }
        }
        println!("while they read slowly: {}", gateway.memory());
        Self { readers, before }
    }

    /// Lets them read the rest. Returns the most memory that each has taken, in KiB.
    async fn read(self, gateway: &Ajpgate) -> u64 {
        let begun = Instant::now();
        let readers = self.readers.into_iter();
        let reading: JoinSet<_> = readers.map(SlowReader::read_rest).collect();
        reading.join_all().await;
        gateway.quiet().await;
        println!("read within {:.1?}: {}", begun.elapsed(), gateway.memory());
        let each = gateway.memory().risen_above(self.before.rss) / READERS;
        println!("at most {each} KiB for each of {READERS} readers");
        each
    }
}

/// A slow client that compares what it reads with the expected bytes.
struct SlowReader {
    stream: TcpStream,
    left: &'static [u8],
}

impl SlowReader {
    /// Sends the request and reads the head of the answer only.
    async fn ask(front: SocketAddr, target: String, expected: &'static [u8]) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        // With the large segments of loopback, the kernel would buffer the whole answer.
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

    /// Reads this number of bytes of the body.
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

    /// Reads the rest at full speed.
    async fn read_rest(mut self) {
        let line = SockRef::from(&self.stream);
        line.set_recv_buffer_size(256 * 1024).unwrap();
        while !self.left.is_empty() {
            self.take(self.left.len().min(16 * 1024)).await;
        }
    }
}

// === Clients that leave ===

/// How a client that leaves ends its connection.
#[derive(Debug, Clone, Copy)]
enum Close {
    /// It closes: FIN, where it has read all bytes that came.
    Close,
    /// It resets: RST.
    Reset,
}

/// What a client does before it leaves, and the status in the access log.
struct LeavingClient {
    method: &'static str,
    target: &'static str,
    rest: String,
    /// The last text that it reads. Empty: it leaves when its request is under way.
    sees: &'static str,
    logged: u16,
}

fn leaving_clients() -> Vec<LeavingClient> {
    let leaver = |method, target, sees, logged| LeavingClient {
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
        LeavingClient {
            rest: format!("Content-Length: 1000000\r\n\r\n{half}"),
            ..leaver("POST", "/app/sha?seed=7", "", 400)
        },
        LeavingClient {
            rest: format!("Transfer-Encoding: chunked\r\n\r\nf4240\r\n{half}"),
            ..leaver("POST", "/app/sha?seed=7", "", 400)
        },
        LeavingClient {
            rest: format!("Content-Length: 1000000\r\n\r\n{half}"),
            ..leaver("POST", "/app/sha?early=1", "true", 200)
        },
    ]
}

impl LeavingClient {
    /// Begins a request, leaves before its end, and returns the time until the gateway has freed the member.
    async fn leave(&self, gateway: &Ajpgate, target: &str, close: Close) -> Duration {
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
        match close {
            Close::Close => drop(client),
            Close::Reset => client.vanish(),
        }
        gateway.quiet().await;
        gone.elapsed()
    }
}

#[tokio::test]
async fn a_client_that_leaves_frees_everything() {
    let tomcat = Tomcat::start(TomcatOptions::new("node1")).await;
    // A client that has closed its side may still want its answer, but waits no longer than this for a piece of it.
    let mut gateway = Ajpgate::before(&[&tomcat])
        .key("limits: { idle_timeout: 2s }")
        .start()
        .await;
    let mut left = BTreeMap::new();
    for leaver in leaving_clients() {
        for close in [Close::Close, Close::Reset] {
            let target = format!("{}&leaver={}", leaver.target, left.len());
            let took = leaver.leave(&gateway, &target, close).await;
            let method = leaver.method;
            println!("{close:?} {method} {target}: free after {took:.1?}");
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
    assert_eq!(logged_by_leaving_clients(&gateway), left);
}

/// Target and status of each client that left, from the access log. Each must have been logged once.
fn logged_by_leaving_clients(gateway: &Ajpgate) -> BTreeMap<String, u16> {
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

// === Clients that do not complete their head ===

const MAX_CONNECTIONS: u64 = 300;
const HEADER_TIMEOUT: Duration = Duration::from_secs(2);

/// They use every connection that `max_connections` allows. The next client waits until they are cut off, and no longer.
#[tokio::test]
async fn slow_heads_are_cut_off_and_free_their_connections() {
    let tomcat = Tomcat::start(TomcatOptions::new("node1")).await;
    let mut gateway = Ajpgate::before(&[&tomcat])
        .key(&format!(
            "limits: {{ header_timeout: 2s, max_connections: {MAX_CONNECTIONS} }}"
        ))
        .start()
        .await;
    let front = gateway.front();
    let begun = Instant::now();
    let drips: JoinSet<_> = (0..MAX_CONNECTIONS).map(|_| send_slowly(front)).collect();
    gateway
        .counts("client_connections", &[], MAX_CONNECTIONS)
        .await;
    println!("{MAX_CONNECTIONS} slow heads: {}", gateway.memory());
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

    let mut browsers: Vec<_> = (0..MAX_CONNECTIONS).map(|_| Browser::new(front)).collect();
    for browser in &mut browsers {
        assert_eq!(browser.get("/app/echo").await.status, 200);
    }
    gateway
        .counts("client_connections", &[], MAX_CONNECTIONS)
        .await;
    assert!(gateway.stop().await.success());
    let timeouts = |line: &&String| line.contains("\"status\":408");
    assert_eq!(
        gateway.access_log().iter().filter(timeouts).count() as u64,
        MAX_CONNECTIONS
    );
}

/// Sends an endless head byte by byte until the gateway closes. Returns the time until then.
async fn send_slowly(front: SocketAddr) -> Duration {
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
