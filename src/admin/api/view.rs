//! Balancers and members as JSON: their settings, and their present state.
//!
//! Settings have the form of the file (`"timeout": "250ms"`). Measured values are numbers, and times are in seconds.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::settings;
use crate::balancer::{Health, MemberView, View};
use crate::state::{Left, LiveBalancer, LiveMember};
use crate::telemetry::metrics::{StickyCounters, StickyResult};

/// A balancer at one time.
#[derive(Debug)]
pub(in crate::admin) struct BalancerState<'a> {
    pub(in crate::admin) live: &'a LiveBalancer,
    pub(in crate::admin) view: View,
    usable: bool,
    pub(in crate::admin) members: Vec<MemberState<'a>>,
}

/// A member at one time.
#[derive(Debug)]
pub(in crate::admin) struct MemberState<'a> {
    balancer: &'a LiveBalancer,
    pub(in crate::admin) live: &'a LiveMember,
    pub(in crate::admin) view: MemberView,
    pub(in crate::admin) left: Left,
}

/// The state of a member in a few words.
#[derive(Debug)]
pub(in crate::admin) struct State {
    /// The class for the colour: `up`, `waiting`, `out` or `off`.
    pub(in crate::admin) kind: &'static str,
    pub(in crate::admin) text: &'static str,
}

impl<'a> BalancerState<'a> {
    pub(in crate::admin) fn of(balancer: &'a LiveBalancer, now: Instant) -> Self {
        let core = balancer.core();
        let (mut view, usable) = (core.view(now), core.usable(now));
        drop(core);
        let views = std::mem::take(&mut view.members);
        let members = balancer.members.iter().zip(views);
        let members = members.map(|(live, view)| MemberState {
            balancer,
            live,
            left: live.left(&view, now),
            view,
        });
        Self {
            live: balancer,
            usable,
            members: members.collect(),
            view,
        }
    }

    /// Whether a request would get a member.
    pub(in crate::admin) const fn is_usable(&self) -> bool {
        self.usable
    }

    /// The settings of the balancer and its members that may be changed.
    pub(in crate::admin) fn settings(&self) -> Value {
        let mut settings = self.own_settings();
        let members: Vec<Value> = self.members.iter().map(MemberState::settings).collect();
        settings.insert("members".to_owned(), Value::Array(members));
        Value::Object(settings)
    }

    /// Everything that there is to see.
    pub(in crate::admin) fn shown(&self) -> Value {
        let metrics = self.live.metrics.now();
        let sticky = &metrics.sticky;
        let mut shown = self.own_settings();
        shown.insert("usable".to_owned(), Value::Bool(self.usable));
        let requests = json!({
            "new": sticky.none().total(StickyResult::New),
            "no_route": sticky.none().total(StickyResult::NoRoute),
            "unknown_route": sticky.unknown().total(StickyResult::UnknownRoute),
        });
        shown.insert("sticky".to_owned(), requests);
        let members: Vec<Value> = self.members.iter().map(MemberState::shown).collect();
        shown.insert("members".to_owned(), Value::Array(members));
        Value::Object(shown)
    }

    /// The settings of the balancer itself that may be changed.
    pub(in crate::admin) fn own_settings(&self) -> Map<String, Value> {
        let mut settings = Map::new();
        let mut set = |key: &str, value: Value| settings.insert(key.to_owned(), value);
        set("name", Value::from(self.live.name()));
        set("lbmethod", Value::from(self.view.settings.method.name()));
        let sticky = settings::stickysession(self.live.config.sticky.as_ref());
        set("stickysession", Value::from(sticky));
        set("nofailover", Value::Bool(self.view.settings.nofailover));
        let timeout = settings::duration(self.live.config.timeout);
        set("timeout", Value::from(timeout));
        set("maxattempts", Value::from(self.live.config.maxattempts));
        settings
    }
}

