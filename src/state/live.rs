//! Balancers and members while they run.

use std::hash::{BuildHasher as _, RandomState};
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ajpgate_config::{HealthCheck, Heartbeat, Member, Status, Sticky, StickyCookie};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tracing::{info, warn};

use super::drain::Drain;
use crate::backend::Backend;
use crate::balancer::{
    Applied, Balancer, Command, Condition, Health, MemberId, MemberView, Refused, Transition,
};
use crate::sessions::LiveSessions;
use crate::sticky;
use crate::telemetry::Seldom;
use crate::telemetry::metrics::{BalancerMetrics, MemberMetrics, MemberReading, MemberStatus};

/// A balancer: the decisions behind a mutex, and what carries them out.
///
/// A clone is the same balancer: it shares the decisions and the waiting. That is how settings change that requests
/// read without the mutex (see `edit`).
#[derive(Debug, Clone)]
pub(crate) struct LiveBalancer {
    pub(crate) name: String,
    /// `BALANCER_NAME`; `None` for a backend's URL in place of a balancer.
    pub(crate) variable: Option<Arc<str>>,
    pub(crate) sticky: Option<Sticky>,
    /// The gateway's own cookie.
    pub(crate) sticky_cookie: Option<StickyCookie>,
    /// Tries after the first; `None`: members − 1.
    pub(crate) maxattempts: Option<u32>,
    /// How long a request waits for a usable member; zero: not at all.
    pub(crate) timeout: Duration,
    pub(crate) failonstatus: Vec<u16>,
    pub(crate) failontimeout: bool,
    /// Bound on a drain; zero: none.
    pub(crate) drain_timeout: Duration,
    pub(crate) health_check: Option<HealthCheck>,
    pub(crate) heartbeat: Option<Heartbeat>,
    pub(crate) members: Vec<Arc<LiveMember>>,
    pub(crate) metrics: BalancerMetrics,
    core: Arc<Mutex<Decisions>>,
    /// Wakes the requests that wait for a usable member.
    changed: Arc<Notify>,
}

/// What all versions of a balancer share.
#[derive(Debug)]
struct Decisions {
    balancer: Balancer,
    /// The members of the newest version. The choice of a request that began with an older one may fall on a member
    /// that came later: the next connector of its session's Tomcat, say.
    newest: Vec<Arc<LiveMember>>,
}

/// The decisions of a balancer, held. When it is let go and something has changed that somebody may wait for, they
/// are woken: all of them, and each chooses anew.
#[derive(Debug)]
pub(crate) struct Core<'a> {
    decisions: MutexGuard<'a, Decisions>,
    epoch: u64,
    changed: &'a Notify,
}

impl Deref for Core<'_> {
    type Target = Balancer;

    fn deref(&self) -> &Balancer {
        &self.decisions.balancer
    }
}

impl DerefMut for Core<'_> {
    fn deref_mut(&mut self) -> &mut Balancer {
        &mut self.decisions.balancer
    }
}

impl Core<'_> {
    /// These are the members from now on, also for requests that began before.
    pub(super) fn set_newest(&mut self, members: &[Arc<LiveMember>]) {
        self.decisions.newest = members.to_vec();
    }

    /// A member of the newest version.
    pub(super) fn newest(&self, id: MemberId) -> Option<&Arc<LiveMember>> {
        let mut newest = self.decisions.newest.iter();
        newest.find(|member| member.id == id)
    }
}

impl Drop for Core<'_> {
    fn drop(&mut self) {
        if self.epoch() != self.epoch {
            self.changed.notify_waiters();
        }
    }
}

/// What is needed to make a balancer, beside its members.
#[derive(Debug)]
pub(crate) struct BalancerParts {
    pub(crate) name: String,
    pub(crate) variable: Option<Arc<str>>,
    pub(crate) sticky: Option<Sticky>,
    pub(crate) sticky_cookie: Option<StickyCookie>,
    pub(crate) maxattempts: Option<u32>,
    pub(crate) timeout: Duration,
    pub(crate) failonstatus: Vec<u16>,
    pub(crate) failontimeout: bool,
    pub(crate) drain_timeout: Duration,
    pub(crate) health_check: Option<HealthCheck>,
    pub(crate) heartbeat: Option<Heartbeat>,
    pub(crate) metrics: BalancerMetrics,
}

/// A member: where it is and how it is talked to.
///
/// A clone is the same member: it shares connections, sessions and drain, and may count under other labels.
#[derive(Debug, Clone)]
pub(crate) struct LiveMember {
    pub(crate) id: MemberId,
    /// What it was configured with last.
    pub(super) config: Arc<Member>,
    /// Its URL as configured (`BALANCER_WORKER_NAME`).
    pub(crate) url: Arc<str>,
    /// The path of that URL: empty or `/app`.
    pub(crate) path: String,
    /// The host of that URL, IPv6 without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Its host and port.
    pub(crate) authority: String,
    /// Longest silence between two packets.
    pub(crate) timeout: Duration,
    pub(crate) backend: Backend,
    pub(crate) metrics: MemberMetrics,
    /// Whether an operator has disabled or stopped it.
    pub(crate) withdrawn: Arc<AtomicBool>,
    pub(crate) mistakes: Arc<Mistakes>,
    /// Its live sessions.
    sessions: Arc<Mutex<LiveSessions>>,
    session_timeout: Duration,
    drain: Arc<Mutex<Drain>>,
}

