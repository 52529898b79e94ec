//! A member is disabled for several reasons: its file, an operator, its source, and the end of `drain_timeout`. None of them
//! takes back what another one says.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ajpgate_config::{Config, Standing, Status};
use proptest::prelude::*;

use super::super::discovered::said_by_source;
use super::super::{LiveBalancer, Snapshot};
use super::{CORES, change, two_members};
use crate::balancer::{Change, Command, StatusChange};
use crate::cluster::Heard;
use crate::telemetry::metrics::Metrics;

/// `drain_timeout` of the balancer.
const LIMIT: Duration = Duration::from_secs(3);

/// What happens to the member.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Its source says this of it.
    Source(Standing),
    /// An operator sets `disabled`.
    Disabled(bool),
    /// An operator sets `drain`.
    Drain(bool),
    /// So many seconds pass, with a look at the drains in each.
    Seconds(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let standing = prop::sample::select(vec![
        Standing::Ready,
        Standing::NotReady,
        Standing::Ending,
        Standing::EndingNotReady,
        Standing::Vanished,
        Standing::VanishedNotReady,
    ]);
    let step = prop_oneof![
        3 => standing.prop_map(Step::Source),
        1 => any::<bool>().prop_map(Step::Disabled),
        1 => any::<bool>().prop_map(Step::Drain),
        3 => (1_u32..5).prop_map(Step::Seconds),
    ];
    prop::collection::vec(step, 1..20)
}

/// A gateway whose first member is watched, and what that member must be like.
struct Watched {
    metrics: Metrics,
    now: Instant,
    config: Config,
    snapshot: Snapshot,
    by_hand: Status,
    /// When a look has seen the drain first.
    since: Option<Instant>,
    /// Whether the end of `drain_timeout` has been seen.
    is_over: bool,
    /// Whether it is disabled for that.
    given_up: bool,
}

impl Watched {
    fn new() -> Self {
        let config = two_members("stickysession: SID, drain_timeout: 3s");
        let metrics = Metrics::new();
        Self {
            now: Instant::now(),
            snapshot: Snapshot::new(&config, CORES, &metrics).unwrap(),
            by_hand: Status::default(),
            since: None,
            is_over: false,
            given_up: false,
            config,
            metrics,
        }
    }

    fn balancer(&self) -> &LiveBalancer {
        &self.snapshot.balancers[0]
    }

    /// The flags that the configuration has.
    fn wanted(&self) -> Status {
        self.config.balancers[0].members[0].status
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Source(standing) => {
                self.config.balancers[0].members[0].origin.standing = standing;
                self.configure();
            }
            Step::Disabled(disabled) => {
                let status = StatusChange {
                    disabled: Some(disabled),
                    ..StatusChange::default()
                };
                self.by_hand(status);
            }
            Step::Drain(drain) => {
                let status = StatusChange {
                    drain: Some(drain),
                    ..StatusChange::default()
                };
                self.by_hand(status);
            }
            Step::Seconds(seconds) => {
                for _ in 0..seconds {
                    self.now += Duration::from_secs(1);
                    self.look();
                }
            }
        }
    }

    /// A change by hand, unless it would take back what the source says: that is refused.
    fn by_hand(&mut self, status: StatusChange) {
        let mut member = self.config.balancers[0].members[0].clone();
        member.status = Status::default();
        let said = said_by_source(&member);
        let takes_back = |said: bool, flag: Option<bool>| said && flag == Some(false);
        if takes_back(said.disabled, status.disabled) || takes_back(said.drain, status.drain) {
            return;
        }
        self.by_hand = status.over(self.by_hand);
        let change = Change {
            status,
            ..Change::default()
        };
        let id = self.balancer().members[0].id;
        let command = Command::Change(id, change);
        self.balancer().apply(command, self.now).unwrap();
        self.given_up &= status.disabled != Some(false);
        self.configure();
    }

    fn configure(&mut self) {
        let member = &mut self.config.balancers[0].members[0];
        member.status = self.by_hand;
        member.status = said_by_source(member);
        if !member.status.drain {
            (self.since, self.is_over, self.given_up) = (None, false, false);
        }
        self.snapshot = change(&self.snapshot, &self.config, &self.metrics, self.now);
    }

    fn look(&mut self) {
        self.balancer().look_after_sessions(self.now);
        if !self.wanted().drain {
            return;
        }
        let since = *self.since.get_or_insert(self.now);
        if self.now - since >= LIMIT && !self.is_over {
            (self.is_over, self.given_up) = (true, true);
        }
    }

    fn check(&self, step: Step) {
        let view = self.balancer().core().view(self.now);
        let (shown, wanted) = (view.members[0].status, self.wanted());
        let disabled = wanted.disabled || self.given_up;
        assert_eq!(
            (shown.disabled, shown.drain),
            (disabled, wanted.drain),
            "disabled and drain behind {step:?}"
        );
    }
}