impl MemberState<'_> {
    /// The settings of the member that may be changed.
    pub(in crate::admin) fn settings(&self) -> Value {
        let view = &self.view;
        json!({
            "url": &*self.live.url,
            "route": &*view.route,
            "redirect": view.redirect,
            "loadfactor": settings::loadfactor(view.factor),
            "lbset": view.set,
            "status": settings::status(view.status),
        })
    }

    /// Everything that there is to see.
    pub(in crate::admin) fn shown(&self) -> Value {
        let (view, left) = (&self.view, self.left);
        let pool = self.live.backend.connections();
        let mut shown = json!({
            "source": self.live.config.origin.source.name(),
            "shares_route": self.shares_route(),
            "state": self.state().text,
            "usable": view.usable,
            "health": health(view.health),
            "health_check_failed": view.check_failed,
            "busy": view.busy,
            "elected": view.elected,
            "errors": view.errors,
            "bytes_read": view.from_backend,
            "bytes_transferred": view.to_backend,
            "sessions": left.sessions,
            "drained": left.has_drained(view.status),
            "retry_in": view.retry_in.map(seconds),
            "pool": { "idle": pool.idle, "busy": pool.busy },
            "sticky": self.sticky(),
        });
        if let (Value::Object(shown), Value::Object(settings)) = (&mut shown, self.settings()) {
            shown.extend(settings);
        }
        shown
    }

    /// Whether another member has its route.
    pub(in crate::admin) fn shares_route(&self) -> bool {
        self.balancer.shares_route(self.live)
    }

    /// What the settings and the health of the member come to, for people.
    pub(in crate::admin) const fn state(&self) -> State {
        let status = self.view.status;
        let (kind, text) = match self.view.health {
            _ if status.stopped => ("off", "stopped"),
            _ if status.disabled => ("off", "disabled"),
            _ if self.view.check_failed => ("out", "health check failed"),
            Health::Error => ("out", "in error"),
            Health::Probing | Health::Recovering => ("waiting", "recovering"),
            Health::Ok | Health::Forced if status.drain => ("waiting", "draining"),
            Health::Ok | Health::Forced if status.hot_standby => ("up", "hot standby"),
            Health::Ok | Health::Forced if status.hot_spare => ("up", "hot spare"),
            Health::Ok | Health::Forced => ("up", "up"),
        };
        State { kind, text }
    }

    /// The share of the requests for its route that the member got, from 0 to 1; `None` when there was no such request.
    pub(in crate::admin) fn hit_rate(&self) -> Option<f64> {
        let of_route = [
            StickyResult::Hit,
            StickyResult::Redirect,
            StickyResult::Failover,
            StickyResult::Unserved,
        ];
        let all = of_route.map(|result| self.asked(result)).iter().sum();
        rate(self.asked(StickyResult::Hit), all)
    }

    /// The number of requests for its route with this result.
    fn asked(&self, result: StickyResult) -> u64 {
        let metrics = self.balancer.metrics.now();
        let counters = metrics.sticky.of(&self.view.route);
        counters.map_or(0, |counters: &StickyCounters| counters.total(result))
    }

    /// The results of the requests for its route.
    fn sticky(&self) -> Value {
        let (hit, redirect) = (
            self.asked(StickyResult::Hit),
            self.asked(StickyResult::Redirect),
        );
        let (failover, unserved) = (
            self.asked(StickyResult::Failover),
            self.asked(StickyResult::Unserved),
        );
        json!({
            "hit": hit,
            "redirect": redirect,
            "failover": failover,
            "unserved": unserved,
            "hit_rate": self.hit_rate(),
        })
    }
}

/// The share of `part` in `all`; `None` when `all` is 0.
#[expect(
    clippy::cast_precision_loss,
    reason = "a rate is a float; counts stay far below 2⁵³"
)]
fn rate(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}

/// A duration in seconds, rounded to milliseconds.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

const fn health(health: Health) -> &'static str {
    match health {
        Health::Ok => "ok",
        Health::Error => "error",
        Health::Recovering => "recovering",
        Health::Probing => "probing",
        Health::Forced => "forced",
    }
}
