//! Two cores with one limit, over connections of a protocol that says nothing.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::poll;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::backend::stream::is_silent;
use crate::cores::Cores;
use crate::telemetry::metrics::{MemberMetrics, Metrics};

/// Connections that there are, and were.
#[derive(Debug, Default)]
struct Counts {
    made: AtomicUsize,
    open: AtomicUsize,
    /// Most that were open at the same time.
    most: AtomicUsize,
    /// No further one can be made.
    refused: AtomicBool,
    /// The member closes those that there are.
    closed: CancellationToken,
}

#[derive(Debug)]
struct Silent {
    stream: TcpStream,
    counts: Arc<Counts>,
}

impl Transport for Silent {
    type Settings = Arc<Counts>;

    async fn open(stream: TcpStream, counts: &Arc<Counts>) -> Result<Self, ConnectError> {
        if counts.refused.load(Ordering::SeqCst) {
            return Err(ConnectError::Timeout);
        }
        counts.made.fetch_add(1, Ordering::SeqCst);
        let open = counts.open.fetch_add(1, Ordering::SeqCst) + 1;
        counts.most.fetch_max(open, Ordering::SeqCst);
        let counts = Arc::clone(counts);
        Ok(Self { stream, counts })
    }

    fn is_quiet(&self) -> bool {
        is_silent(&self.stream)
    }

    fn rest(&mut self) -> bool {
        true
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.counts.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A member that takes connections and says nothing. It closes them when `closed` is cancelled.
async fn member(closed: CancellationToken) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let closed = closed.clone();
            tokio::spawn(async move {
                let mut byte = [0];
                let read = stream.read(&mut byte);
                closed.run_until_cancelled(read).await
            });
        }
    });
    address
}

async fn pool(max: usize, acquire: Duration) -> Pool<Silent> {
    let counts = Arc::<Counts>::default();
    let address = member(counts.closed.clone()).await;
    let settings = PoolSettings {
        host: address.ip().to_string(),
        port: address.port(),
        max,
        min: 0,
        ttl: Duration::from_secs(60),
        acquire,
        connect: Duration::from_secs(10),
        cores: 2,
    };
    let metrics = Metrics::new();
    let connects = MemberMetrics::new(&metrics, "b", "ajp://a", "").connects;
    Pool::new(settings, counts, connects).unwrap()
}

/// Runs `task` on a core and waits for its result.
async fn on<T: Send + 'static>(core: &Handle, task: impl Future<Output = T> + Send + 'static) -> T {
    core.spawn(task).await.unwrap()
}

