//! The task that orders certificates, one after the other.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ajpgate_config::Acme;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::order::{Failed, OrderError, obtain};
use super::plan::{Failure, LOOK, Plan, Step};
use super::store::{Store, StoreError};
use crate::random;
use crate::telemetry::WarnLimit;
use crate::telemetry::metrics::{AcmeCounters, AcmeResult};
use crate::tls::{Challenges, Server, Valid, file, validity};

/// The pause while another process orders with the same account.
const ELSEWHERE: Duration = Duration::from_secs(5);

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Task {
    challenges: Challenges,
    counters: AcmeCounters,
    warnings: WarnLimit<AcmeResult>,
    began: Instant,
    /// By the file of the certificate. Listeners with the same cache, authority and name share it.
    plans: HashMap<PathBuf, Plan>,
}

/// A name with the settings of the first listener that has it.
#[derive(Debug, Clone)]
struct Wanted {
    acme: Acme,
    name: String,
    file: PathBuf,
}

/// How an attempt has ended.
enum Attempt {
    Got(Valid),
    /// Another process orders, or has got one.
    Elsewhere,
    Failed(Failed),
}

impl Task {
    pub(super) fn new(challenges: Challenges, counters: AcmeCounters) -> Self {
        Self {
            challenges,
            counters,
            warnings: WarnLimit::per_minute(),
            began: Instant::now(),
            plans: HashMap::new(),
        }
    }

    /// Runs until nobody says any more what is wanted.
    pub(super) async fn run(mut self, mut servers: watch::Receiver<Vec<Arc<Server>>>) {
        loop {
            let all = wanted(&servers.borrow_and_update());
            let files: Vec<_> = all.iter().map(|it| it.file.clone()).collect();
            self.plans.retain(|file, _| files.contains(file));
            let Some(kept) = kept(&all).await else {
                return;
            };
            let (due, wait) = self.due(&all, &kept);
            if let [first, ..] = due[..] {
                let attempt = self.attempt(first).await;
                if let Attempt::Got(_) = attempt {
                    let servers = servers.borrow();
                    let with = servers.iter().filter(|it| it.acme().is_some());
                    with.for_each(|server| server.has_obtained());
                }
                self.settle(first, &due, attempt);
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                changed = servers.changed() => if changed.is_err() {
                    return;
                }
            }
        }
    }

    /// The names that are due, in the order of their turns, and how long it is until another look.
    fn due<'a>(
        &mut self,
        all: &'a [Wanted],
        kept: &[Option<Valid>],
    ) -> (Vec<&'a Wanted>, Duration) {
        let (now, unix) = (self.began.elapsed(), Timestamp::now().as_second());
        let (mut due, mut wait) = (Vec::new(), LOOK);
        for (wanted, kept) in all.iter().zip(kept) {
            let plan = self.plans.entry(wanted.file.clone()).or_default();
            match plan.step(*kept, now, unix) {
                Step::Order => due.push((plan.turn(*kept, now, unix), wanted)),
                Step::Wait(longest) => wait = wait.min(longest),
            }
        }
        due.sort_by_key(|(turn, _)| *turn);
        (due.into_iter().map(|(_, wanted)| wanted).collect(), wait)
    }

    async fn attempt(&self, wanted: &Wanted) -> Attempt {
        let Wanted { acme, name, file } = wanted;
        let failed = |error: StoreError| {
            Attempt::Failed(Failed {
                error: OrderError::Store(error),
                asked: None,
            })
        };
        let store = match Store::open(acme) {
            Ok(store) => store,
            Err(error) => return failed(error),
        };
        let _locked = match store.lock() {
            Ok(Some(locked)) => locked,
            Ok(None) => return Attempt::Elsewhere,
            Err(error) => return failed(error),
        };
        // Another process may have had the lock until now.
        let kept = validity(file, name).ok().flatten();
        if Plan::default().step(kept, Duration::ZERO, Timestamp::now().as_second()) != Step::Order {
            return Attempt::Elsewhere;
        }
        match obtain(acme, name, &self.challenges, &store).await {
            Ok(valid) => Attempt::Got(valid),
            Err(failed) => Attempt::Failed(failed),
        }
    }

    /// Says how an attempt has ended, and plans the next ones. `due` are all names that were due with it.
    fn settle(&mut self, wanted: &Wanted, due: &[&Wanted], attempt: Attempt) {
        let now = self.began.elapsed();
        let (name, authority) = (&wanted.name, &wanted.acme.directory);
        match attempt {
            Attempt::Got(valid) => {
                self.counters.increment(AcmeResult::Ok);
                let until = Timestamp::from_second(valid.until).unwrap_or(Timestamp::MAX);
                info!(name, authority, %until, "acme: a certificate has come");
                self.plan(wanted).succeeded(valid, now);
            }
            Attempt::Elsewhere => self.plan(wanted).later(ELSEWHERE, now),
            Attempt::Failed(Failed { error, asked }) => {
                let (result, failure) = error.verdict();
                self.counters.increment(result);
                if let Some(left_out) = self.warnings.due(result) {
                    warn!(name, authority, %error, left_out = left_out.field(), "acme: no certificate, trying again later");
                }
                // An authority that cannot be reached is not asked for each name.
                let same = |it: &&&Wanted| it.acme.directory == *authority;
                let unreached = failure == Failure::Unreached;
                let others = due.iter().filter(same).filter(|_| unreached);
                for wanted in others
                    .copied()
                    .chain([wanted].into_iter().filter(|_| !unreached))
                {
                    self.plan(wanted)
                        .failed(failure, asked, now, random::seed());
                }
            }
        }
    }

    fn plan(&mut self, wanted: &Wanted) -> &mut Plan {
        self.plans.entry(wanted.file.clone()).or_default()
    }
}

/// The names of all listeners, each once.
fn wanted(servers: &[Arc<Server>]) -> Vec<Wanted> {
    let mut all: Vec<Wanted> = Vec::new();
    for acme in servers.iter().filter_map(|server| server.acme()) {
        for name in &acme.domains {
            let file = file(acme, name);
            if all.iter().all(|it| it.file != file) {
                all.push(Wanted {
                    acme: acme.clone(),
                    name: name.clone(),
                    file,
                });
            }
        }
    }
    all
}

/// The certificates that there are. The files are read in a thread for blocking work.
async fn kept(all: &[Wanted]) -> Option<Vec<Option<Valid>>> {
    let names: Vec<_> = all
        .iter()
        .map(|it| (it.file.clone(), it.name.clone()))
        .collect();
    let read = move || {
        let names = names.iter();
        // Whoever uses the file says in the log why it cannot be used.
        names
            .map(|(file, name)| validity(file, name).ok().flatten())
            .collect()
    };
    let read = tokio::task::spawn_blocking(read).await;
    read.inspect_err(|error| error!(%error, "acme: certificates are not looked after any more"))
        .ok()
}
