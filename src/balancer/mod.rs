//! The choice of a member for a request: the decisions of mod_proxy_balancer as a state machine without I/O.
//!
//! A [`Balancer`] has no clock, no lock and no log. Its owner passes the time as an argument, holds a mutex around it, and
//! logs and counts what the functions return:
//!
//! ```text
//! pick(want, now) ──► Pick { member, how, ticket } ──► the request runs ──► settle(ticket, outcome, now)
//!      │                                                                          │
//!      └► NoMember (a reason, never a default member) ──► hope                    └► Transition, or nothing
//! ```
//!
//! A member is busy from `pick` until its ticket is settled. In between, [`Balancer::traffic`] counts bytes. At any time,
//! [`Balancer::apply`] makes the changes of an operator and [`Balancer::health`] records the result of health checks.
//!
//! | file | subject | in httpd |
//! |---|---|---|
//! | `pick` | the input and the result of a choice | |
//! | `choose` | the order of the steps of one choice | `mod_proxy_balancer.c: proxy_balancer_pre_request()` |
//! | `route` | the member of a session's route, redirects | `mod_proxy_balancer.c: find_route_worker()` |
//! | `sets` | sets, hot spares, hot standbys, drain | `proxy_util.c: proxy_balancer_get_best_worker()` |
//! | `method` | lbstatus, and the best member | `balancers/mod_lbmethod_*.c` |
//! | `load` | `heartbeat`: load reports of backends | `mod_lbmethod_heartbeat.c` |
//! | `latency` | `leastlatency`: the faster of two members | |
//! | `recovery` | error, retry, probe, forced recovery | `proxy_util.c: ap_proxy_retry_worker()`; mod_jk's `ERR/PRB` |
//! | `ramp` | `slow_start` | |
//! | `wait` | how long a request without a member waits | `mod_proxy_balancer.c: find_best_worker()` |
//! | `member` | when a member is usable | `mod_proxy.h: PROXY_WORKER_IS_USABLE` |
//! | `checks` | health checks, counted in a row | `mod_proxy_hcheck.c: hc_check()` |
//! | `settle` | the end of a request, and its effect on the member | `mod_proxy_balancer.c: proxy_balancer_post_request()` |
//! | `settings` | the settings, translated from the configuration | |
//! | `command` | changes by an operator | `mod_proxy_balancer.c: balancer_process_balancer_worker()` |
//!
//! The rules with their reasons are in `src/balancer/SEMANTICS.md`.
//!
//! **Ties.** Every comparison is strict, so that among equal members the first in the configuration wins. Random numbers
//! come from a seed: the same calls with the same times give the same results.
//!
//! **Cost.** A pick visits each member a few times per set and allocates nothing.

mod checks;
mod choose;
mod command;
mod latency;
mod load;
mod member;
mod method;
mod pick;
mod ramp;
mod random;
mod recovery;
mod route;
mod sets;
mod settings;
mod settle;
mod tried;
mod view;
mod wait;

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

pub use checks::{Checks, Streak};
pub use command::{Applied, Change, Command, LBSET_MAX, Refused, StatusChange};
pub use load::HEARTBEAT_LASTS;
pub use pick::{How, NoMember, Pick, Ticket, Want};
pub use recovery::Health;
pub use settings::{MemberSpec, Settings};
pub use settle::{Cause, Condition, Outcome, Transition};
pub use tried::Tried;
pub use view::{MemberView, View};
pub use wait::Hope;

use member::Member;
use ramp::Ramp;
use random::Random;
use sets::Scope;

/// The initial state of a balancer.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The settings of the balancer itself.
    pub settings: Settings,
    /// The seed of the random numbers; only `heartbeat` and `leastlatency` need any.
    pub seed: u64,
    /// The members, in the order that breaks ties.
    pub members: Vec<MemberSpec>,
}

/// The number of a member in its balancer. It is never given to another member.
///
/// The members of a [`Spec`] get 0, 1, 2 … in their order; a member that is added gets the next number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(u32);

