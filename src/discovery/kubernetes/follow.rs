//! When there is a list, a watch, and a new list.
//!
//! ```text
//!  account ─► list ─► watch ─► event, bookmark: an answer
//!     ▲                │  ▲        │
//!     │                │  └────────┘  the server ends the watch, or is silent: it goes on from the last version
//!     └──── pause ◄────┘  too old, broken, silent twice in a row: everything anew
//! ```

use std::collections::HashMap;
use std::time::Duration;

use ajpgate_config::{Discover, KubernetesService, MemberUrl};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::debug;

use super::api::Api;
use super::slices::Slices;
use super::stream::{Event, Stream};
use super::trouble::Trouble;
use crate::discovery::answer::{Found, Listener, SourceAnswer};
use crate::random;

/// How long a list may take, with all of its pages.
const LIST: Duration = Duration::from_secs(30);

/// How long a watch may say nothing. The server ends it before, and writes a bookmark before that.
const SILENCE: Duration = Duration::from_secs(60);

/// How long further events are waited for behind one: a change of a service is several changes of slices.
const SETTLES: Duration = Duration::from_millis(50);

/// The longest time from an event to the answer.
const AT_LAST: Duration = Duration::from_millis(300);

/// The pause before the second try; those behind it have the interval, twice the interval, and so on.
const SECOND_TRY: Duration = Duration::from_millis(500);

/// The longest pause, where the interval is not longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A watch that lasts for so long is no failure, whatever ends it.
const LASTS: Duration = Duration::from_secs(5);

/// Lists and watches, again and again, until it is dropped.
pub(crate) async fn follow(
    source: &Discover,
    service: &KubernetesService,
    listener: &impl Listener,
) {
    let following = Following {
        source,
        service,
        listener,
    };
    let mut failures = 0_u32;
    loop {
        let end = following.once().await;
        failures = match end.reached {
            Reached::Nothing => failures.saturating_add(1),
            // The interval, and not longer.
            Reached::Watch => failures.saturating_add(1).min(2),
            Reached::Events => 0,
        };
        if let Some(trouble) = end.trouble {
            listener
                .hear(SourceAnswer::Failed(trouble.to_string()))
                .await;
        }
        sleep(pause(source.interval, failures, random::seed())).await;
    }
}

/// Lists once.
pub(crate) async fn ask(source: &Discover, service: &KubernetesService) -> SourceAnswer {
    match list(service).await {
        Ok(listed) => answer(&listed.slices, source, service, &[]),
        Err(trouble) => SourceAnswer::Failed(trouble.to_string()),
    }
}

/// Why a list and its watches are over.
struct End {
    /// What is told; nothing where it belongs to every day.
    trouble: Option<Trouble>,
    reached: Reached,
}

/// How far it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    Nothing,
    /// A watch was opened.
    Watch,
    /// A watch has said something, or lasted.
    Events,
}

struct Following<'a, L> {
    source: &'a Discover,
    service: &'a KubernetesService,
    listener: &'a L,
}

/// What is known of the slices, and the version that it is as of.
#[derive(Default)]
struct Listed {
    namespace: String,
    slices: Slices,
    version: String,
}

