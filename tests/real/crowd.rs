//! Clients that keep two servers busy, and write down what became of each request.

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

/// Clients that go on until they are told to stop: shoppers with sessions, who use GET and POST in turn,
/// readers of streams, and people who upload.
pub(crate) struct Crowd {
    street: Arc<Street>,
    people: JoinSet<()>,
}

struct Street {
    front: SocketAddr,
    closing: AtomicBool,
    records: Mutex<Vec<Record>>,
}

impl Crowd {
    pub(crate) fn gather(
        front: SocketAddr,
        shoppers: usize,
        readers: usize,
        uploaders: usize,
    ) -> Self {
        let street = Arc::new(Street {
            front,
            closing: AtomicBool::new(false),
            records: Mutex::default(),
        });
        let mut people = JoinSet::new();
        for number in 0..shoppers {
            people.spawn(Arc::clone(&street).shop(number));
        }
        for number in 0..readers {
            people.spawn(Arc::clone(&street).read(number));
        }
        for number in 0..uploaders {
            people.spawn(Arc::clone(&street).upload(number));
        }
        Self { street, people }
    }

    fn requests(&self) -> usize {
        self.street.records.lock().unwrap().len()
    }

    pub(crate) async fn until_requests(&self, count: usize) {
        eventually("the crowd is busy", async || self.requests() >= count).await;
    }

    pub(crate) async fn until_more_requests(&self, count: usize) {
        self.until_requests(self.requests() + count).await;
    }

    /// Everybody finishes what they are doing.
    pub(crate) async fn disperse(self) -> Vec<Record> {
        self.street.closing.store(true, Ordering::Relaxed);
        self.people.join_all().await;
        std::mem::take(&mut *self.street.records.lock().unwrap())
    }
}

impl Street {
    async fn shop(self: Arc<Self>, number: usize) {
        let mut browser = Browser::new(self.front);
        let mut home = None;
        for (turn, method) in (0..).zip(["GET", "POST"].into_iter().cycle()) {
            let id = format!("shop-{number}-{turn}");
            let fields = format!("X-Request-Id: {id}\r\n");
            let outcome = browser
                .request(method, "/app/session?ms=20", &fields, b"")
                .await;
            let node = node(&outcome);
            let moved = home.is_some() && node.is_some() && home != node;
            home = node.or(home);
            if self.is_over(Record {
                method,
                id,
                fate: Fate::of(&outcome),
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
                assert_eq!(answer.body, expected, "a whole answer is whole");
            }
            let id = format!("read-{number}-{turn}");
            if self.is_over(Record {
                method: "GET",
                id,
                fate: Fate::of(&outcome),
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
                fate: Fate::of(&outcome),
                moved: false,
            }) {
                return;
            }
        }
    }

    fn is_over(&self, record: Record) -> bool {
        self.records.lock().unwrap().push(record);
        self.closing.load(Ordering::Relaxed)
    }
}

fn node(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Answered(answer) => answer.field("x-node").map(str::to_owned),
        _ => None,
    }
}

/// What became of one request.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) method: &'static str,
    pub(crate) id: String,
    pub(crate) fate: Fate,
    /// Its session was at home elsewhere before.
    pub(crate) moved: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    Answered(u16),
    /// Whether or not the client had already seen the head of the answer.
    Reset,
}

impl Fate {
    fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Answered(answer) => Self::Answered(answer.status),
            Outcome::Torn(_) | Outcome::Lost => Self::Reset,
        }
    }
}

pub(crate) fn fates(records: &[Record]) -> BTreeMap<(&str, Fate), usize> {
    let mut fates = BTreeMap::new();
    for record in records {
        *fates.entry((record.method, record.fate)).or_default() += 1;
    }
    fates
}