/// What is needed to make a member; the rest begins empty.
#[derive(Debug)]
pub(crate) struct MemberParts {
    pub(crate) id: MemberId,
    pub(crate) config: Arc<Member>,
    pub(crate) url: Arc<str>,
    pub(crate) path: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) authority: String,
    pub(crate) timeout: Duration,
    pub(crate) backend: Backend,
    pub(crate) metrics: MemberMetrics,
    pub(crate) status: Status,
    pub(crate) session_timeout: Duration,
}

/// When each mistake about routes was named last.
#[derive(Debug, Default)]
pub(crate) struct Mistakes {
    /// The member issues sessions with another route than its own.
    pub(crate) mismatch: Seldom,
    /// It issues sessions without a route.
    pub(crate) without_route: Seldom,
    /// Sessions ask it for a route that nobody has.
    pub(crate) unknown_route: Seldom,
}

impl LiveBalancer {
    pub(crate) fn new(parts: BalancerParts, core: Balancer, members: Vec<Arc<LiveMember>>) -> Self {
        let decisions = Decisions {
            balancer: core,
            newest: members.clone(),
        };
        let core = Arc::new(Mutex::new(decisions));
        Self::with(parts, members, core, Arc::default())
    }

    /// The next version of this balancer: these settings and members, the same decisions.
    pub(super) fn next(&self, parts: BalancerParts, members: Vec<Arc<LiveMember>>) -> Self {
        let (core, changed) = (Arc::clone(&self.core), Arc::clone(&self.changed));
        let next = Self::with(parts, members, core, changed);
        next.tell_withdrawn(Instant::now());
        next
    }

    fn with(
        parts: BalancerParts,
        members: Vec<Arc<LiveMember>>,
        core: Arc<Mutex<Decisions>>,
        changed: Arc<Notify>,
    ) -> Self {
        Self {
            name: parts.name,
            variable: parts.variable,
            sticky: parts.sticky,
            sticky_cookie: parts.sticky_cookie,
            maxattempts: parts.maxattempts,
            timeout: parts.timeout,
            failonstatus: parts.failonstatus,
            failontimeout: parts.failontimeout,
            drain_timeout: parts.drain_timeout,
            health_check: parts.health_check,
            heartbeat: parts.heartbeat,
            metrics: parts.metrics,
            core,
            changed,
            members,
        }
    }

    /// Whether both are versions of one balancer.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.core, &other.core)
    }

    /// Something that happens from now on which may let a request have a member.
    pub(crate) fn change(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// The decisions. Held for well under a microsecond, never across an await.
    pub(crate) fn core(&self) -> Core<'_> {
        // Nothing panics while it is held; if it did, the counts would still be counts.
        let decisions = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        Core {
            epoch: decisions.balancer.epoch(),
            changed: &self.changed,
            decisions,
        }
    }

    pub(super) fn member(&self, id: MemberId) -> Option<&Arc<LiveMember>> {
        // Ids are positions until members come and go.
        let at_its_place = self
            .members
            .get(id.get() as usize)
            .filter(|member| member.id == id);
        at_its_place.or_else(|| self.members.iter().find(|member| member.id == id))
    }

    /// Whether requests are asked for their session.
    pub(crate) const fn is_sticky(&self) -> bool {
        self.sticky.is_some() || self.sticky_cookie.is_some()
    }

    /// The id in a session value: what comes before its route.
    pub(crate) fn session_id<'s>(&self, session: &'s str) -> &'s str {
        let separator = self.sticky.as_ref().and_then(|sticky| sticky.separator);
        sticky::id_of(session, separator)
    }

    /// A session that asked for a route was answered by this member.
    pub(crate) fn saw_session(&self, id: &str, route: Option<&str>, member: &LiveMember) {
        member.sessions().insert(id.as_bytes(), Instant::now());
        let Some(route) = route else { return };
        let core = self.core();
        let elsewhere = self.members.iter().filter(|other| other.id != member.id);
        let homes: Vec<_> = elsewhere
            .filter(|other| core.members_of(route).any(|id| id == other.id))
            .collect();
        drop(core);
        for home in homes {
            home.sessions().forget(id.as_bytes());
        }
    }

    /// How many tries a request has.
    pub(crate) fn tries(&self) -> u32 {
        let others = u32::try_from(self.members.len().saturating_sub(1)).unwrap_or(u32::MAX);
        self.maxattempts.unwrap_or(others).saturating_add(1)
    }

    /// Shows the present state of all members in their metrics.
    pub(crate) fn show(&self, now: Instant) {
        let view = self.core().view(now);
        for (member, view) in self.members.iter().zip(&view.members) {
            member.show(view, now);
        }
    }

    /// A health check of a member has passed or not, and why not.
    pub(crate) fn checked(
        &self,
        member: &LiveMember,
        passed: bool,
        reason: Option<&str>,
        now: Instant,
    ) {
        let transition = self.core().checked(member.id, passed, now);
        let Some(transition) = transition else { return };
        if let Some(reason) = reason {
            warn!(balancer = self.name, member = %member.url, reason, "health checks fail");
        }
        self.log(&transition);
    }

    /// Does what an operator wants of a member or of the balancer.
    pub(crate) fn apply(&self, command: Command, now: Instant) -> Result<Applied, Refused> {
        let applied = self.core().apply(command, now)?;
        self.tell_withdrawn(now);
        if let Some(transition) = &applied.transition {
            self.log(transition);
        }
        Ok(applied)
    }

    fn tell_withdrawn(&self, now: Instant) {
        let view = self.core().view(now);
        for (member, view) in self.members.iter().zip(&view.members) {
            let withdrawn = view.status.disabled || view.status.stopped;
            member.withdrawn.store(withdrawn, Ordering::Relaxed);
        }
    }

    pub(super) fn log(&self, transition: &Transition) {
        let Some(member) = self.member(transition.member) else {
            return;
        };
        let Transition { from, to, .. } = *transition;
        let is_out = to.check_failed || to.health == Health::Error;
        let (balancer, from, to) = (&self.name, name(from), name(to));
        if is_out {
            warn!(balancer, member = %member.url, from, to, "member is out");
        } else {
            info!(balancer, member = %member.url, from, to, "member is back");
        }
    }
}

