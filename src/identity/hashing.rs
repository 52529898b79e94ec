//! Checking passwords. One takes about a tenth of a second, so it is done in a few threads of its own, and a bounded number of
//! requests waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

/// Most requests that wait for a thread. Behind them it is better to come again.
const MOST_WAITING: usize = 128;

/// The threads of a gateway that hash passwords.
#[derive(Debug)]
pub(crate) struct Hashing {
    threads: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
}

/// Too many wait already.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Busy;

impl Hashing {
    /// For a machine with so many cores. Half of them, at least one, may hash; the others go on with the requests.
    pub(crate) fn new(cores: usize) -> Self {
        Self {
            threads: Arc::new(Semaphore::new((cores / 2).max(1))),
            waiting: AtomicUsize::new(0),
            most_waiting: MOST_WAITING,
        }
    }

    /// Has `work` done in another thread. `again` is asked once it is our turn: what it returns spares the work.
    ///
    /// # Errors
    /// Too many wait already.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        again: impl FnOnce() -> Option<T>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let permit = {
            let _place = self.place()?;
            let threads = Arc::clone(&self.threads);
            threads.acquire_owned().await.map_err(|_| Busy)?
        };
        if let Some(done) = again() {
            return Ok(done);
        }
        // The permit stays with the work, which goes on where the client has gone.
        let work = move || {
            let _permit = permit;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Busy)
    }

    fn place(&self) -> Result<Waiting<'_>, Busy> {
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Waiting(&self.waiting);
        match waiting < self.most_waiting {
            true => Ok(place),
            false => Err(Busy),
        }
    }
}

/// One of those who wait.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn few_work_few_wait_and_the_rest_is_told_to_come_again() {
        let hashing = Arc::new(Hashing {
            most_waiting: 2,
            ..Hashing::new(2)
        });
        let (go, wait) = mpsc::channel::<()>();
        let blocked = {
            let hashing = Arc::clone(&hashing);
            tokio::spawn(async move {
                let work = move || wait.recv().map(|()| 1).unwrap_or_default();
                hashing.run(|| None, work).await
            })
        };
        while hashing.threads.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let queued: Vec<_> = (0..2)
            .map(|at| {
                let hashing = Arc::clone(&hashing);
                tokio::spawn(async move { hashing.run(|| None, move || at).await })
            })
            .collect();
        while hashing.waiting.load(Ordering::Relaxed) < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(hashing.run(|| None, || 9).await, Err(Busy));
        go.send(()).unwrap();
        assert_eq!(blocked.await.unwrap(), Ok(1));
        for (at, queued) in queued.into_iter().enumerate() {
            assert_eq!(queued.await.unwrap(), Ok(at));
        }
        assert_eq!(hashing.waiting.load(Ordering::Relaxed), 0);
        assert_eq!(hashing.run(|| Some(7), || 9).await, Ok(7));
    }

    #[tokio::test]
    async fn who_goes_away_leaves_no_place_taken() {
        let hashing = Hashing::new(1);
        let held = Arc::clone(&hashing.threads).acquire_owned().await.unwrap();
        let waiting = hashing.run(|| None, || 1);
        let given_up = tokio::time::timeout(Duration::from_millis(1), waiting).await;
        assert!(given_up.is_err());
        assert_eq!(hashing.waiting.load(Ordering::Relaxed), 0);
        drop(held);
        assert_eq!(hashing.run(|| None, || 1).await, Ok(1));
    }
}
