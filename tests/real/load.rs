//! Clients that keep two servers busy and record the outcome of each request.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::task::JoinSet;

use crate::support::browser::{Browser, Outcome};
use crate::support::{eventually, noise};

pub(crate) const SEED: u64 = 7;
pub(crate) const UPLOAD: usize = 20_000;
const DOWNLOAD: usize = 100_000;

/// Clients that send requests until they are told to stop: some with sessions, which send GET and POST in turn, some that
/// read streams, and some that upload.
pub(crate) struct Load {
    shared: Arc<Shared>,
    clients: JoinSet<()>,
}

struct Shared {
    front: SocketAddr,
    stopping: AtomicBool,
    records: Mutex<Vec<Record>>,
}

impl Load {
    pub(crate) fn start(
        front: SocketAddr,
        with_sessions: usize,
        readers: usize,
        uploads: usize,
    ) -> Self {
        let shared = Arc::new(Shared {
            front,
            stopping: AtomicBool::new(false),
            records: Mutex::default(),
        });
        let mut clients = JoinSet::new();
        for number in 0..with_sessions {
            clients.spawn(Arc::clone(&shared).use_session(number));
        }
        for number in 0..readers {
            clients.spawn(Arc::clone(&shared).read(number));
        }
        for number in 0..uploads {
            clients.spawn(Arc::clone(&shared).upload(number));
        }
        Self { shared, clients }
    }

    fn requests(&self) -> usize {
        self.shared.records.lock().unwrap().len()
    }

    pub(crate) async fn until_requests(&self, count: usize) {
        eventually("the clients have sent requests", async || {
            self.requests() >= count
        })
        .await;
    }

    pub(crate) async fn until_more_requests(&self, count: usize) {
        self.until_requests(self.requests() + count).await;
    }

    /// Lets every client complete its request, and returns all records.
    pub(crate) async fn stop(self) -> Vec<Record> {
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.clients.join_all().await;
        std::mem::take(&mut *self.shared.records.lock().unwrap())
    }
}

impl Shared {
    async fn use_session(self: Arc<Self>, number: usize) {
        let mut browser = Browser::new(self.front);
        let mut own_node = None;
        for (turn, method) in (0..).zip(["GET", "POST"].into_iter().cycle()) {
            let id = format!("shop-{number}-{turn}");
            let fields = format!("X-Request-Id: {id}\r\n");
            let outcome = browser
                .request(method, "/app/session?ms=20", &fields, b"")
                .await;
            let node = node(&outcome);
            let moved = own_node.is_some() && node.is_some() && own_node != node;
            own_node = node.or(own_node);
            if self.is_over(Record {
                method,
                id,
                ending: Ending::of(&outcome),
                moved,
            }) {
                return;
            }
        }
    }

    async fn read(self: Arc<Self>, number: usize) {
        let expected = noise::bytes(SEED, DOWNLOAD);
        let target = format!("/app/bytes?n={DOWNLOAD}&seed={SEED}&chunk=8000&flush=1&ms=10");
        let mut browser = Browser::new(self.front);
        for turn in 0.. {
            let outcome = browser.request("GET", &target, "", b"").await;
            if let Outcome::Answered(answer) = &outcome {
                assert_eq!(answer.body, expected, "a complete answer has all bytes");
            }
            let id = format!("read-{number}-{turn}");
            if self.is_over(Record {
                method: "GET",
                id,
                ending: Ending::of(&outcome),
                moved: false,
            }) {
                return;
            }
        }
    }

    async fn upload(self: Arc<Self>, number: usize) {
        let body = noise::bytes(SEED, UPLOAD);
        let target = format!("/app/sha?seed={SEED}&pause=10");
        let mut browser = Browser::new(self.front);
        for turn in 0.. {
            let id = format!("upload-{number}-{turn}");
            let outcome = browser
                .request("POST", &target, &format!("X-Request-Id: {id}\r\n"), &body)
                .await;
            if let Outcome::Answered(answer) = &outcome
                && answer.status == 200
            {
                assert!(
                    answer.text().contains("\"matches\":true"),
                    "{}",
                    answer.text()
                );
            }
            if self.is_over(Record {
                method: "POST",
                id,
                ending: Ending::of(&outcome),
                moved: false,
            }) {
                return;
            }
        }
    }

    fn is_over(&self, record: Record) -> bool {
        self.records.lock().unwrap().push(record);
        self.stopping.load(Ordering::Relaxed)
    }
}

fn node(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Answered(answer) => answer.field("x-node").map(str::to_owned),
        _ => None,
    }
}

/// The outcome of one request.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) method: &'static str,
    pub(crate) id: String,
    pub(crate) ending: Ending,
    /// Its session was on another node before.
    pub(crate) moved: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    Answered(u16),
    /// Whether or not the client had already seen the head of the answer.
    Reset,
}

impl Ending {
    fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Answered(answer) => Self::Answered(answer.status),
            Outcome::Torn(_) | Outcome::Lost => Self::Reset,
        }
    }
}

pub(crate) fn endings(records: &[Record]) -> BTreeMap<(&str, Ending), usize> {
    let mut endings = BTreeMap::new();
    for record in records {
        *endings.entry((record.method, record.ending)).or_default() += 1;
    }
    endings
}
