//! The threads that serve clients: one runtime of one thread per core.
//!
//! A client's connection stays with the core that it was assigned to, and everything that is done for it is done there.
//! Connections to members are kept per core too (`backend::pool`).

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;

thread_local! {
    static CURRENT: Cell<usize> = const { Cell::new(0) };
}

/// The number of the core that the calling thread serves, from 0; 0 for every other thread.
pub(crate) fn current() -> usize {
    CURRENT.get()
}

/// How many cores serve clients where the configuration says `runtime.threads`; 0 is one for each core of the machine.
pub(crate) fn count(threads: usize) -> usize {
    match threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        threads => threads,
    }
}

/// The cores that serve clients; at least one.
#[derive(Debug)]
pub(crate) struct Cores {
    cores: Vec<Core>,
    /// None for the runtime of the caller.
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Ends the threads.
    ended: CancellationToken,
}

#[derive(Debug)]
struct Core {
    runtime: Handle,
    /// Client connections that it serves.
    clients: Arc<AtomicUsize>,
}

/// A client connection that a core serves, until this is dropped.
#[derive(Debug)]
pub(crate) struct Served(Arc<AtomicUsize>);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Cores {
    /// The runtime of the caller alone. Must be called inside a tokio runtime.
    pub(crate) fn here() -> Self {
        Self {
            cores: vec![Core::new(Handle::current())],
            threads: Mutex::default(),
            ended: CancellationToken::new(),
        }
    }

    /// Starts `count` threads.
    ///
    /// # Errors
    /// When the system gives no thread or no event queue; then none of them runs.
    pub(crate) fn start(count: usize) -> io::Result<Self> {
        Self::start_with(count, Core::start)
    }

    /// The same, with each core started by `start`.
    fn start_with(
        count: usize,
        start: impl Fn(usize, CancellationToken) -> io::Result<(Core, JoinHandle<()>)>,
    ) -> io::Result<Self> {
        let ended = CancellationToken::new();
        // Ends the threads that were started, if a later one cannot be.
        let unless_complete = ended.clone().drop_guard();
        let started = (0..count.max(1)).map(|number| start(number, ended.clone()));
        let (cores, threads) = started.collect::<io::Result<(_, Vec<_>)>>()?;
        unless_complete.disarm();
        Ok(Self {
            cores,
            threads: Mutex::new(threads),
            ended,
        })
    }

    /// How many there are.
    pub(crate) const fn count(&self) -> usize {
        self.cores.len()
    }

    /// Their runtimes, in the order of their numbers.
    pub(crate) fn runtimes(&self) -> impl Iterator<Item = &Handle> + Clone {
        self.cores.iter().map(|core| &core.runtime)
    }

    /// Assigns a new client connection to a core: to the calling one, unless another core serves notably fewer. `None` is
    /// the calling one.
    ///
    /// The kernel spreads connections over the listening sockets by a hash of their addresses, so few connections are
    /// spread unevenly. A difference of an eighth is left alone, because it costs more to move a connection that ends soon.
    pub(crate) fn assign(&self) -> (Option<&Handle>, Served) {
        let load = |core: &Core| core.clients.load(Ordering::Relaxed);
        let here = self.cores.get(current());
        let least = self.cores.iter().min_by_key(|core| load(core));
        let (core, other) = match (here, least) {
            (Some(here), Some(least)) if load(here) > load(least) + load(least) / 8 => {
                (Some(least), Some(&least.runtime))
            }
            (Some(here), _) => (Some(here), None),
            (None, least) => (least, least.map(|core| &core.runtime)),
        };
        let clients = core.map(|core| Arc::clone(&core.clients));
        let clients = clients.unwrap_or_default();
        clients.fetch_add(1, Ordering::Relaxed);
        (other, Served(clients))
    }

    /// Starts one task on each core.
    pub(crate) fn spawn_on_each<F>(&self, task: impl Fn() -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        for runtime in self.runtimes() {
            runtime.spawn(task());
        }
    }

    /// Waits until each of them has done something new.
    pub(crate) async fn all_run(&self) {
        let marks: Vec<_> = self.runtimes().map(|core| core.spawn(async {})).collect();
        for mark in marks {
            // A core that has ended hangs no more.
            let _ = mark.await;
        }
    }

