//! Helpers of these tests: a gateway inside the test process, scripted backends, and clients that send any bytes.

#[path = "../../support/client.rs"]
pub(crate) mod client;
pub(crate) mod container;
pub(crate) mod discovery;
pub(crate) mod dns;
#[path = "../../support/forged.rs"]
pub(crate) mod forged;
#[cfg(feature = "ftp")]
pub(crate) mod ftp;
pub(crate) mod gateway;
#[path = "../../support/h2.rs"]
pub(crate) mod h2;
#[path = "../../support/hpack.rs"]
pub(crate) mod hpack;
#[cfg(feature = "kubernetes")]
pub(crate) mod kubernetes;
pub(crate) mod log;
pub(crate) mod origin;
#[path = "../../support/port.rs"]
mod port;

pub(crate) use self::port::ReservedPort;

#[path = "../../support/scratch.rs"]
#[allow(dead_code, reason = "other tests use all of it")]
pub(crate) mod scratch;
#[path = "../../support/tls.rs"]
#[allow(dead_code, reason = "other tests use all of it")]
pub(crate) mod tls;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Longer than any step of a test takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Waits for a future; panics after [`DEADLINE`].
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: not within {DEADLINE:?}"),
    }
}

/// Repeats `check` until it returns `true`; panics after [`DEADLINE`].
pub(crate) async fn until(what: &str, mut check: impl AsyncFnMut() -> bool) {
    soon(what, async {
        while !check().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Lets time pass, for tests of slow peers and of events that must not happen.
pub(crate) async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

/// Runs cases at the same time, where each of them mostly waits.
#[cfg(feature = "ftp")]
pub(crate) async fn at_once(cases: impl IntoIterator<Item = impl Future<Output = ()> + 'static>) {
    let local = tokio::task::LocalSet::new();
    let mut running = tokio::task::JoinSet::new();
    for case in cases {
        running.spawn_local_on(case, &local);
    }
    local.run_until(running.join_all()).await;
}

/// A signal from one side of a test to the other.
#[derive(Clone)]
pub(crate) struct Gate(Arc<tokio::sync::watch::Sender<usize>>);

impl Gate {
    pub(crate) fn new() -> Self {
        Self(Arc::new(tokio::sync::watch::channel(0).0))
    }

    /// Opens it one more time.
    pub(crate) fn open(&self) {
        self.0.send_modify(|times| *times += 1);
    }

    /// Waits until it has been opened this number of times.
    pub(crate) async fn opened(&self, times: usize) {
        let mut opened = self.0.subscribe();
        soon("the gate opens", opened.wait_for(|now| *now >= times))
            .await
            .unwrap();
    }
}
