//! The sources of members: one task for each, which changes what runs when the source says something else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ajpgate_config::Discover;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{debug, info, warn};

use crate::discovery::{self, Found, MOST_MEMBERS, Reconciled, SourceAnswer};
use crate::state::{Edit, EditError, Shared};
use crate::telemetry::WarnLimit;
use crate::telemetry::metrics::{DiscoveryCounters, DiscoveryResult};

/// How long a start waits for the first answers.
const FIRST_ANSWERS: Duration = Duration::from_secs(5);

/// Asks every source once, so that the first request finds members. What does not answer in time is asked again later, and
/// the log tells of it then.
pub(crate) async fn ask_first(shared: &Arc<Shared>) {
    let snapshot = shared.snapshot.load_full();
    let sources = snapshot.balancers.iter().flat_map(|balancer| {
        let sources = balancer.config.discover.iter();
        sources.map(move |source| (balancer.name(), source))
    });
    let asked = sources.map(|(balancer, source)| async move {
        if let Ok(Some(answer)) = timeout(FIRST_ANSWERS, discovery::ask(source)).await {
            let (name, source) = (balancer.to_owned(), source.clone());
            let discover =
                move |edit: &mut Edit<'_>| edit.discover(&name, &source, &answer, Instant::now());
            if let Err(error) = shared.edit_aside(discover).await {
                debug!(balancer, %error, "the first answer of a source cannot be used");
            }
        }
    });
    futures_util::future::join_all(asked).await;
}

/// The tasks that ask the sources.
///
/// A task ends when its source is no longer in the configuration, or one of its keys has changed, and only then.
#[derive(Debug, Default)]
pub(super) struct Discoveries(Vec<Asking>);

/// A source that is asked.
#[derive(Debug)]
struct Asking {
    balancer: String,
    source: Discover,
    /// Ends the task.
    _task: DropGuard,
}

impl Discoveries {
    /// Ends the tasks that the snapshot no longer wants, and starts those that are missing. All of them end with `ended`.
    pub(super) fn follow(&mut self, shared: &Arc<Shared>, ended: &CancellationToken) {
        let snapshot = shared.snapshot.load_full();
        let mut before = std::mem::take(&mut self.0);
        for balancer in &snapshot.balancers {
            for source in &balancer.config.discover {
                let same = |it: &Asking| it.balancer == balancer.name() && it.source == *source;
                let known = before.iter().position(same);
                let known = known.map(|place| before.swap_remove(place));
                let start = || Asking::start(shared, balancer.name(), source, ended);
                self.0.push(known.unwrap_or_else(start));
            }
        }
    }
}

impl Asking {
    fn start(
        shared: &Arc<Shared>,
        balancer: &str,
        source: &Discover,
        ended: &CancellationToken,
    ) -> Self {
        let ear = Ear {
            shared: Arc::clone(shared),
            balancer: balancer.to_owned(),
            source: source.clone(),
            trouble: Mutex::default(),
            crowded: WarnLimit::per_minute(),
        };
        // From the start: an alert sees a source that never answers.
        drop(ear.counters());
        let (source, ended) = (source.clone(), ended.child_token());
        tokio::spawn({
            let (source, ended) = (source.clone(), ended.clone());
            async move {
                tokio::select! {
                    () = ended.cancelled() => {}
                    () = ear.shared.closing.replaced() => {}
                    () = discovery::follow(source, &ear) => {}
                }
            }
        });
        Self {
            balancer: balancer.to_owned(),
            source,
            _task: ended.drop_guard(),
        }
    }
}

/// Applies the answers of one source.
#[derive(Debug)]
struct Ear {
    shared: Arc<Shared>,
    balancer: String,
    source: Discover,
    /// Why the last answer changed nothing; the log has it once, not at each answer.
    trouble: Mutex<Option<Trouble>>,
    /// Limits the warnings about members that have no room.
    crowded: WarnLimit,
}

/// Why an answer does not say who there is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Trouble {
    /// Nothing of it counts, for this reason.
    Wholly(String),
    /// These parts of the question were not answered, the first one for this reason; the rest counts.
    Partly { parts: String, reason: String },
}

/// Most parts of a question that a line of the log names.
const MOST_PARTS: usize = 3;

