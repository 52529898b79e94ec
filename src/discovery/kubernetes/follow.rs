//! When there is a list, a watch, and a new list.
//!
//! ```text
//!  account ─► list ─► watch ─► event, bookmark: an answer
//!     ▲                │  ▲        │
//!     │                │  └────────┘  the server ends the watch: it goes on from the last version
//!     └──── pause ◄────┘  too old, silent, broken: everything anew
//! ```

use std::time::Duration;

use ajpgate_config::{Discover, KubernetesService};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::debug;

use super::api::Api;
use super::slices::Slices;
use super::stream::{Event, Stream};
use super::trouble::Trouble;
use crate::discovery::answer::{Answer, Found, Listener};
use crate::random;

/// How long a list may take, with all of its pages.
const LIST: Duration = Duration::from_secs(30);

/// How long a watch may say nothing. The API writes a bookmark about every minute.
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
    let mut following = Following {
        source,
        service,
        listener,
        unwatched: None,
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
            listener.hear(Answer::Failed(trouble.to_string()));
        }
        sleep(pause(source.interval, failures, random::seed())).await;
    }
}

/// Lists once.
pub(crate) async fn ask(source: &Discover, service: &KubernetesService) -> Answer {
    let listed = async {
        let api = Api::of(service).await?;
        list(api, service).await
    };
    match listed.await {
        Ok(listed) => answer(&listed.slices, source, service, &[]),
        Err(trouble) => Answer::Failed(trouble.to_string()),
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
    /// The last answer, where the watch behind it was refused. It is not told again: the log would say with every list that
    /// the source answers, and then that it does not.
    unwatched: Option<Answer>,
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
    async fn once(&mut self) -> End {
        let listed = async {
            let api = Api::of(self.service).await?;
            list(api, self.service).await
        };
        match listed.await {
            Ok(listed) => self.watch(listed).await,
            Err(trouble) => End {
                trouble: Some(trouble),
                reached: Reached::Nothing,
            },
        }
    }

    /// Tells what was listed, and watches until there has to be a new list.
    async fn watch(&mut self, mut listed: Listed) -> End {
        let heard = self.answer(&listed.slices);
        if self.unwatched.as_ref() != Some(&heard) {
            self.listener.hear(heard.clone());
        }
        let mut reached = Reached::Nothing;
        loop {
            let mut stream = match self.open(&listed).await {
                Ok(stream) => stream,
                Err(trouble) if reached == Reached::Events || trouble.is_of_the_version() => {
                    debug!(service = %self.service, %trouble, "a watch is not opened: everything anew");
                    let trouble = None;
                    return End { trouble, reached };
                }
                Err(trouble) => {
                    self.unwatched = Some(heard);
                    let trouble = Some(trouble);
                    return End { trouble, reached };
                }
            };
            reached = reached.max(Reached::Watch);
            if self.unwatched.take().is_some() {
                self.listener.hear(heard.clone());
            }
            let (began, mut has_spoken) = (Instant::now(), false);
            let ended = self.listen(&mut stream, &mut listed, &mut has_spoken);
            let ended = ended.await;
            if has_spoken || began.elapsed() >= LASTS {
                reached = Reached::Events;
            }
            let trouble = match ended {
                // A version that is too old may end a watch at once, without a word.
                Ok(()) if has_spoken => continue,
                Ok(()) => None,
                Err(trouble @ Trouble::TooMany(_)) => Some(trouble),
                Err(trouble) => {
                    debug!(service = %self.service, %trouble, "a watch has ended: everything anew");
                    None
                }
            };
            return End { trouble, reached };
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

    /// Hears what a watch says until the server ends it.
    ///
    /// # Errors
    /// The watch cannot go on from the last version.
    async fn listen(
        &self,
        stream: &mut Stream,
        listed: &mut Listed,
        has_spoken: &mut bool,
    ) -> Result<(), Trouble> {
        loop {
            let next = timeout(SILENCE, stream.next()).await;
            let Some(event) = next.unwrap_or(Err(Trouble::Late(SILENCE)))? else {
                return Ok(());
            };
            self.take(event, listed)?;
            *has_spoken = true;
            let latest = Instant::now() + AT_LAST;
            let mut broken = None;
            loop {
                let settled = (Instant::now() + SETTLES).min(latest);
                match timeout_at(settled, stream.next()).await {
                    Ok(Ok(Some(event))) => self.take(event, listed)?,
                    // What has come before counts.
                    Ok(Err(trouble)) => {
                        broken = Some(trouble);
                        break;
                    }
                    Ok(Ok(None)) | Err(_) => break,
                }
            }
            listed.slices.within_bounds()?;
            self.listener.hear(self.answer(&listed.slices));
            if let Some(trouble) = broken {
                return Err(trouble);
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

    fn answer(&self, slices: &Slices) -> Answer {
        answer(slices, self.source, self.service, &self.listener.known())
    }
}

fn answer(
    slices: &Slices,
    source: &Discover,
    service: &KubernetesService,
    known: &[Found],
) -> Answer {
    Answer::of(slices.members(service, source.route, known), Vec::new())
}

/// All slices of the service.
async fn list(api: Api, service: &KubernetesService) -> Result<Listed, Trouble> {
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
