//! Which member gets a request: the decisions of mod_proxy_balancer as a plain state machine.
//!
//! A [`Balancer`] has no clock, no lock and no log. Whoever owns it brings the time as an argument, holds a
//! mutex around it, and logs and counts what comes back:
//!
//! ```text
//! pick(want, now) ──► Pick { member, how, ticket } ──► the request runs ──► settle(ticket, outcome, now)
//!      │                                                                          │
//!      └► NoMember (a reason, never a default member) ──► hope                    └► Transition, or nothing
//! ```
//!
//! A member is busy from `pick` until its ticket is settled. Between the two, [`Balancer::traffic`] says how many
//! bytes went over; at any time [`Balancer::apply`] does what an operator wants and [`Balancer::health`] what a
//! health check found.
//!
//! | file | thought | in httpd |
//! |---|---|---|
//! | `pick` | what a request asks for and gets | |
//! | `choose` | the order of the steps of one choice | `mod_proxy_balancer.c: proxy_balancer_pre_request()` |
//! | `route` | the member of a session's route, redirects | `mod_proxy_balancer.c: find_route_worker()` |
//! | `sets` | sets, hot spares, hot standbys, drain | `proxy_util.c: proxy_balancer_get_best_worker()` |
//! | `method` | lbstatus and who is best | `balancers/mod_lbmethod_*.c` |
//! | `load` | `heartbeat`: what backends say of themselves | `mod_lbmethod_heartbeat.c` |
//! | `latency` | `leastlatency`: the better of two | |
//! | `recovery` | error, retry, probe, forced recovery | `proxy_util.c: ap_proxy_retry_worker()`; mod_jk's `ERR/PRB` |
//! | `ramp` | `slow_start` | |
//! | `wait` | what a request that got nobody may hope for | `mod_proxy_balancer.c: find_best_worker()` |
//! | `member` | when a member is usable | `mod_proxy.h: PROXY_WORKER_IS_USABLE` |
//! | `checks` | how many health checks decide | `mod_proxy_hcheck.c: hc_check()` |
//! | `settle` | what the end of a request says of its member | `mod_proxy_balancer.c: proxy_balancer_post_request()` |
//! | `settings` | the settings, translated from the configuration | |
//! | `command` | what an operator may change | `mod_proxy_balancer.c: balancer_process_balancer_worker()` |
//!
//! The rules with their reasons are in `src/balancer/SEMANTICS.md`.
//!
//! **The tie rule.** Every comparison is strict, so among equals the member that stands first in the configuration
//! wins. The methods that draw lots take them from a seed: the same calls with the same times give the same answers.
//!
//! **Cost.** A pick looks at each member a few times for each set that it visits and allocates nothing.

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

/// What a balancer is made of.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The settings of the balancer itself.
    pub settings: Settings,
    /// The seed of the random numbers; only `heartbeat` and `leastlatency` need any.
    pub seed: u64,
    /// The members, in the order that breaks ties.
    pub members: Vec<MemberSpec>,
}

/// A member's name inside its balancer: unique, and never given to another member.
///
/// The members of a [`Spec`] get 0, 1, 2 … in their order; each one added later gets the next number.
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
    /// Changes with whatever the waiting want to know.
    epoch: u64,
    scratch: Scratch,
}

/// Vectors that a pick works in, kept so that it need not allocate.
#[derive(Debug, Default)]
struct Scratch {
    /// Indices of the members among which a method chooses.
    eligible: Vec<usize>,
    /// Those of them who are not held back by `slow_start`.
    admitted: Vec<usize>,
    /// For each member, the depth from which on its redirect is known to lead nowhere.
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
    /// A balancer whose members are all healthy and have served nothing yet; if checks are mandatory, they are kept out
    /// until they pass.
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

    /// Whether a member has this route, whatever its state. The empty route is nobody's.
    #[must_use]
    pub fn knows_route(&self, route: &str) -> bool {
        self.members.iter().any(|member| member.has_route(route))
    }

    /// The members with this route, in their order. The empty route is nobody's.
    pub fn members_of(&self, route: &str) -> impl Iterator<Item = MemberId> {
        let members = self.members.iter();
        members
            .filter(move |member| member.has_route(route))
            .map(|member| member.id)
    }

    /// Counts bytes of bodies that went to and came from a member, as they flow: `lbmethod: bytraffic` decides on
    /// them. Heads and packets do not count (`mod_proxy_ajp.c: ap_proxy_ajp_request()`), so that a thousand empty
    /// answers weigh nothing.
    ///
    /// Does nothing for a member that is gone.
    pub fn traffic(&mut self, member: MemberId, to_backend: u64, from_backend: u64) {
        if let Some(member) = self.member_mut(member) {
            member.traffic.add(to_backend, from_backend);
        }
    }

    /// Whether there is a member that a request without a session could get.
    ///
    /// A member whose `retry` has passed counts; one that only forced recovery would bring back does not, because
    /// nothing says that it works.
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

    /// How long until the next member in error may be tried: what `Retry-After` is made of.
    ///
    /// Zero when one may be tried now, or when none is in error. Members that an operator or a health check keeps
    /// out do not count: time does not bring them back.
    #[must_use]
    pub fn retry_after(&self, now: Instant) -> Duration {
        self.members
            .iter()
            .filter(|member| member.is_allowed() && !member.check_failed)
            .filter_map(|member| member.retry_in(now))
            .min()
            .unwrap_or(Duration::ZERO)
    }

    /// Panics when the books do not balance. For tests and simulations.
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

    /// A member is in service that was not. With `slow_start` all start from zero, and it with a smaller weight.
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

    /// Takes the weights of this time.
    fn weigh(&mut self, now: Instant) {
        for member in &mut self.members {
            member.weigh(self.settings.slow_start, now);
        }
    }

    fn member_mut(&mut self, id: MemberId) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == id)
    }
}