impl<L: Listener> Following<'_, L> {
    /// One list, and the watches behind it.
    async fn once(&self) -> End {
        match list(self.service).await {
            Ok(listed) => self.watch(listed).await,
            Err(trouble) => End {
                trouble: Some(trouble),
                reached: Reached::Nothing,
            },
        }
    }

    /// Watches what was listed until there has to be a new list.
    async fn watch(&self, mut listed: Listed) -> End {
        // It is told when its watch is open; before that only where it says something new. Otherwise the log would say with
        // every list that the source answers, and then that it does not.
        let known = self.listener.known().await;
        let answer = answer(&listed.slices, self.source, self.service, &known);
        if is_news(&answer, &known) {
            self.listener.hear(answer).await;
        }
        let (mut reached, mut was_silent) = (Reached::Nothing, false);
        loop {
            let mut stream = match self.open(&listed).await {
                Ok(stream) => stream,
                Err(trouble) => return End::unopened(trouble, reached),
            };
            reached = reached.max(Reached::Watch);
            let (began, mut has_spoken) = (Instant::now(), false);
            let ended = self.listen(&mut stream, &mut listed, &mut has_spoken);
            let ended = ended.await;
            if has_spoken || began.elapsed() >= LASTS {
                reached = Reached::Events;
            }
            was_silent = match ended {
                // A version that is too old may end a watch at once, without a word.
                Ok(()) if reached == Reached::Events => false,
                // Where nothing arrives however often it is opened, only a list says what has changed.
                Err(Trouble::Late(_)) if has_spoken || !was_silent => !has_spoken,
                ended => return End::of(ended, reached),
            };
        }
    }

    /// Opens a watch, by the account as it is now: its token may have been replaced.
    async fn open(&self, listed: &Listed) -> Result<Stream, Trouble> {
        let api = Api::of(self.service).await?;
        match api.namespace == listed.namespace {
            true => api.watch(&listed.version).await,
            false => Err(Trouble::Account("the namespace has changed".to_owned())),
        }
    }

    /// Tells what is known, and hears what a watch says until the server ends it.
    ///
    /// # Errors
    /// The watch cannot go on from the last version.
    async fn listen(
        &self,
        stream: &mut Stream,
        listed: &mut Listed,
        has_spoken: &mut bool,
    ) -> Result<(), Trouble> {
        let mut silent = Instant::now() + SILENCE;
        let mut counts = self.tell(listed).await;
        loop {
            // What could not be applied is told again.
            let again = Instant::now() + self.source.interval;
            let until = if counts { silent } else { silent.min(again) };
            match timeout_at(until, stream.next()).await {
                Ok(event) => match event? {
                    Some(event) => self.take(event, listed)?,
                    None => return Ok(()),
                },
                Err(_) if Instant::now() >= silent => return Err(Trouble::Late(SILENCE)),
                Err(_) => {
                    counts = self.tell(listed).await;
                    continue;
                }
            }
            *has_spoken = true;
            silent = Instant::now() + SILENCE;
            let settled = self.settle(stream, listed).await;
            listed.slices.within_bounds()?;
            // What has come before a broken event counts.
            counts = self.tell(listed).await;
            settled?;
        }
    }

    /// Takes the events that come together with one.
    async fn settle(&self, stream: &mut Stream, listed: &mut Listed) -> Result<(), Trouble> {
        let latest = Instant::now() + AT_LAST;
        loop {
            let settled = (Instant::now() + SETTLES).min(latest);
            match timeout_at(settled, stream.next()).await {
                Ok(Ok(Some(event))) => self.take(event, listed)?,
                Ok(Err(trouble)) => return Err(trouble),
                Ok(Ok(None)) | Err(_) => return Ok(()),
            }
        }
    }

    fn take(&self, event: Event, listed: &mut Listed) -> Result<(), Trouble> {
        let seen = match event {
            Event::Added(slice) | Event::Modified(slice) => {
                let seen = slice.metadata.resource_version.clone();
                listed.slices.set(self.service, &listed.namespace, slice);
                seen
            }
            Event::Deleted(slice) => {
                listed.slices.remove(&slice);
                slice.metadata.resource_version
            }
            Event::Bookmark(bookmark) => Some(bookmark.metadata.resource_version),
            Event::Error(said) => return Err(Trouble::event(&said)),
        };
        if let Some(seen) = seen.filter(|seen| !seen.is_empty()) {
            listed.version = seen;
        }
        Ok(())
    }

    /// Tells what is known. Returns whether it counts now.
    async fn tell(&self, listed: &Listed) -> bool {
        let known = self.listener.known().await;
        let answer = answer(&listed.slices, self.source, self.service, &known);
        self.listener.hear(answer).await
    }
}

