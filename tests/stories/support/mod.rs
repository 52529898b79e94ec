//! What stories are told with: a gateway in this process, containers that do as they are told, raw clients.

pub(crate) mod client;
pub(crate) mod container;
pub(crate) mod gateway;

use std::future::Future;
use std::time::Duration;

/// Longer than anything in a story takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Waits for something that must happen.
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: not within {DEADLINE:?}"),
    }
}

/// Asks until the answer is yes.
pub(crate) async fn until(what: &str, mut check: impl AsyncFnMut() -> bool) {
    soon(what, async {
        while !check().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