    /// Ends the threads and waits for them: each drops its tasks. Must not be called on one of them.
    pub(crate) fn stop(&self) {
        self.ended.cancel();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // A thread that has panicked has ended too.
            let _ = thread.join();
        }
    }
}

impl Drop for Cores {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

impl Core {
    fn new(runtime: Handle) -> Self {
        Self {
            runtime,
            clients: Arc::default(),
        }
    }

    /// Starts its thread.
    fn start(number: usize, ended: CancellationToken) -> io::Result<(Self, JoinHandle<()>)> {
        let (made, handle) = mpsc::sync_channel(1);
        let serve = move || {
            CURRENT.set(number);
            match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => {
                    // Whoever waits for the handle is there until it has come.
                    let _ = made.send(Ok(runtime.handle().clone()));
                    runtime.block_on(ended.cancelled());
                    // A name that is looked up in another thread is not waited for.
                    runtime.shutdown_background();
                }
                Err(error) => {
                    let _ = made.send(Err(error));
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name(format!("clients-{number}"))
            .spawn(serve)?;
        let runtime = handle.recv().map_err(io::Error::other)??;
        Ok((Self::new(runtime), thread))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_core_has_a_number_and_a_thread() {
        let cores = Cores::start(3).unwrap();
        let (seen, numbers) = mpsc::channel();
        for runtime in cores.runtimes() {
            let seen = seen.clone();
            runtime.spawn(async move {
                let name = std::thread::current().name().map(str::to_owned);
                seen.send((current(), name.unwrap())).unwrap();
            });
        }
        let mut all: Vec<_> = (0..3).map(|_| numbers.recv().unwrap()).collect();
        all.sort();
        let expected = [0, 1, 2].map(|number| (number, format!("clients-{number}")));
        assert_eq!(all, expected);
        cores.stop();
    }

    #[test]
    fn threads_end_when_a_later_one_cannot_be_started() {
        let (alive, ended) = mpsc::channel::<()>();
        let start = |number, token| match number {
            0 | 1 => {
                let alive = alive.clone();
                let (core, thread) = Core::start(number, token)?;
                core.runtime.spawn(async move {
                    std::future::pending::<()>().await;
                    drop(alive);
                });
                Ok((core, thread))
            }
            _ => Err(io::ErrorKind::WouldBlock.into()),
        };
        let started = Cores::start_with(3, start);
        assert_eq!(started.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(alive);
        // A thread that ends drops its tasks.
        let ended = ended.recv_timeout(std::time::Duration::from_secs(20));
        assert_eq!(ended, Err(mpsc::RecvTimeoutError::Disconnected));
    }

    #[tokio::test]
    async fn a_core_that_hangs_is_noticed() {
        let cores = Cores::start(2).unwrap();
        cores.all_run().await;
        let (go_on, hangs) = mpsc::channel::<()>();
        let second = cores.runtimes().nth(1).unwrap();
        second.spawn(async move { hangs.recv() });
        let mut all = std::pin::pin!(cores.all_run());
        let short = std::time::Duration::from_millis(50);
        assert!(tokio::time::timeout(short, &mut all).await.is_err());
        go_on.send(()).unwrap();
        all.await;
    }

    /// All connections arrive at one core: the worst that the kernel can do.
    #[test]
    fn connections_that_arrive_unevenly_are_spread() {
        for (connections, most) in [(3, 2), (7, 4), (64, 34)] {
            let cores = Cores::start(2).unwrap();
            let served: Vec<_> = (0..connections).map(|_| cores.assign().1).collect();
            let loads = |cores: &Cores| -> Vec<usize> {
                let cores = cores.cores.iter();
                cores.map(|it| it.clients.load(Ordering::Relaxed)).collect()
            };
            assert_eq!(loads(&cores).iter().sum::<usize>(), connections);
            assert!(loads(&cores)[0] <= most, "{:?}", loads(&cores));
            drop(served);
            assert_eq!(loads(&cores), [0, 0]);
        }
    }

    #[tokio::test]
    async fn the_runtime_of_the_caller_serves_all_connections() {
        let cores = Cores::here();
        assert_eq!((cores.count(), current()), (1, 0));
        for _ in 0..10 {
            assert!(cores.assign().0.is_none());
        }
    }
}
