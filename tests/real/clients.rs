//! Clients that send requests until the end of a test, and panic when an answer is wrong.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;

use crate::support::browser::Browser;
use crate::support::payload::parsed;
use crate::support::wait::pause;

/// The keys that let a member drain, and that end the drain.
pub(crate) const DRAIN: &str = r#"{"status": {"drain": true}}"#;
pub(crate) const END_DRAIN: &str = r#"{"status": {"drain": false}}"#;

/// A client whose session is on this node.
pub(crate) async fn client_on(node: &str, front: SocketAddr) -> Browser {
    for _ in 0..50 {
        let mut browser = Browser::new(front);
        if parsed(&browser.get("/app/session").await)["node"] == node {
            return browser;
        }
    }
    panic!("no new session is on {node}")
}

/// Running clients.
pub(crate) struct Clients {
    seen: Arc<Seen>,
    running: JoinSet<()>,
}

/// Counts of all clients.
pub(crate) struct Seen {
    /// Time between two requests of a client.
    between: Duration,
    requests: AtomicUsize,
    sessions: AtomicUsize,
    over: AtomicBool,
}

impl Seen {
    /// Whether the clients are to end.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Counts a request and waits until the next one is due.
    pub(crate) async fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        pause(self.between).await;
    }
}

impl Clients {
    /// No clients yet.
    pub(crate) fn new(between: Duration) -> Self {
        let seen = Seen {
            between,
            requests: AtomicUsize::new(0),
            sessions: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        };
        Self {
            seen: Arc::new(seen),
            running: JoinSet::new(),
        }
    }

    /// Starts a client.
    pub(crate) fn start<F>(&mut self, client: impl FnOnce(Arc<Seen>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.running.spawn(client(Arc::clone(&self.seen)));
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::Relaxed)
    }

    /// Panics when a client has ended, which it does only when an answer was wrong.
    pub(crate) fn none_has_failed(&mut self) {
        if let Some(ended) = self.running.try_join_next() {
            ended.unwrap();
            panic!("a client has ended before the others");
        }
    }

    /// Waits for the end of all clients. Returns the number of their requests and of their sessions.
    pub(crate) async fn stop(self) -> (usize, usize) {
        self.seen.over.store(true, Ordering::Relaxed);
        self.running.join_all().await;
        let sessions = self.seen.sessions.load(Ordering::Relaxed);
        (self.seen.requests.load(Ordering::Relaxed), sessions)
    }
}

/// A client that checks that its session stays on its Tomcat and is not lost. It sends GET and POST in turn, logs out after
/// `hits` requests and begins again; without `hits` it never logs out.
pub(crate) async fn client_with_session(front: SocketAddr, seen: Arc<Seen>, hits: Option<u64>) {
    while !seen.is_over() {
        let mut browser = Browser::new(front);
        let mut home = Value::Null;
        for (hit, method) in (1..).zip(["GET", "POST"].into_iter().cycle()) {
            let leaves = hits == Some(hit);
            let target = format!("/app/session?invalidate={}", u8::from(leaves));
            let outcome = browser.request(method, &target, "", b"").await;
            let page = parsed(&outcome.expect_answer());
            assert_eq!(page["hits"], hit, "a session was lost: {page}");
            if hit == 1 {
                home = page["node"].clone();
            }
            assert_eq!(page["node"], home, "a session moved: {page}");
            seen.request().await;
            if leaves || (hits.is_none() && seen.is_over()) {
                break;
            }
        }
        seen.sessions.fetch_add(1, Ordering::Relaxed);
    }
}
