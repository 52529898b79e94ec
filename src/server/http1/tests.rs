//! A connection over a stream in memory, with time paused. The requests are answered by a script.

use std::future::Future;
use std::io::{self, IoSlice};
use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf, duplex,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, advance, timeout};

use super::client_stream::{ClientStream, Socket};
use super::connection::{Bounds, Connection, Times};
use super::machine::Refusal;
use super::service::{AnswerBody, Service};
use crate::connection_state::ConnectionState;
use crate::framing::HeadLimits;
use crate::head::{AnswerHead, Fields, RequestHead};
use crate::telemetry::metrics::Limit;
use crate::upload::{ClientBody, Upload, UploadError};

const HEAD: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HEAD_TIME: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(75);
const BOUNDS: Bounds = Bounds {
    head_limits: HeadLimits {
        max_bytes: 1000,
        max_fields: 100,
        max_target: usize::MAX,
    },
    times: Times {
        min_body_rate: None,
        head: HEAD_TIME,
        idle: IDLE,
    },
};

impl Socket for DuplexStream {
    fn reset_on_close(&self) {}

    fn poll_readable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The stream of a connection, with the number of its writes.
struct Counted {
    io: DuplexStream,
    writes: Arc<AtomicUsize>,
}

impl Socket for Counted {
    fn reset_on_close(&self) {
        self.io.reset_on_close();
    }

    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_readable(cx)
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, out)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// The head and the body of an answer.
type Answered = (AnswerHead, Scripted);

/// What the script knows when a request comes, and what it answers.
type Script = Box<
    dyn Fn(RequestHead, ClientBody) -> Pin<Box<dyn Future<Output = Answered> + Send>> + Send + Sync,
>;

/// What became of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Happened {
    Delivered {
        keep_alive: bool,
    },
    /// Given up before the client had all of the answer.
    Dropped,
    Refused(StatusCode, String),
    WentBeyond(Limit),
}

type Log = Arc<Mutex<Vec<Happened>>>;

/// Where the body of an answer comes from.
enum Source {
    /// A test sends it.
    Pieces(mpsc::UnboundedReceiver<Bytes>),
    /// The body of the request comes back.
    Echo(Upload),
}

/// The body of an answer.
struct Scripted {
    source: Source,
    length: Option<u64>,
    log: Log,
    delivered: bool,
}

impl Body for Scripted {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = match &mut self.source {
            Source::Pieces(pieces) => pieces.poll_recv(cx),
            Source::Echo(upload) => upload.poll_piece().map(|piece| piece?.ok()),
        };
        piece.map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

impl AnswerBody for Scripted {
    fn head_written(&mut self, head: &[u8]) {
        assert!(head.starts_with(b"HTTP/1.") && head.ends_with(b"\r\n\r\n"));
    }

    fn read_to_end(&mut self) {}

    fn delivered(mut self, keep_alive: bool) {
        self.delivered = true;
        let happened = Happened::Delivered { keep_alive };
        self.log.lock().unwrap().push(happened);
    }

    fn is_upgrade(&self) -> bool {
        false
    }

    async fn run_upgraded<S: Socket>(self, _: &mut ClientStream<S>) {}
}

impl Drop for Scripted {
    fn drop(&mut self) {
        if !self.delivered {
            self.log.lock().unwrap().push(Happened::Dropped);
        }
    }
}

struct Scripts {
    script: Script,
    closing: Arc<AtomicBool>,
    idle_over: Arc<AtomicBool>,
    log: Log,
}

impl Service for Scripts {
    type Body = Scripted;

    fn answer(
        &self,
        parts: RequestHead,
        body: ClientBody,
    ) -> impl Future<Output = Answered> + Send {
        (self.script)(parts, body)
    }