/// A condition for the log, in the words of `member_status` where that has one.
const fn name(condition: Condition) -> &'static str {
    match condition.health {
        _ if condition.check_failed => "health_check_failed",
        Health::Ok => "ok",
        Health::Error => "error",
        Health::Recovering => "recovering",
        Health::Probing => "probing",
        Health::Forced => "forced",
    }
}

impl LiveMember {
    pub(crate) fn new(parts: MemberParts) -> Self {
        let withdrawn = parts.status.disabled || parts.status.stopped;
        Self {
            id: parts.id,
            config: parts.config,
            url: parts.url,
            path: parts.path,
            host: parts.host,
            port: parts.port,
            authority: parts.authority,
            timeout: parts.timeout,
            backend: parts.backend,
            metrics: parts.metrics,
            withdrawn: Arc::new(AtomicBool::new(withdrawn)),
            mistakes: Arc::default(),
            sessions: new_sessions(parts.session_timeout),
            session_timeout: parts.session_timeout,
            drain: Arc::default(),
        }
    }

    /// The same member with another configuration: what is known of it stays.
    pub(super) fn next(
        &self,
        config: &Member,
        session_timeout: Duration,
        backend: Backend,
        metrics: MemberMetrics,
    ) -> Self {
        let sessions = match session_timeout == self.session_timeout {
            true => Arc::clone(&self.sessions),
            // Whoever has been counted was counted by another time; counting begins anew.
            false => new_sessions(session_timeout),
        };
        Self {
            config: Arc::new(config.clone()),
            timeout: config.timeout,
            backend,
            metrics,
            sessions,
            session_timeout,
            ..self.clone()
        }
    }

    /// Its live sessions. Held for well under a microsecond, never across an await.
    pub(super) fn sessions(&self) -> MutexGuard<'_, LiveSessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn drain(&self) -> MutexGuard<'_, Drain> {
        self.drain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, view: &MemberView, now: Instant) {
        let left = self.left(view, now);
        let pool = self.backend.connections();
        let reading = MemberReading {
            busy: view.busy,
            up: view.usable,
            pool_idle: pool.idle as u64,
            pool_busy: pool.busy as u64,
            pool_max: pool.max as u64,
            sessions: left.sessions,
            drained: left.has_drained(view.status),
        };
        self.metrics.show(reading, |status| match status {
            MemberStatus::Disabled => view.status.disabled,
            MemberStatus::Stopped => view.status.stopped,
            MemberStatus::Drain => view.status.drain,
            MemberStatus::HotStandby => view.status.hot_standby,
            MemberStatus::HotSpare => view.status.hot_spare,
            MemberStatus::IgnoreErrors => view.status.ignore_errors,
            MemberStatus::Error => !matches!(view.health, Health::Ok | Health::Forced),
            MemberStatus::HealthCheckFailed => view.check_failed,
        });
    }
}

fn new_sessions(timeout: Duration) -> Arc<Mutex<LiveSessions>> {
    let random = RandomState::new();
    let seed = [random.hash_one(0), random.hash_one(1)];
    let sessions = LiveSessions::new(timeout, seed, Instant::now());
    Arc::new(Mutex::new(sessions))
}
