//! Tests of the balancer's rules (`src/balancer/SEMANTICS.md`). Members are named a, b, c, d by their routes.

mod checks;
mod commands;
mod lots;
mod method;
mod properties;
mod ramp;
mod recovery;
mod route;
mod sessions;
mod sets;
mod states;
mod usability;
mod wait;

use std::time::{Duration, Instant};

use ajpgate_config::{LbMethod, LoadFactor, Status};

use super::member::Member;
use super::*;

/// `retry` of every member unless a test says otherwise.
const RETRY: Duration = Duration::from_secs(60);

/// A balancer with a clock that the test sets.
struct Play {
    balancer: Balancer,
    now: Instant,
    start: Instant,
}

/// A member with load factor 1 and no flags.
fn member(route: &str) -> MemberSpec {
    MemberSpec {
        route: route.to_owned(),
        redirect: String::new(),
        domain: String::new(),
        factor: LoadFactor::ONE,
        set: 0,
        status: Status::default(),
        retry: RETRY,
    }
}

/// Members a, b, c … with these load factors.
fn members(factors: &[u32]) -> Vec<MemberSpec> {
    ["a", "b", "c", "d", "e"]
        .into_iter()
        .zip(factors)
        .map(|(route, factor)| MemberSpec {
            factor: LoadFactor::from_hundredths(factor * 100).unwrap(),
            ..member(route)
        })
        .collect()
}

/// Settings of a sticky balancer, with the defaults of the configuration.
fn settings(method: LbMethod) -> Settings {
    Settings {
        method,
        sticky: true,
        nofailover: false,
        forcerecovery: true,
        slow_start: Duration::ZERO,
        checks: None,
    }
}

fn play(method: LbMethod, members: Vec<MemberSpec>) -> Play {
    let start = Instant::now();
    Play {
        balancer: Balancer::new(Spec {
            settings: settings(method),
            seed: 1,
            members,
        }),
        now: start,
        start,
    }
}

fn by_requests(members: Vec<MemberSpec>) -> Play {
    play(LbMethod::ByRequests, members)
}

impl Play {
    /// Sets the clock, in milliseconds from the start.
    fn at(&mut self, milliseconds: u64) -> &mut Self {
        self.now = self.start + Duration::from_millis(milliseconds);
        self
    }

    fn id(&self, route: &str) -> MemberId {
        self.find(route).id
    }

    fn find(&self, route: &str) -> &Member {
        let found = self.balancer.members.iter().find(|m| *m.route == *route);
        found.unwrap()
    }

    fn health(&self, route: &str) -> Health {
        self.find(route).recovery.health()
    }

    fn lbstatus(&self) -> Vec<i64> {
        let members = self.balancer.members.iter();
        members.map(|m| self.balancer.lbstatus(m)).collect()
    }

    fn pick(&mut self, route: Option<&str>, tried: &[&str]) -> Result<Pick, NoMember> {
        let tried: Tried = tried.iter().map(|route| self.id(route)).collect();
        let want = Want {
            route,
            tried: &tried,
            has_body: false,
        };
        let pick = self.balancer.pick(want, self.now);
        self.balancer.check_invariants();
        pick
    }

    fn settle(&mut self, pick: Pick, outcome: Outcome) -> Option<Transition> {
        let transition = self.balancer.settle(pick.ticket, outcome, self.now);
        self.balancer.check_invariants();
        transition
    }

    /// Serves a request at once and returns its member, or `-`.
    fn serve(&mut self, route: Option<&str>) -> String {
        match self.pick(route, &[]) {
            Ok(pick) => {
                let route = pick.route.to_string();
                self.settle(pick, Outcome::Served);
                route
            }
            Err(_) => "-".to_owned(),
        }
    }

    /// Serves `count` requests without a session.
    fn free(&mut self, count: usize) -> String {
        let routes: Vec<String> = (0..count).map(|_| self.serve(None)).collect();
        routes.join(" ")
    }

    /// Serves `count` requests of one route.
    fn sticky(&mut self, route: &str, count: usize) -> String {
        let routes: Vec<String> = (0..count).map(|_| self.serve(Some(route))).collect();
        routes.join(" ")
    }

    /// Starts a request that stays open and returns its member.
    fn open(&mut self, route: Option<&str>) -> Pick {
        self.pick(route, &[]).unwrap()
    }

    /// A request of this route, which must have a usable member, fails by the member's fault.
    fn fail(&mut self, route: &str) -> Option<Transition> {
        let pick = self.open(Some(route));
        assert_eq!(*pick.route, *route);
        self.settle(pick, Outcome::Failed)
    }

    fn status(&mut self, route: &str, change: StatusChange) {
        let change = Change {
            status: change,
            ..Change::default()
        };
        let command = Command::Change(self.id(route), change);
        self.balancer.apply(command, self.now).unwrap();
    }

    /// Changes settings of the balancer as an operator does.
    fn set(&mut self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.balancer.settings().clone();
        change(&mut settings);
        let command = Command::Settings(settings);
        self.balancer.apply(command, self.now).unwrap();
        self.balancer.check_invariants();
    }

    /// Sets flags without the other effects of a command.
    fn flags(&mut self, route: &str, flags: impl FnOnce(&mut Status)) {
        self.balancer.add_pending();
        let members = self.balancer.members.iter_mut();
        let found = members.into_iter().find(|m| *m.route == *route);
        flags(&mut found.unwrap().status);
    }

    /// Records the decision of health checks.
    fn check(&mut self, route: &str, failed: bool) -> Option<Transition> {
        let member = self.id(route);
        self.balancer.health(member, failed, self.now)
    }
}