    fn refused(&self, status: StatusCode, refusal: &Refusal) -> (AnswerHead, Bytes) {
        let line = String::from_utf8_lossy(&refusal.line).into_owned();
        self.log
            .lock()
            .unwrap()
            .push(Happened::Refused(status, line));
        let mut fields = Fields::default();
        fields.push(b"Content-Type", b"text/plain; charset=utf-8");
        let reason = status.canonical_reason().unwrap();
        let text = format!("{} {reason}\n", status.as_u16());
        (AnswerHead { status, fields }, Bytes::from(text))
    }

    fn went_beyond(&self, limit: Limit) {
        let happened = Happened::WentBeyond(limit);
        self.log.lock().unwrap().push(happened);
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    fn is_idle_over(&self) -> bool {
        self.idle_over.load(Ordering::Relaxed)
    }

    fn is_withdrawn(&self) -> bool {
        false
    }
}

/// An answer whose body the returned sender gives.
fn streamed(log: &Log, length: Option<u64>) -> (Answered, mpsc::UnboundedSender<Bytes>) {
    let (sender, pieces) = mpsc::unbounded_channel();
    let body = Scripted {
        source: Source::Pieces(pieces),
        length,
        log: Arc::clone(log),
        delivered: false,
    };
    let head = AnswerHead {
        status: StatusCode::OK,
        fields: Fields::default(),
    };
    ((head, body), sender)
}

/// A whole answer.
fn whole(log: &Log, status: u16, text: &str) -> Answered {
    let ((mut head, body), sender) = streamed(log, Some(text.len() as u64));
    head.status = StatusCode::from_u16(status).unwrap();
    sender
        .send(Bytes::copy_from_slice(text.as_bytes()))
        .unwrap();
    (head, body)
}

/// A client, and the connection that serves it.
struct Setup {
    client: DuplexStream,
    /// Writes to the client.
    writes: Arc<AtomicUsize>,
    log: Log,
    closing: Arc<AtomicBool>,
    idle_over: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Setup {
    fn new<F>(script: impl Fn(RequestHead, ClientBody, Log) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answered> + Send + 'static,
    {
        Self::within(BOUNDS, script)
    }

    /// A connection with these bounds.
    fn within<F>(
        bounds: Bounds,
        script: impl Fn(RequestHead, ClientBody, Log) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Answered> + Send + 'static,
    {
        let (client, io) = duplex(64 * 1024);
        let writes = Arc::<AtomicUsize>::default();
        let io = Counted {
            io,
            writes: Arc::clone(&writes),
        };
        let log = Log::default();
        let seen = Arc::clone(&log);
        let closing = Arc::<AtomicBool>::default();
        let idle_over = Arc::<AtomicBool>::default();
        let service = Scripts {
            script: Box::new(move |parts, body| Box::pin(script(parts, body, Arc::clone(&seen)))),
            closing: Arc::clone(&closing),
            idle_over: Arc::clone(&idle_over),
            log: Arc::clone(&log),
        };
        let task = tokio::spawn(async move {
            let state = Arc::new(ConnectionState::default());
            Connection::new(io, state, bounds, &service).run().await;
        });
        Self {
            client,
            writes,
            log,
            closing,
            idle_over,
            task,
        }
    }

    /// Stops the gateway.
    fn stop(&self) {
        self.closing.store(true, Ordering::Relaxed);
        self.idle_over.store(true, Ordering::Relaxed);
    }

    /// Answers every request at once, without its body, with its target.
    fn prompt() -> Self {
        Self::new(|parts, _, log| async move { whole(&log, 200, parts.target.path()) })
    }

    /// Answers every request with its body.
    fn echo() -> Self {
        Self::echo_within(BOUNDS)
    }

    /// The same with these bounds.
    fn echo_within(bounds: Bounds) -> Self {
        Self::within(bounds, |_, body, log| async move {
            match read(body).await {
                Ok(body) => whole(&log, 200, &String::from_utf8(body).unwrap()),
                Err(error) => whole(&log, error.status().as_u16(), "failed"),
            }
        })
    }

    /// Never answers.
    fn silent() -> Self {
        Self::new(|_, _, log| async move {
            let _dropped = whole(&log, 200, "");
            std::future::pending().await
        })
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.client.write_all(bytes.as_ref()).await.unwrap();
    }

    /// What comes now, without waiting; the test's time stands still.
    async fn comes(&mut self) -> String {
        let mut seen = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(Ok(count @ 1..)) =
            timeout(Duration::from_millis(1), self.client.read(&mut piece)).await
        {
            seen.extend_from_slice(&piece[..count]);
        }
        String::from_utf8(seen).unwrap()
    }

    /// Everything up to the end of the connection.
    async fn rest(&mut self) -> String {
        let mut seen = String::new();
        self.client.read_to_string(&mut seen).await.unwrap();
        seen
    }

    fn happened(&self) -> Vec<Happened> {
        self.log.lock().unwrap().clone()
    }

    async fn is_over(&mut self) -> bool {
        timeout(Duration::from_millis(1), &mut self.task)
            .await
            .is_ok()
    }
}

async fn read(body: ClientBody) -> Result<Vec<u8>, UploadError> {
    let mut upload = Upload::new(body, None)?;
    let mut read = Vec::new();
    while let Some(piece) = std::future::poll_fn(|_| upload.poll_piece()).await {
        read.extend_from_slice(&piece?);
    }
    Ok(read)
}

/// The body of the one answer in this text, and whether it says that the connection ends.
#[track_caller]
fn answer(text: &str) -> (&str, bool) {
    let (head, body) = text.split_once("\r\n\r\n").expect(text);
    (body, head.contains("\r\nConnection: close"))
}

const KEPT: Happened = Happened::Delivered { keep_alive: true };
const CLOSED: Happened = Happened::Delivered { keep_alive: false };

#[tokio::test(start_paused = true)]
async fn a_head_may_come_in_pieces_and_requests_may_be_pipelined() {
    let mut setup = Setup::prompt();
    for piece in HEAD.as_bytes().chunks(5) {
        assert_eq!(setup.comes().await, "");
        setup.send(piece).await;
    }
    assert_eq!(answer(&setup.comes().await), ("/", false));
    setup
        .send("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")
        .await;
    let both = setup.comes().await;
    let (first, second) = (both.find("\r\n\r\n/1HTTP"), both.find("\r\n\r\n/2"));
    assert!(first.is_some() && first < second, "{both}");
    assert_eq!(setup.happened(), [KEPT, KEPT, KEPT]);
}

/// Head and body of a small answer are one write.
#[tokio::test(start_paused = true)]
async fn a_small_answer_is_one_write() {
    let mut setup = Setup::prompt();
    setup.send(HEAD).await;
    assert_eq!(answer(&setup.comes().await).0, "/");
    assert_eq!(setup.writes.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pipelined_request_waits_for_the_answer_before_it() {
    let mut setup = Setup::silent();
    setup.send(HEAD.repeat(2)).await;
    assert_eq!(setup.comes().await, "");
    setup.task.abort();
    assert!(setup.task.await.unwrap_err().is_cancelled());
    // One request had begun.
    assert_eq!(*setup.log.lock().unwrap(), [Happened::Dropped]);
}

#[tokio::test(start_paused = true)]
async fn bodies_come_to_their_end_and_no_further() {
    let mut setup = Setup::echo();
    setup
        .send("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab")
        .await;
    assert_eq!(setup.comes().await, "");
    setup.send("cPOST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n").await;
    let answers = setup.comes().await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3);
    assert!(answers.contains("\r\n\r\nabc") && answers.contains("\r\n\r\ndef"));
    assert_eq!(setup.happened(), [KEPT, KEPT, KEPT]);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_never_becomes_a_request() {
    for (sent, status, line) in [
        (
            "POST /x HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
                .to_owned(),
            StatusCode::BAD_REQUEST,
            "POST /x HTTP/1.1",
        ),
        (
            format!("GET /y HTTP/1.1\r\nX: {}", "x".repeat(1001)),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "GET /y HTTP/1.1",
        ),
    ] {
        let mut setup = Setup::prompt();
        setup.send(sent).await;
        let text = setup.rest().await;
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{text}");
        assert!(answer(&text).1);
        let refused = Happened::Refused(status, line.to_owned());
        assert_eq!(setup.happened(), [refused]);
        drop(setup.client);
        setup.task.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_head_gets_408_however_steadily_it_drips() {
    let mut setup = Setup::prompt();
    for _ in 0..9 {
        setup.send("x").await;
        advance(Duration::from_secs(1)).await;
        assert_eq!(setup.comes().await, "");
    }
    advance(Duration::from_secs(2)).await;
    let text = setup.comes().await;
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    assert_eq!(
        setup.happened(),
        [Happened::Refused(
            StatusCode::REQUEST_TIMEOUT,
            "x".repeat(9)
        )]
    );
}

/// No time runs while a request is answered.
#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_without_a_word() {
    let mut setup = Setup::new(|_, _, log| async move {
        tokio::time::sleep(Duration::from_secs(1000)).await;
        whole(&log, 200, "late")
    });
    let begun = Instant::now();
    setup.send(HEAD).await;
    assert_eq!(answer(&setup.rest().await), ("late", false));
    assert!(begun.elapsed() >= Duration::from_secs(1000) + IDLE);
    assert!(begun.elapsed() < Duration::from_secs(1001) + IDLE);
    assert_eq!(setup.happened(), [KEPT]);
}

#[tokio::test(start_paused = true)]
async fn a_new_connection_has_the_shorter_time() {
    let mut setup = Setup::prompt();
    let begun = Instant::now();
    assert_eq!(setup.rest().await, "");
    assert!(begun.elapsed() >= HEAD_TIME && begun.elapsed() < HEAD_TIME * 2);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_408() {
    let mut setup = Setup::echo();
    setup
        .send("POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\nabc")
        .await;
    assert_eq!(setup.comes().await, "");
    advance(IDLE - Duration::from_secs(1)).await;
    setup.send("d").await;
    assert_eq!(setup.comes().await, "");
    let begun = Instant::now();
    let text = setup.rest().await;
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    assert!(answer(&text).1);
    assert!(begun.elapsed() >= IDLE - Duration::from_secs(1));
    assert_eq!(setup.happened(), [CLOSED]);
}

/// At least 100 bytes of a body per second.
fn hurried() -> Bounds {
    let times = Times {
        min_body_rate: NonZeroU64::new(100),
        ..BOUNDS.times
    };
    Bounds { times, ..BOUNDS }
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_is_408_after_five_seconds() {
    let mut setup = Setup::echo_within(hurried());
    setup
        .send("POST / HTTP/1.1\r\nContent-Length: 10000\r\n\r\n")
        .await;
    assert_eq!(setup.comes().await, "");
    let begun = Instant::now();
    for _ in 0..4 {
        advance(SECOND).await;
        // Half of the rate.
        setup.send([b'a'; 50]).await;
        assert_eq!(setup.comes().await, "");
    }
    let text = setup.rest().await;
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    assert!(answer(&text).1);
    let waited = begun.elapsed().as_millis();
    assert!((4900..5100).contains(&waited), "{waited} ms");
    assert_eq!(
        setup.happened(),
        [Happened::WentBeyond(Limit::MinBodyRate), CLOSED]
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_of_the_least_rate_is_read_however_long_it_takes() {
    let mut setup = Setup::echo_within(hurried());
    setup
        .send("POST / HTTP/1.1\r\nContent-Length: 10000\r\n\r\n")
        .await;
    for _ in 0..50 {
        setup.send([b'a'; 200]).await;
        advance(2 * SECOND - Duration::from_millis(1)).await;
    }
    let text = setup.comes().await;
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    // The next body has its own five seconds.
    setup
        .send("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n")
        .await;
    assert_eq!(setup.comes().await, "");
    advance(4 * SECOND).await;
    setup.send("abc").await;
    let text = setup.comes().await;
    assert!(text.ends_with("abc"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_client_is_not_slow_while_nobody_wants_its_body() {
    let (want, wanted) = tokio::sync::watch::channel(false);
    let mut setup = Setup::within(hurried(), move |_, body, log| {
        let mut wanted = wanted.clone();
        async move {
            wanted.wait_for(|wanted| *wanted).await.unwrap();
            match read(body).await {
                Ok(body) => whole(&log, 200, &String::from_utf8(body).unwrap()),
                Err(error) => whole(&log, error.status().as_u16(), "failed"),
            }
        }
    });
    setup
        .send("POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc")
        .await;
    assert_eq!(setup.comes().await, "");
    advance(60 * SECOND).await;
    want.send(true).unwrap();
    assert_eq!(setup.comes().await, "");
    advance(4 * SECOND).await;
    setup.send("def").await;
    let text = setup.comes().await;
    assert!(text.ends_with("abcdef"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_body_without_proper_end_is_400() {
    for (sent, ends) in [
        (
            "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
            false,
        ),
        ("Content-Length: 5\r\n\r\nabc", true),
    ] {
        let mut setup = Setup::echo();
        setup.send(format!("POST / HTTP/1.1\r\n{sent}")).await;
        if ends {
            setup.client.shutdown().await.unwrap();
        }
        let text = setup.rest().await;
        assert!(text.starts_with("HTTP/1.1 400 "), "{text}");
        assert_eq!(setup.happened(), [CLOSED]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_given_up() {
    let mut setup = Setup::new(|_, _, log| async move { whole(&log, 200, &"x".repeat(1 << 20)) });
    setup.send(HEAD).await;
    assert!(!setup.is_over().await);
    advance(IDLE - Duration::from_secs(1)).await;
    assert!(!setup.is_over().await);
    advance(Duration::from_secs(2)).await;
    assert!(setup.is_over().await);
    assert_eq!(setup.happened(), [Happened::Dropped]);
}

#[tokio::test(start_paused = true)]
async fn bytes_ahead_are_bounded_while_a_request_is_answered() {
    let mut setup = Setup::silent();
    setup.send(HEAD).await;
    let sent = timeout(
        Duration::from_secs(1),
        setup.client.write_all(&[b'x'; 256 * 1024]),
    );
    // The stream holds 64 KiB, and the connection no more than two reads.
    assert!(sent.await.is_err());
}

/// It may still want the answer; when it takes nothing of it, it is gone.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_client_is_seen_while_its_request_is_answered() {
    let (give, pieces) = mpsc::unbounded_channel::<Bytes>();
    let pieces = Mutex::new(Some(pieces));
    let mut setup = Setup::new(move |_, _, log| {
        let pieces = pieces.lock().unwrap().take().unwrap();
        async move {
            let (mut response, _) = streamed(&log, None);
            response.1.source = Source::Pieces(pieces);
            response
        }
    });
    setup.send(HEAD).await;
    setup.client.shutdown().await.unwrap();
    for _ in 0..10 {
        give.send(Bytes::from_static(b"more")).unwrap();
        assert!(setup.comes().await.contains("more"));
        advance(Duration::from_secs(1)).await;
    }
    advance(IDLE - Duration::from_secs(2)).await;
    assert!(!setup.is_over().await);
    advance(Duration::from_secs(2)).await;
    assert!(setup.is_over().await);
    assert_eq!(setup.happened(), [Happened::Dropped]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_only_stops_sending_gets_its_answers() {
    let mut setup = Setup::new(|parts, _, log| async move {
        tokio::time::sleep(IDLE - Duration::from_secs(1)).await;
        whole(&log, 200, parts.target.path())
    });
    setup.send(HEAD.repeat(3)).await;
    setup.client.shutdown().await.unwrap();
    let text = setup.rest().await;
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 3);
    assert_eq!(setup.happened(), [KEPT, KEPT, CLOSED]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_gone_frees_its_request() {
    let mut setup = Setup::silent();
    setup.send(HEAD).await;
    assert_eq!(setup.comes().await, "");
    drop(setup.client);
    setup.task.await.unwrap();
    assert_eq!(*setup.log.lock().unwrap(), [Happened::Dropped]);
}

// === Answers that come before the body has been read ===

/// Contract section 6: at most 256 KiB that are known to be left are read, and the connection goes on.
#[tokio::test(start_paused = true)]
async fn the_rest_of_a_small_body_is_read_and_the_connection_goes_on() {
    let mut setup = Setup::prompt();
    setup
        .send("POST /early HTTP/1.1\r\nContent-Length: 10\r\n\r\n")
        .await;
    assert_eq!(answer(&setup.comes().await), ("/early", false));
    advance(Duration::from_secs(29)).await;
    setup.send("0123456789GET /next HTTP/1.1\r\n\r\n").await;
    assert_eq!(answer(&setup.comes().await), ("/next", false));
    assert_eq!(setup.happened(), [KEPT, KEPT]);
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_small_body_is_read_for_30_seconds() {
    let mut setup = Setup::prompt();
    let begun = Instant::now();
    setup
        .send("POST /early HTTP/1.1\r\nContent-Length: 10\r\n\r\n1")
        .await;
    assert_eq!(answer(&setup.rest().await), ("/early", false));
    assert!(begun.elapsed() >= Duration::from_secs(30));
    assert!(begun.elapsed() < Duration::from_secs(31));
}

/// Otherwise the answer says so, the written side is closed, and the gateway reads on.
#[tokio::test(start_paused = true)]
async fn a_large_body_is_read_until_the_client_closes() {
    for fields in ["Content-Length: 2000000", "Transfer-Encoding: chunked"] {
        let mut setup = Setup::prompt();
        setup
            .send(format!("POST /early HTTP/1.1\r\n{fields}\r\n\r\n"))
            .await;
        assert_eq!(answer(&setup.rest().await), ("/early", true));
        for _ in 0..20 {
            advance(Duration::from_secs(1)).await;
            setup.send([b'x'; 100_000]).await;
        }
        assert!(!setup.is_over().await);
        drop(setup.client);
        setup.task.await.unwrap();
        assert_eq!(*setup.log.lock().unwrap(), [CLOSED]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_lingers_for_30_seconds_at_most() {
    let mut setup = Setup::prompt();
    setup
        .send("POST /early HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    assert!(answer(&setup.rest().await).1);
    for _ in 0..29 {
        advance(Duration::from_secs(1)).await;
        setup.send("1\r\nx\r\n").await;
    }
    assert!(!setup.is_over().await);
    advance(Duration::from_secs(2)).await;
    assert!(setup.is_over().await);
}

/// A client that sends all of its body before it reads must not stop the answer, nor the answer the body.
#[tokio::test(start_paused = true)]
async fn a_large_answer_and_a_large_upload_pass_each_other() {
    const LENGTH: usize = 4 << 20;
    let mut setup = Setup::new(|_, body, log| async move {
        let (mut response, _) = streamed(&log, None);
        response.1.source = Source::Echo(Upload::new(body, None).unwrap());
        response
    });
    let head = format!("POST / HTTP/1.1\r\nContent-Length: {LENGTH}\r\n\r\n");
    setup.send(head).await;
    let (mut reader, mut writer) = tokio::io::split(setup.client);
    let sending = async {
        writer.write_all(&vec![b'x'; LENGTH]).await.unwrap();
    };
    let reading = async {
        let mut seen = Vec::new();
        let mut piece = vec![0; 16 * 1024];
        while !seen.ends_with(b"\r\n0\r\n\r\n") {
            let count = reader.read(&mut piece).await.unwrap();
            seen.extend_from_slice(&piece[..count]);
        }
        seen.iter().filter(|byte| **byte == b'x').count()
    };
    let ((), seen) = tokio::join!(sending, reading);
    assert_eq!(seen, LENGTH);
}

#[tokio::test(start_paused = true)]
async fn a_body_is_asked_for_when_it_is_wanted_and_not_before() {
    let expecting = "POST /x HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    let mut setup = Setup::echo();
    setup.send(expecting).await;
    assert_eq!(setup.comes().await, "HTTP/1.1 100 Continue\r\n\r\n");
    setup.send("hello").await;
    assert_eq!(answer(&setup.comes().await), ("hello", false));
    let mut setup = Setup::prompt();
    setup.send(expecting).await;
    assert_eq!(answer(&setup.comes().await), ("/x", true));
}

// === Stopping ===

#[tokio::test(start_paused = true)]
async fn stopping_ends_an_idle_connection_and_a_busy_one_behind_its_answer() {
    let mut setup = Setup::new(|_, _, log| async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        whole(&log, 200, "last")
    });
    setup.send(HEAD).await;
    assert_eq!(setup.comes().await, "");
    setup.stop();
    assert_eq!(answer(&setup.rest().await), ("last", true));
    assert_eq!(setup.happened(), [CLOSED]);
    let mut setup = Setup::prompt();
    setup.stop();
    assert_eq!(setup.rest().await, "");
}

/// The request was in the socket when the stop came.
#[tokio::test(start_paused = true)]
async fn a_request_that_has_arrived_is_answered_when_the_gateway_stops() {
    let mut setup = Setup::prompt();
    setup.stop();
    setup.client.write_all(HEAD.as_bytes()).await.unwrap();
    assert_eq!(answer(&setup.rest().await), ("/", true));
}

/// Another process takes the new connections.
#[tokio::test(start_paused = true)]
async fn beside_a_successor_an_idle_connection_gets_one_more_answer() {
    let mut setup = Setup::prompt();
    setup.send(HEAD).await;
    assert!(!answer(&setup.comes().await).1);
    setup.closing.store(true, Ordering::Relaxed);
    advance(Duration::from_secs(1)).await;
    assert!(!setup.is_over().await);
    setup.send(HEAD).await;
    assert_eq!(answer(&setup.rest().await), ("/", true));
    let mut setup = Setup::prompt();
    setup.stop();
    assert_eq!(setup.rest().await, "");
}

/// The gateway's stop wakes the connection's task; here bytes of the client do.
#[tokio::test(start_paused = true)]
async fn stopping_does_not_wait_for_a_client_that_lingers() {
    let mut setup = Setup::prompt();
    setup
        .send("POST /early HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    assert!(answer(&setup.rest().await).1);
    setup.stop();
    setup.send("1\r\nx\r\n").await;
    assert!(!setup.is_over().await);
    advance(Duration::from_secs(2)).await;
    assert!(setup.is_over().await);
}

/// The task of a connection that waits for its next request holds this and no buffer.
#[tokio::test]
async fn a_connection_that_waits_is_small() {
    let (io, _client) = duplex(1);
    let service = Scripts {
        script: Box::new(|_, _| panic!("there is no request")),
        closing: Arc::default(),
        idle_over: Arc::default(),
        log: Log::default(),
    };
    let state = Arc::new(ConnectionState::default());
    let mut connection = Connection::new(io, state, BOUNDS, &service);
    let whole = size_of_val(&connection);
    let running = size_of_val(&connection.run());
    assert!(whole + running < 640, "{whole} + {running} bytes");
}