impl End {
    /// The end behind a watch, or a silence. Most of it belongs to every day, and the next list says what is wrong.
    fn of(ended: Result<(), Trouble>, reached: Reached) -> Self {
        let trouble = match ended {
            Err(trouble @ Trouble::TooMany(_)) => Some(trouble),
            Err(trouble) => {
                debug!(%trouble, "a watch has ended: everything anew");
                None
            }
            Ok(()) => None,
        };
        Self { trouble, reached }
    }

    /// The end where a watch was refused. Behind one that has lasted it may be for the version; the first one begins where
    /// the list ends, so that anything else is wrong.
    fn unopened(trouble: Trouble, reached: Reached) -> Self {
        let trouble = match reached {
            Reached::Events => {
                debug!(%trouble, "a watch is not opened: everything anew");
                None
            }
            Reached::Nothing | Reached::Watch => Some(trouble),
        };
        Self { trouble, reached }
    }
}

fn answer(
    slices: &Slices,
    source: &Discover,
    service: &KubernetesService,
    known: &[Found],
) -> SourceAnswer {
    SourceAnswer::of(slices.members(service, source.route, known), Vec::new())
}

/// Whether an answer names others than those that are known, or says something else of them.
fn is_news(answer: &SourceAnswer, known: &[Found]) -> bool {
    let SourceAnswer::Named { found, .. } = answer else {
        return false;
    };
    let living = known.iter().filter(|it| !it.standing.has_vanished());
    let living: HashMap<&MemberUrl, &Found> = living.map(|it| (&it.url, it)).collect();
    let is_known = |it: &Found| living.get(&it.url) == Some(&it);
    found.len() != living.len() || !found.iter().all(is_known)
}

/// All slices of the service, by the account as it is now.
async fn list(service: &KubernetesService) -> Result<Listed, Trouble> {
    let api = Api::of(service).await?;
    let all = async {
        let mut listed = Listed {
            namespace: api.namespace.clone(),
            ..Listed::default()
        };
        let mut next: Option<String> = None;
        loop {
            let page = api.page(next.as_deref()).await?;
            for slice in page.slices {
                listed.slices.set(service, &listed.namespace, slice);
            }
            listed.slices.within_bounds()?;
            listed.version = page.version;
            match page.next {
                Some(token) => next = Some(token),
                None => return Ok(listed),
            }
        }
    };
    timeout(LIST, all).await.unwrap_or(Err(Trouble::Late(LIST)))
}

/// The pause before everything anew, after so many failures in a row. `seed` makes it up to a fifth shorter, so that several
/// gateways do not ask at the same moment.
fn pause(interval: Duration, failures: u32, seed: u64) -> Duration {
    let whole = match failures {
        0 => interval.min(SECOND_TRY) / 4,
        1 => interval.min(SECOND_TRY),
        _ => {
            let longest = LONGEST_PAUSE.max(interval);
            let doubled = 2_u32.saturating_pow(failures - 2);
            interval.saturating_mul(doubled).min(longest)
        }
    };
    let share = u32::try_from(seed % 200).unwrap_or_default();
    whole - whole / 1_000 * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_failures_up_to_a_bound() {
        let pauses = |interval| {
            let interval = Duration::from_millis(interval);
            [0, 1, 2, 3, 4, 5, 30].map(|failures| pause(interval, failures, 0).as_millis())
        };
        assert_eq!(pauses(100), [25, 100, 100, 200, 400, 800, 10_000]);
        assert_eq!(
            pauses(5_000),
            [125, 500, 5_000, 10_000, 10_000, 10_000, 10_000]
        );
        assert_eq!(pauses(60_000)[2..], [60_000; 5]);
        for seed in 0..400 {
            let shorter = pause(Duration::from_secs(5), 2, seed).as_millis();
            assert!((4_000..=5_000).contains(&shorter), "{shorter}");
        }
    }
}
