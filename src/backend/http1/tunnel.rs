//! A connection that speaks another protocol, mostly WebSocket.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::Instant;

use super::super::pool::Lease;
use super::super::stream::Stream;
use super::super::wire::{Moved, Traffic, Wire};
use super::stream::HttpTransport;

/// Most bytes that are moved at once, in each direction.
const PIECE: usize = 16 * 1024;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Tunnel {
    wire: Wire<Stream>,
    /// What the member sent behind its 101.
    early: Bytes,
    /// The place in the pool. It is never given back, because the connection cannot be used again.
    _lease: Lease<HttpTransport>,
    moved: Counts,
    /// How long neither side may send anything.
    timeout: Duration,
}

/// Bytes of the other protocol, and when the last ones moved.
#[derive(Debug)]
struct Counts {
    to_backend: AtomicU64,
    from_backend: AtomicU64,
    start: Instant,
    /// When bytes moved last: nanoseconds since `start`.
    last: AtomicU64,
}

impl Counts {
    fn new() -> Self {
        Self {
            to_backend: AtomicU64::new(0),
            from_backend: AtomicU64::new(0),
            start: Instant::now(),
            last: AtomicU64::new(0),
        }
    }

    /// So many bytes have gone to the backend.
    fn sent_up(&self, length: usize) {
        self.to_backend.fetch_add(length as u64, Ordering::Relaxed);
        self.touch();
    }

    /// So many bytes have gone to the client.
    fn sent_down(&self, length: usize) {
        self.from_backend
            .fetch_add(length as u64, Ordering::Relaxed);
        self.touch();
    }

    /// The silence begins now.
    fn touch(&self) {
        let now = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    /// How long no byte has moved.
    fn quiet(&self) -> Duration {
        let last = Duration::from_nanos(self.last.load(Ordering::Relaxed));
        self.start.elapsed().saturating_sub(last)
    }

    fn moved(&self) -> Moved {
        let traffic = Traffic {
            to_backend: self.to_backend.load(Ordering::Relaxed),
            from_backend: self.from_backend.load(Ordering::Relaxed),
        };
        Moved {
            wire: traffic,
            bodies: traffic,
        }
    }
}

impl Tunnel {
    /// It ends after `timeout` without a byte.
    pub(super) fn new(
        wire: Wire<Stream>,
        early: Bytes,
        lease: Lease<HttpTransport>,
        timeout: Duration,
    ) -> Self {
        Self {
            wire,
            early,
            _lease: lease,
            moved: Counts::new(),
            timeout,
        }
    }

    /// Moves bytes in both directions until both sides have ended, one has failed, or neither has sent anything for the
    /// timeout of the request, as httpd does. `tell` is called now and then with the bytes moved so far.
    pub(crate) async fn run(
        &mut self,
        client: impl AsyncRead + AsyncWrite,
        tell: impl FnMut(Moved),
    ) {
        let early = std::mem::take(&mut self.early);
        let (wire, moved) = (&mut self.wire, &self.moved);
        join(client, wire, early, moved, self.timeout, tell).await;
    }

    /// Bytes that have moved.
    pub(crate) fn moved(&self) -> Moved {
        self.moved.moved()
    }
}

/// See [`Tunnel::run`]. `early` is what the backend has sent already.
async fn join(
    client: impl AsyncRead + AsyncWrite,
    backend: impl AsyncRead + AsyncWrite,
    early: Bytes,
    moved: &Counts,
    timeout: Duration,
    tell: impl FnMut(Moved),
) {
    let (from_client, mut to_client) = tokio::io::split(client);
    let (from_backend, to_backend) = tokio::io::split(backend);
    let down = async {
        to_client.write_all(&early).await?;
        to_client.flush().await?;
        moved.sent_down(early.len());
        pump(from_backend, to_client, |length| moved.sent_down(length)).await
    };
    let up = pump(from_client, to_backend, |length| moved.sent_up(length));
    tokio::select! {
        _ = async { tokio::try_join!(down, up) } => {}
        () = silence(moved, timeout, tell) => {}
    }
}

/// Returns when no byte has moved for `timeout`. The timer is not set again for each byte: it looks at the time of the
/// last one when it expires, and then sleeps for the rest.
async fn silence(moved: &Counts, timeout: Duration, mut tell: impl FnMut(Moved)) {
    moved.touch();
    loop {
        let quiet = moved.quiet();
        if quiet >= timeout {
            return;
        }
        tokio::time::sleep(timeout.saturating_sub(quiet)).await;
        tell(moved.moved());
    }
}

/// Moves bytes one way up to their end, and passes the end on. `moved` is told the length of each piece.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    moved: impl Fn(usize),
) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        let data = piece.get(..length).unwrap_or_default();
        to.write_all(data).await?;
        to.flush().await?;
        moved(length);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;
    use tokio::time::sleep;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(6);

    /// Joins two ends that `play` holds: the client's and the backend's. Returns how long the tunnel lasted.
    async fn lasted(play: impl AsyncFnOnce(&mut DuplexStream, &mut DuplexStream)) -> Duration {
        let (mut client, client_end) = tokio::io::duplex(1024);
        let (mut backend, backend_end) = tokio::io::duplex(1024);
        let (counts, start) = (Counts::new(), Instant::now());
        let early = Bytes::from_static(b"hello");
        let tunnel = async {
            join(client_end, backend_end, early, &counts, TIMEOUT, |_| {}).await;
            start.elapsed()
        };
        let play = async {
            client.read_exact(&mut [0; 5]).await.unwrap();
            play(&mut client, &mut backend).await;
        };
        tokio::join!(tunnel, play).0
    }

    #[tokio::test(start_paused = true)]
    async fn a_tunnel_ends_after_timeout_without_a_byte() {
        let lasted = lasted(async |_, _| {}).await;
        assert_eq!(lasted.as_secs(), 6, "{lasted:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn timeout_counts_from_the_last_byte_of_either_side() {
        let lasted = lasted(async |client, backend| {
            sleep(Duration::from_secs(4)).await;
            client.write_all(b"ping").await.unwrap();
            backend.read_exact(&mut [0; 4]).await.unwrap();
            sleep(Duration::from_secs(5)).await;
            backend.write_all(b"pong").await.unwrap();
            client.read_exact(&mut [0; 4]).await.unwrap();
        })
        .await;
        assert_eq!(lasted.as_secs(), 4 + 5 + 6, "{lasted:?}");
    }
}