fn play(steps: &[Step]) {
    let mut watched = Watched::new();
    for step in steps {
        watched.take(*step);
        watched.check(*step);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn a_member_is_disabled_as_long_as_one_reason_for_it_lasts(steps in steps()) {
        play(&steps);
    }
}

#[test]
fn a_pod_that_ends_and_no_longer_serves_takes_nothing_behind_the_end_of_drain_timeout() {
    let ending = Step::Source(Standing::Ending);
    for standing in [Standing::NotReady, Standing::EndingNotReady] {
        let not_ready = Step::Source(standing);
        play(&[ending, Step::Seconds(5), not_ready, Step::Seconds(2)]);
        play(&[
            ending,
            Step::Seconds(5),
            not_ready,
            ending,
            Step::Seconds(2),
        ]);
    }
}

#[test]
fn what_an_operator_disables_stays_disabled_when_a_drain_that_was_given_up_is_undone() {
    let (on, off) = (Step::Drain(true), Step::Drain(false));
    let seconds = Step::Seconds(5);
    play(&[on, seconds, Step::Disabled(true), off, seconds]);
    play(&[on, seconds, off, seconds, on, Step::Seconds(1)]);
    play(&[
        on,
        seconds,
        Step::Disabled(false),
        seconds,
        off,
        on,
        Step::Seconds(1),
    ]);
}

/// A balancer without sessions drains too: alone at once, in a cluster once the others must have been heard, and `drain_timeout`
/// bounds it where they cannot be.
#[test]
fn the_drain_of_a_balancer_without_sessions_ends() {
    let start = Instant::now();
    let drained = |heard: &dyn Fn(&LiveBalancer, Instant), seconds: u64| {
        let config = two_members("drain_timeout: 20s");
        let snapshot = Snapshot::new(&config, CORES, &Metrics::new()).unwrap();
        let balancer = &snapshot.balancers[0];
        let change = Change {
            status: StatusChange {
                drain: Some(true),
                ..StatusChange::default()
            },
            ..Change::default()
        };
        let member = &balancer.members[0];
        let command = Command::Change(member.id, change);
        balancer.apply(command, start).unwrap();
        for second in 0..seconds {
            let now = start + Duration::from_secs(second);
            heard(balancer, now);
            balancer.look_after_sessions(now);
        }
        let now = start + Duration::from_secs(seconds);
        let view = balancer.core().view(now);
        let view = &view.members[0];
        member.left(view, now).has_drained(view.status)
    };
    let nobody_else = |balancer: &LiveBalancer, now: Instant| {
        let heard = Heard {
            seed: [1, 2],
            since: Duration::ZERO,
            others: HashMap::new(),
            routes: Default::default(),
        };
        balancer.hear_sessions(Some(&heard), now);
    };
    let cannot_be_heard = |balancer: &LiveBalancer, now: Instant| {
        balancer.hear_sessions(None, now);
    };
    assert!(drained(&|_, _| {}, 1));
    assert!(!drained(&nobody_else, 2));
    assert!(drained(&nobody_else, 5));
    assert!(!drained(&cannot_be_heard, 15));
    assert!(drained(&cannot_be_heard, 22));
}

/// Between two drains others may have got sessions, which are heard of at the next exchange only.
#[test]
fn what_others_said_in_one_drain_says_nothing_in_the_next_one() {
    let start = Instant::now();
    let snapshot =
        Snapshot::new(&two_members("drain_timeout: 0s"), CORES, &Metrics::new()).unwrap();
    let balancer = &snapshot.balancers[0];
    let member = &balancer.members[0];
    let drain = |drain: bool, now: Instant| {
        let status = StatusChange {
            drain: Some(drain),
            ..StatusChange::default()
        };
        balancer.set_flags(member, status, now).unwrap();
    };
    let drained = |now: Instant| {
        balancer.look_after_sessions(now);
        let view = balancer.core().view(now);
        let view = &view.members[0];
        member.left(view, now).has_drained(view.status)
    };
    let heard = Heard {
        seed: [1, 2],
        since: Duration::ZERO,
        others: HashMap::new(),
        routes: Default::default(),
    };
    drain(true, start);
    for second in 0..5 {
        let now = start + Duration::from_secs(second);
        balancer.hear_sessions(Some(&heard), now);
        balancer.look_after_sessions(now);
    }
    let again = start + Duration::from_secs(5);
    assert!(drained(again));
    drain(false, again);
    drain(true, again);
    assert!(!drained(again), "nobody has been heard in this drain");
    // The other gateways of a cluster undo it too: their configuration changes.
    let later = again + Duration::from_secs(5);
    balancer.hear_sessions(Some(&heard), later);
    assert!(drained(later));
    let _over = member.take_drain();
    assert!(!drained(later));
}
