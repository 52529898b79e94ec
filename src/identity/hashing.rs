//! Checking passwords. One takes about a tenth of a second, so it is done in a few threads of its own, and a bounded number of
//! requests waits for them, for a bounded time. No client fills the queue alone.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::client::{PerAddress, network};

/// Most requests that wait for a thread. Behind them it is better to come again.
const MOST_WAITING: usize = 128;

/// Most requests of one client that wait. With more, one client could keep others waiting for longer than they wait.
const MOST_OF_ONE: usize = 16;

/// How long a request waits for a thread.
const LONGEST: Duration = Duration::from_secs(10);

/// The threads of a gateway that hash passwords.
#[derive(Debug)]
pub(crate) struct Hashing {
    threads: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
    /// How many requests of each client wait.
    of_clients: PerAddress,
}

/// Too many wait already, or no thread was free in time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Busy;

impl Hashing {
    /// For a machine with so many cores. Half of them, at least one, may hash; the others go on with the requests.
    pub(crate) fn new(cores: usize) -> Self {
        Self {
            threads: Arc::new(Semaphore::new((cores / 2).max(1))),
            waiting: AtomicUsize::new(0),
            most_waiting: MOST_WAITING,
            of_clients: PerAddress::default(),
        }
    }

    /// Has `work` done in another thread, for a client of this address. `again` is asked once it is our turn: what it returns
    /// spares the work.
    ///
    /// # Errors
    /// Too many wait already, or no thread was free in time.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        client: IpAddr,
        again: impl FnOnce() -> Option<T>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let permit = {
            let of_client = self.of_clients.enter(network(client), MOST_OF_ONE);
            let _of_client = of_client.ok_or(Busy)?;
            let _place = self.place()?;
            let turn = Arc::clone(&self.threads).acquire_owned();
            let turn = tokio::time::timeout(LONGEST, turn).await;
            turn.map_err(|_| Busy)?.map_err(|_| Busy)?
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
    use std::net::Ipv4Addr;
    use std::sync::mpsc;

    use super::*;

    const ONE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

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
                hashing.run(ONE, || None, work).await
            })
        };
        while hashing.threads.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let queued: Vec<_> = (0..2)
            .map(|at| {
                let hashing = Arc::clone(&hashing);
                tokio::spawn(async move { hashing.run(ONE, || None, move || at).await })
            })
            .collect();
        while hashing.waiting.load(Ordering::Relaxed) < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(hashing.run(ONE, || None, || 9).await, Err(Busy));
        go.send(()).unwrap();
        assert_eq!(blocked.await.unwrap(), Ok(1));
        for (at, queued) in queued.into_iter().enumerate() {
            assert_eq!(queued.await.unwrap(), Ok(at));
        }
        assert_eq!(hashing.waiting.load(Ordering::Relaxed), 0);
        assert_eq!(hashing.run(ONE, || Some(7), || 9).await, Ok(7));
    }

    #[tokio::test]
    async fn who_goes_away_leaves_no_place_taken() {
        let hashing = Hashing::new(1);
        let held = Arc::clone(&hashing.threads).acquire_owned().await.unwrap();
        let waiting = hashing.run(ONE, || None, || 1);
        let given_up = tokio::time::timeout(Duration::from_millis(1), waiting).await;
        assert!(given_up.is_err());
        assert_eq!(hashing.waiting.load(Ordering::Relaxed), 0);
        drop(held);
        assert_eq!(hashing.run(ONE, || None, || 1).await, Ok(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_has_a_share_of_the_queue_and_nobody_waits_for_ever() {
        let hashing = Arc::new(Hashing::new(1));
        let _held = Arc::clone(&hashing.threads).acquire_owned().await.unwrap();
        let ask = |address: &str| {
            let (hashing, address) = (Arc::clone(&hashing), address.parse().unwrap());
            tokio::spawn(async move { hashing.run(address, || None, || 1).await })
        };
        let queued: Vec<_> = (0..MOST_OF_ONE)
            .map(|at| ask(&format!("2001:db8::{at}")))
            .collect();
        while hashing.waiting.load(Ordering::Relaxed) < MOST_OF_ONE {
            tokio::task::yield_now().await;
        }
        let start = tokio::time::Instant::now();
        assert_eq!(ask("2001:db8::ffff").await.unwrap(), Err(Busy));
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(ask("2001:db9::1").await.unwrap(), Err(Busy));
        assert_eq!(start.elapsed(), LONGEST);
        for queued in queued {
            assert_eq!(queued.await.unwrap(), Err(Busy));
        }
        assert_eq!(hashing.waiting.load(Ordering::Relaxed), 0);
    }
}