/// Takes `count` connections at the same time and gives them back.
async fn use_connections(pool: Pool<Silent>, count: usize) {
    let mut leases = Vec::new();
    for _ in 0..count {
        leases.push(pool.lease(Reuse::Allowed).await.unwrap());
    }
    leases.into_iter().for_each(Lease::give_back);
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_core_uses_its_own_connections_and_borrows_where_no_more_may_be_made() {
    let cores = Cores::start(2).unwrap();
    let runtimes: Vec<&Handle> = cores.runtimes().collect();
    let pool = pool(3, LONG).await;
    let made = || pool.protocol().made.load(Ordering::SeqCst);

    on(runtimes[0], use_connections(pool.clone(), 2)).await;
    on(runtimes[0], use_connections(pool.clone(), 2)).await;
    assert_eq!((made(), pool.view().idle), (2, 2));
    // A place is free: a connection of its own.
    on(runtimes[1], use_connections(pool.clone(), 1)).await;
    assert_eq!((made(), pool.view().idle), (3, 3));
    // No place is free: its own connection and the two of the other core.
    on(runtimes[1], use_connections(pool.clone(), 3)).await;
    assert_eq!((made(), pool.view().idle), (3, 3));
    // They went back to the core that they belong to.
    let idle = |core: usize| pool.inner.shards[core].status().available;
    assert_eq!((idle(0), idle(1)), (2, 1));
    cores.stop();
}

#[tokio::test]
async fn a_request_waits_for_a_connection_of_any_core() {
    let cores = Cores::start(2).unwrap();
    let runtimes: Vec<&Handle> = cores.runtimes().collect();
    let pool = pool(1, LONG).await;
    let taken = pool.clone();
    let lease = on(
        runtimes[0],
        async move { taken.lease(Reuse::Allowed).await },
    )
    .await;
    let (waits, begun) = oneshot::channel();
    let taken = pool.clone();
    let waiting = runtimes[1].spawn(async move {
        let mut next = pin!(taken.lease(Reuse::Allowed));
        assert!(poll!(next.as_mut()).is_pending());
        waits.send(()).unwrap();
        next.await.unwrap().give_back();
    });
    begun.await.unwrap();
    lease.unwrap().give_back();
    waiting.await.unwrap();
    let made = pool.protocol().made.load(Ordering::SeqCst);
    assert_eq!((made, pool.view().idle, pool.view().busy), (1, 1, 0));
    cores.stop();
}

#[tokio::test]
async fn a_request_waits_no_longer_than_acquire() {
    let pool = pool(1, Duration::from_millis(20)).await;
    let lease = pool.lease(Reuse::Allowed).await.unwrap();
    let refused = pool.lease(Reuse::Allowed).await;
    assert!(matches!(refused, Err(FailureKind::Busy)));
    drop(lease);
    pool.lease(Reuse::Allowed).await.unwrap().give_back();
    pool.close();
    let refused = pool.lease(Reuse::Allowed).await;
    assert!(matches!(refused, Err(FailureKind::Removed)));
}

/// A connection that was idle for too long is to be replaced, and the member takes no new one.
#[tokio::test]
async fn a_connection_that_could_not_be_replaced_still_counts() {
    let pool = pool(2, LONG).await;
    pool.lease(Reuse::Allowed).await.unwrap().give_back();
    let refused = &pool.protocol().refused;
    refused.store(true, Ordering::SeqCst);
    let replaced = pool.lease_fitting(Reuse::Allowed, Duration::ZERO, |_| true);
    assert!(replaced.await.is_err());
    let counted = |pool: &Pool<Silent>| (pool.view().idle, pool.view().busy);
    assert_eq!(counted(&pool), (1, 0));
    let lease = pool.lease(Reuse::Allowed).await.unwrap();
    assert_eq!(counted(&pool), (0, 1));
    lease.give_back();
    assert_eq!(counted(&pool), (1, 0));
}

/// One core notices that the member is gone. No request comes to the other core.
#[tokio::test]
async fn a_failed_connect_closes_the_dead_connections_of_all_cores() {
    let cores = Cores::start(2).unwrap();
    let runtimes: Vec<&Handle> = cores.runtimes().collect();
    let pool = pool(10, LONG).await;
    for runtime in &runtimes {
        on(runtime, use_connections(pool.clone(), 2)).await;
    }
    assert_eq!(pool.view().idle, 4);
    let Counts {
        refused, closed, ..
    } = &**pool.protocol();
    refused.store(true, Ordering::SeqCst);
    // The kept connections are alive, so they stay.
    let asked = pool.clone();
    let failed = on(
        runtimes[0],
        async move { asked.lease(Reuse::Forbidden).await },
    );
    assert!(failed.await.is_err());
    assert_eq!(pool.view().idle, 2, "those of the other core");
    closed.cancel();
    let asked = pool.clone();
    // The member's close may arrive a moment later.
    let gone = on(runtimes[0], async move {
        while asked.view().idle > 0 {
            assert!(asked.lease(Reuse::Forbidden).await.is_err());
        }
    });
    tokio::time::timeout(LONG, gone).await.unwrap();
    assert_eq!((pool.view().idle, pool.view().busy), (0, 0));
    cores.stop();
}

/// Tasks on both cores take, give back and close connections in an order that differs with each run.
#[tokio::test]
async fn no_more_connections_than_max_exist_whatever_the_cores_do() {
    const MAX: usize = 3;
    let cores = Cores::start(2).unwrap();
    let pool = pool(MAX, LONG).await;
    let mut tasks: Vec<JoinHandle<()>> = Vec::new();
    for task in 0..8 {
        let pool = pool.clone();
        let runtime = cores.runtimes().nth(task % 2).unwrap();
        tasks.push(runtime.spawn(async move {
            for turn in 0..300 {
                let lease = pool.lease(Reuse::Allowed).await.unwrap();
                tokio::task::yield_now().await;
                match (turn + task) % 7 {
                    0 => drop(lease),
                    _ => lease.give_back(),
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let view = pool.view();
    assert_eq!((view.busy, view.max), (0, MAX));
    let counts = pool.protocol();
    assert_eq!(counts.open.load(Ordering::SeqCst), view.idle, "{counts:?}");
    assert_eq!(counts.most.load(Ordering::SeqCst), MAX, "{counts:?}");
    cores.stop();
}
