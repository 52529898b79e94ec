//! A connection that speaks another protocol, mostly WebSocket.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

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
}

/// Bytes of the other protocol.
#[derive(Debug, Default)]
struct Counts {
    to_backend: AtomicU64,
    from_backend: AtomicU64,
}

impl Counts {
    fn traffic(&self) -> Traffic {
        Traffic {
            to_backend: self.to_backend.load(Ordering::Relaxed),
            from_backend: self.from_backend.load(Ordering::Relaxed),
        }
    }
}

impl Tunnel {
    pub(super) fn new(wire: Wire<Stream>, early: Bytes, lease: Lease<HttpTransport>) -> Self {
        Self {
            wire,
            early,
            _lease: lease,
            moved: Counts::default(),
        }
    }

    /// Moves bytes in both directions until both sides have ended, one has failed, or neither has sent anything for
    /// `timeout` (noticed within twice that), as httpd does. `tell` is called now and then with the bytes moved so far.
    pub(crate) async fn run(
        &mut self,
        client: impl AsyncRead + AsyncWrite,
        timeout: Duration,
        mut tell: impl FnMut(Moved),
    ) {
        let (from_client, mut to_client) = tokio::io::split(client);
        let (from_backend, to_backend) = tokio::io::split(&mut self.wire);
        let moved = &self.moved;
        let early = std::mem::take(&mut self.early);
        let down = async {
            to_client.write_all(&early).await?;
            to_client.flush().await?;
            count(&moved.from_backend, early.len());
            pump(from_backend, to_client, &moved.from_backend).await
        };
        let both =
            async { tokio::try_join!(down, pump(from_client, to_backend, &moved.to_backend)) };
        let silence = async {
            loop {
                let before = moved.traffic();
                tokio::time::sleep(timeout).await;
                if moved.traffic() == before {
                    return;
                }
                tell(Moved {
                    wire: moved.traffic(),
                    bodies: moved.traffic(),
                });
            }
        };
        tokio::select! {
            _ = both => {}
            () = silence => {}
        }
    }

    /// Bytes that have moved.
    pub(crate) fn moved(&self) -> Moved {
        Moved {
            wire: self.moved.traffic(),
            bodies: self.moved.traffic(),
        }
    }
}

/// Moves bytes one way up to their end, and passes the end on.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    moved: &AtomicU64,
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
        count(moved, length);
    }
}

fn count(moved: &AtomicU64, length: usize) {
    moved.fetch_add(length as u64, Ordering::Relaxed);
}
