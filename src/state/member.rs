//! A member while it runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use ajpgate_config::{self as config, Scheme};

use super::drain::{Drain, Left};
use super::prepared::PreparedMember;
use crate::backend::{Backend, authority};
use crate::balancer::{Health, MemberId, MemberView};
use crate::random;
use crate::sessions::{Elsewhere, LiveSessions};
use crate::telemetry::WarnLimit;
use crate::telemetry::metrics::{ErrorKind, Handles, MemberMetrics, MemberReading, MemberStatus};

/// A member: its configuration, its connections, and what is known of its sessions.
///
/// A clone is the same member: it shares connections, sessions and drain, and may count under other labels.
#[derive(Debug, Clone)]
pub(crate) struct LiveMember {
    pub(crate) id: MemberId,
    /// What it is configured with: the file, and the changes made by hand.
    pub(crate) config: Arc<config::Member>,
    /// Its URL as configured (`BALANCER_WORKER_NAME`).
    pub(crate) url: Arc<str>,
    /// Host and port of its URL.
    pub(crate) authority: String,
    pub(crate) backend: Backend,
    pub(crate) metrics: Arc<Handles<MemberMetrics>>,
    /// Whether an operator has disabled or stopped it.
    pub(crate) withdrawn: Arc<AtomicBool>,
    pub(crate) warnings: Arc<Warnings>,
    /// The route of the first session that it was seen to issue, where it learns its route.
    pub(super) taught: Arc<OnceLock<Arc<str>>>,
    /// Its live sessions.
    sessions: Arc<Mutex<LiveSessions>>,
    /// What other gateways know of its sessions.
    elsewhere: Arc<Mutex<Arc<Elsewhere>>>,
    drain: Arc<Mutex<Drain>>,
}

/// Limits for warnings about the member that could come with every request.
#[derive(Debug)]
pub(crate) struct Warnings {
    /// The member issues sessions with another route than its own.
    pub(crate) mismatch: WarnLimit,
    /// It issues sessions without a route.
    pub(crate) without_route: WarnLimit,
    /// Sessions ask for a route that no member has, and this member answered them.
    pub(crate) unknown_route: WarnLimit,
    /// The member goes out or comes back.
    pub(crate) transitions: WarnLimit,
    /// Attempts fail before the head of an answer.
    pub(crate) failed: WarnLimit<ErrorKind>,
    /// Answers break off behind their head.
    pub(crate) broken_off: WarnLimit<ErrorKind>,
    /// Bodies of answers are longer than announced.
    pub(crate) surplus: WarnLimit,
}

impl Default for Warnings {
    fn default() -> Self {
        Self {
            mismatch: WarnLimit::per_minute(),
            without_route: WarnLimit::per_minute(),
            unknown_route: WarnLimit::per_minute(),
            transitions: WarnLimit::per_second(),
            failed: WarnLimit::per_second(),
            broken_off: WarnLimit::per_second(),
            surplus: WarnLimit::per_second(),
        }
    }
}

impl LiveMember {
    /// A new member of this balancer.
    pub(super) fn new(
        id: MemberId,
        member: PreparedMember,
        balancer: &config::Balancer,
        now: Instant,
    ) -> Self {
        let PreparedMember {
            config,
            metrics,
            backend,
        } = member;
        Self {
            id,
            url: Arc::from(config.url.text.as_str()),
            authority: authority(&config.url),
            config,
            backend,
            metrics: Handles::new(metrics),
            withdrawn: Arc::default(),
            warnings: Arc::default(),
            taught: Arc::default(),
            sessions: new_sessions(balancer, now),
            elsewhere: Arc::default(),
            drain: Arc::default(),
        }
    }

    /// The same member with another configuration. What is known of it stays.
    pub(super) fn next(&self, member: PreparedMember) -> Self {
        let PreparedMember {
            config,
            metrics,
            backend,
        } = member;
        backend.count_connects(&metrics.connects);
        let counts_alike = *self.url == *config.url.text && self.config.route == config.route;
        let metrics = match counts_alike {
            true => Arc::clone(&self.metrics),
            false => self.metrics.replace_by(metrics),
        };
        Self {
            url: Arc::from(config.url.text.as_str()),
            authority: authority(&config.url),
            config,
            metrics,
            backend,
            ..self.clone()
        }
    }

    /// The same member with no session counted yet.
    pub(super) fn counting_anew(self, balancer: &config::Balancer, now: Instant) -> Self {
        Self {
            sessions: new_sessions(balancer, now),
            ..self
        }
    }

    pub(super) fn set_withdrawn(&self, withdrawn: bool) {
        self.withdrawn.store(withdrawn, Ordering::Relaxed);
    }

    /// Locks its live sessions: for well under a microsecond, and never across an await.
    pub(super) fn sessions(&self) -> MutexGuard<'_, LiveSessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What other gateways know of its sessions.
    pub(super) fn elsewhere(&self) -> Arc<Elsewhere> {
        let elsewhere = self.elsewhere.lock();
        Arc::clone(&elsewhere.unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_elsewhere(&self, elsewhere: Elsewhere) {
        let mut now = self
            .elsewhere
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *now = Arc::new(elsewhere);
    }

    /// Whether its answers are those of HTTP, with pages of their own: those of AJP13 are.
    pub(crate) fn speaks_http(&self) -> bool {
        !matches!(self.config.url.scheme, Scheme::Ftp | Scheme::Ftps)
    }

    /// What still belongs to it, over all gateways.
    pub(crate) fn left(&self, view: &MemberView, now: Instant) -> Left {
        let elsewhere = self.elsewhere();
        let sessions = self.sessions();
        Left {
            sessions: sessions.estimate_with(&elsewhere, now),
            requests: view.busy.saturating_add(elsewhere.requests),
            complete: elsewhere.complete && (elsewhere.remembered || sessions.is_complete(now)),
        }
    }

    pub(super) fn drain(&self) -> MutexGuard<'_, Drain> {
        self.drain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The values of its gauges.
    pub(super) fn reading(&self, view: &MemberView, now: Instant) -> MemberReading {
        let left = self.left(view, now);
        let pool = self.backend.connections();
        MemberReading {
            busy: view.busy,
            up: view.usable,
            pool_idle: pool.idle as u64,
            pool_busy: pool.busy as u64,
            pool_max: pool.max as u64,
            sessions: left.sessions,
            drained: left.has_drained(view.status),
            statuses: MemberStatus::ALL.map(|status| match status {
                MemberStatus::Disabled => view.status.disabled,
                MemberStatus::Stopped => view.status.stopped,
                MemberStatus::Drain => view.status.drain,
                MemberStatus::HotStandby => view.status.hot_standby,
                MemberStatus::HotSpare => view.status.hot_spare,
                MemberStatus::IgnoreErrors => view.status.ignore_errors,
                MemberStatus::Error => !matches!(view.health, Health::Ok | Health::Forced),
                MemberStatus::HealthCheckFailed => view.check_failed,
            }),
        }
    }
}

fn new_sessions(balancer: &config::Balancer, now: Instant) -> Arc<Mutex<LiveSessions>> {
    let seed = [random::seed(), random::seed()];
    let sessions = LiveSessions::new(balancer.session_timeout, seed, now);
    let sessions = match balancer.is_sticky() {
        true => sessions,
        false => sessions.of_no_session(),
    };
    Arc::new(Mutex::new(sessions))
}