impl MemberId {
    /// The number itself, for logs.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// A named group of members that share load and sessions.
#[derive(Debug)]
pub struct Balancer {
    settings: Settings,
    random: Random,
    members: Vec<Member>,
    /// The number of the next member that is added.
    next_id: u32,
    /// Changes with every event that may give a waiting request a member.
    epoch: u64,
    scratch: Scratch,
}

/// Buffers for a pick, so that it allocates nothing.
#[derive(Debug, Default)]
struct Scratch {
    /// Indices of the eligible members.
    eligible: Vec<usize>,
    /// Those of them that `slow_start` does not hold back.
    admitted: Vec<usize>,
    /// For each member, the depth from which on its redirect is known to find no member.
    dead_ends: Vec<u32>,
}

impl Scratch {
    fn reserve(&mut self, members: usize) {
        self.eligible.reserve(members);
        self.admitted.reserve(members);
        self.dead_ends.reserve(members);
    }
}

impl Balancer {
    /// A balancer whose members are healthy and have served no request. If checks are mandatory, members are kept out until
    /// they pass.
    #[must_use]
    pub fn new(spec: Spec) -> Self {
        let mut balancer = Self {
            settings: spec.settings,
            random: Random::new(spec.seed),
            members: Vec::with_capacity(spec.members.len()),
            next_id: 0,
            epoch: 0,
            scratch: Scratch::default(),
        };
        for member in spec.members {
            balancer.push(member);
        }
        balancer
    }

    /// The settings that are in force.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether a member has this route, whatever its state. No member has the empty route.
    #[must_use]
    pub fn knows_route(&self, route: &str) -> bool {
        self.members.iter().any(|member| member.has_route(route))
    }

    /// The members with this route, in their order. No member has the empty route.
    pub fn members_of(&self, route: &str) -> impl Iterator<Item = MemberId> {
        let members = self.members.iter();
        members
            .filter(move |member| member.has_route(route))
            .map(|member| member.id)
    }

    /// Counts bytes of bodies to and from a member, for `lbmethod: bytraffic`. Heads and packet overhead do not count
    /// (`mod_proxy_ajp.c: ap_proxy_ajp_request()`).
    ///
    /// Does nothing for a removed member.
    pub fn traffic(&mut self, member: MemberId, to_backend: u64, from_backend: u64) {
        if let Some(member) = self.member_mut(member) {
            member.traffic.add(to_backend, from_backend);
        }
    }

    /// Whether a request without a session would get a member.
    ///
    /// A member whose `retry` has passed counts. One that only forced recovery would bring back does not, because it is not
    /// known to work.
    #[must_use]
    pub fn usable(&self, now: Instant) -> bool {
        let mut eligible = Vec::new();
        let tried = Tried::new();
        sets::eligible(
            &self.members,
            &Scope::all(self.settings.method, &tried, now),
            &mut eligible,
        );
        !eligible.is_empty()
    }

    /// The time until the next member in error may be tried, for `Retry-After`.
    ///
    /// Zero when one may be tried now, or when none is in error. Members that an operator or health checks keep out do not
    /// count, because time does not bring them back.
    #[must_use]
    pub fn retry_after(&self, now: Instant) -> Duration {
        self.members
            .iter()
            .filter(|member| member.is_allowed() && !member.check_failed)
            .filter_map(|member| member.retry_in(now))
            .min()
            .unwrap_or(Duration::ZERO)
    }

    /// Panics when the state contradicts itself. For tests and simulations.
    pub fn check_invariants(&self) {
        for (index, member) in self.members.iter().enumerate() {
            assert!(member.id.0 < self.next_id, "an id nobody gave");
            assert!(
                self.members
                    .iter()
                    .skip(index + 1)
                    .all(|other| other.id != member.id),
                "two members with one id"
            );
            member.check_invariants();
        }
        assert!(
            self.scratch.eligible.capacity() >= self.members.len()
                && self.scratch.admitted.capacity() >= self.members.len()
                && self.scratch.dead_ends.capacity() >= self.members.len(),
            "a pick would allocate"
        );
    }

    fn push(&mut self, spec: MemberSpec) -> MemberId {
        let id = MemberId(self.next_id);
        self.next_id = self.next_id.saturating_add(1);
        let mut member = Member::new(id, spec);
        member.check_failed = self.settings.checks.is_some_and(|checks| checks.mandatory);
        self.members.push(member);
        self.scratch.reserve(self.members.len());
        id
    }

    /// Records that a member is in service again. With `slow_start` all counters restart, and the member starts with a
    /// smaller weight.
    fn come_back(&mut self, id: MemberId, now: Instant) {
        if self.settings.slow_start.is_zero() {
            return;
        }
        if let Some(member) = self.member_mut(id) {
            member.ramp = Some(Ramp::new(now));
        }
        self.weigh(now);
        self.reset();
    }

    fn reset(&mut self) {
        method::reset(self.settings.method, &mut self.members);
    }

    /// Updates the weights of all members to this time.
    fn weigh(&mut self, now: Instant) {
        for member in &mut self.members {
            member.weigh(self.settings.slow_start, now);
        }
    }

    fn member_mut(&mut self, id: MemberId) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == id)
    }
}