/// The parts of a question, the first of them by name.
fn shown(parts: &BTreeMap<String, String>) -> String {
    let first: Vec<&str> = parts.keys().map(String::as_str).take(MOST_PARTS).collect();
    match parts.len().saturating_sub(MOST_PARTS) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

impl discovery::Listener for &Ear {
    async fn known(&self) -> Vec<Found> {
        let (balancer, source) = (self.balancer.clone(), self.source.clone());
        let known = move |edit: &mut Edit<'_>| Ok(edit.discovered(&balancer, &source));
        self.shared.edit_aside(known).await.unwrap_or_default()
    }

    async fn hear(&self, answer: SourceAnswer) -> bool {
        let trouble = match &answer {
            SourceAnswer::Named { unheard, .. } if unheard.is_empty() => None,
            SourceAnswer::Named { unheard, .. } => Some(Trouble::Partly {
                parts: shown(unheard),
                reason: unheard.values().next().cloned().unwrap_or_default(),
            }),
            SourceAnswer::Empty => Some(Trouble::Wholly("it names nobody".to_owned())),
            SourceAnswer::Failed(why) => Some(Trouble::Wholly(why.clone())),
        };
        let mut result = match &answer {
            SourceAnswer::Named { .. } => DiscoveryResult::Ok,
            SourceAnswer::Empty => DiscoveryResult::Empty,
            SourceAnswer::Failed(_) => DiscoveryResult::Failed,
        };
        let changed = self.change(answer).await;
        if changed.is_err() {
            result = DiscoveryResult::Failed;
        }
        self.counters().increment(result);
        let counts = *changed.as_ref().unwrap_or(&false);
        self.tell(changed.err().map(Trouble::Wholly).or(trouble));
        counts
    }
}

impl Ear {
    /// Looked up at each answer: the series of a balancer that was away for a moment are others.
    fn counters(&self) -> DiscoveryCounters {
        let kind = self.source.source().name();
        DiscoveryCounters::of(&self.shared.metrics, &self.balancer, kind)
    }

    /// Changes what runs as the answer says. Returns whether all of it counts now: it does not where a file of a member is missing.
    async fn change(&self, answer: SourceAnswer) -> Result<bool, String> {
        let (balancer, source) = (self.balancer.clone(), self.source.clone());
        let discover = move |edit: &mut Edit<'_>| {
            let after = edit.discover(&balancer, &source, &answer, Instant::now())?;
            Ok((after, !edit.leaves_out_discovered(&balancer)))
        };
        let changed = self.shared.edit_aside(discover).await;
        let (balancer, source) = (&self.balancer, self.source.subject());
        match changed {
            Ok((after, is_whole)) => {
                if after.new + after.vanished + after.back > 0 {
                    let members = after.members.len();
                    info!(
                        balancer,
                        source,
                        members,
                        new = after.new,
                        back = after.back,
                        vanished = after.vanished,
                        "members were discovered: those that vanished get no new sessions"
                    );
                }
                self.tell_left_out(&after);
                Ok(is_whole)
            }
            // A new program is taking over: it asks for itself. Where it fails, this one goes on.
            Err(EditError::Replaced) => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Logs that members have no room, once a minute as long as it lasts.
    fn tell_left_out(&self, after: &Reconciled) {
        let (left_out, given_up) = (after.left_out, after.given_up);
        if left_out + given_up == 0 || self.crowded.due(()).is_none() {
            return;
        }
        let (balancer, source) = (&self.balancer, self.source.subject());
        warn!(
            balancer,
            source,
            left_out,
            given_up,
            "a balancer has at most {MOST_MEMBERS} members, and as many that drain: those that are left out get no new sessions, those \
             that are given up lose theirs"
        );
    }

    /// Logs that a source says nothing that could be used, once, and when it does so again.
    fn tell(&self, trouble: Option<Trouble>) {
        let (balancer, source) = (&self.balancer, self.source.subject());
        let mut before = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*before, &trouble) {
            (Some(before), Some(trouble)) if before == trouble => {
                debug!(
                    balancer,
                    source,
                    ?trouble,
                    "a source of members still does not say who there is"
                );
            }
            (_, Some(Trouble::Wholly(reason))) => {
                warn!(
                    balancer,
                    source,
                    reason,
                    "a source of members does not say who there is: what is known stays"
                );
            }
            (_, Some(Trouble::Partly { parts, reason })) => {
                warn!(
                    balancer,
                    source,
                    parts,
                    reason,
                    "a source of members does not say all: what is known of these parts stays, the rest counts"
                );
            }
            (Some(_), None) => info!(balancer, source, "a source of members answers again"),
            (None, None) => {}
        }
        *before = trouble;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_three_parts_and_how_many_more_there_are() {
        let part = |it| (format!("web-{it}"), String::new());
        let parts = |count: usize| (0..count).map(part).collect();
        assert_eq!(shown(&parts(1)), "web-0");
        assert_eq!(shown(&parts(3)), "web-0, web-1, web-2");
        assert_eq!(shown(&parts(1_024)), "web-0, web-1, web-10 and 1021 more");
    }
}
