//! The page's content.

use std::fmt::Display;
use std::time::Instant;

use ajpgate_config::LbMethod;
use askama::Template;

use super::PATH;
use super::form::{FLAGS, Form};
use crate::admin::api::{BalancerState, MemberState, balancers, settings};
use crate::balancer::Health;
use crate::state::Shared;

/// The page as it is now.
pub(super) fn render(
    shared: &Shared,
    token: &str,
    flash: Option<Flash>,
    wrong: Option<Wrong<'_>>,
) -> String {
    let (snapshot, now) = (shared.snapshot.load_full(), Instant::now());
    let states: Vec<BalancerState<'_>> = balancers(&snapshot)
        .map(|balancer| BalancerState::of(balancer, now))
        .collect();
    let page = Page {
        path: PATH,
        version: env!("CARGO_PKG_VERSION"),
        token,
        flash,
        methods: LbMethod::ALL.map(LbMethod::name),
        balancers: states
            .iter()
            .map(|state| Balancer::of(state, wrong))
            .collect(),
    };
    // Only a writer that fails could fail, and this one is a string.
    page.render().unwrap_or_default()
}

/// What a change did, or why it was not made.
#[derive(Debug)]
pub(super) struct Flash {
    done: bool,
    text: String,
}

impl Flash {
    pub(super) fn refused(reason: &str) -> Self {
        Self {
            done: false,
            text: format!("Nothing was changed: {reason}"),
        }
    }

    /// From the query that a change leads to. It names things and says nothing in words of its own.
    pub(super) fn of_query(query: &str) -> Option<Self> {
        let fields: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let field = |name: &str| {
            let mut fields = fields.iter();
            let found = fields.find(|(field, _)| field == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        let balancer = format!("balancer://{}", field("balancer"));
        let thing = match field("member") {
            "" => balancer.clone(),
            member => format!("{member} of {balancer}"),
        };
        let text = match field("done") {
            "changed" => format!("{thing} was changed."),
            "drain" => format!("{thing} drains: it keeps its sessions and gets no new ones."),
            "undrain" => format!("{thing} takes new sessions again."),
            "added" => format!("{thing} was added."),
            "removed" => format!("{thing} was removed. Its requests are completed."),
            _ => return None,
        };
        Some(Self { done: true, text })
    }
}

/// A form that was refused, and why.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wrong<'a> {
    pub(super) form: &'a Form,
    pub(super) reason: &'a str,
}

#[derive(Template)]
#[template(path = "manager.html", config = "src/admin/page/askama.toml")]
struct Page<'a> {
    path: &'static str,
    version: &'static str,
    token: &'a str,
    flash: Option<Flash>,
    methods: [&'static str; 6],
    balancers: Vec<Balancer<'a>>,
}

struct Balancer<'a> {
    name: &'a str,
    lbmethod: &'static str,
    stickysession: String,
    nofailover: bool,
    timeout: String,
    maxattempts: String,
    form: Fields<'a>,
    add: Fields<'a>,
    members: Vec<Member<'a>>,
}

struct Member<'a> {
    balancer: &'a str,
    url: &'a str,
    route: String,
    redirect: String,
    state: State,
    /// How far a drain is.
    drain: Option<String>,
    is_draining: bool,
    loadfactor: String,
    lbset: String,
    busy: u64,
    elected: u64,
    sent: String,
    received: String,
    errors: u64,
    hit_rate: String,
    sessions: u64,
    pool: String,
    flags: Vec<Flag>,
    form: Fields<'a>,
}

struct State {
    /// `up`, `waiting`, `out` or `off`, for its colour.
    kind: &'static str,
    text: &'static str,
}

struct Flag {
    name: &'static str,
    text: &'static str,
    set: bool,
}

/// What the fields of a form show: what is in force, or what was entered when that was refused.
struct Fields<'a>(Option<Wrong<'a>>);

impl<'a> Fields<'a> {
    fn of(wrong: Option<Wrong<'a>>, balancer: &str, member: &str, adds: bool) -> Self {
        Self(wrong.filter(|wrong| wrong.form.is_about(balancer, member, adds)))
    }

    fn is_open(&self) -> bool {
        self.0.is_some()
    }

    fn value(&self, name: &str, now: impl Display) -> String {
        self.0
            .map_or_else(|| now.to_string(), |wrong| wrong.form.get(name).to_owned())
    }

    /// Whether the reason begins with this key, or names it among others.
    fn is_wrong(&self, name: &str) -> bool {
        self.0.is_some_and(|wrong| {
            let mut reasons = wrong.reason.split("; ");
            reasons.any(|reason| reason.starts_with(&format!("{name}:")))
        })
    }

    fn wrong(&self) -> Option<&'a str> {
        self.0.map(|wrong| wrong.reason)
    }
}

impl<'a> Balancer<'a> {
    fn of(state: &'a BalancerState<'a>, wrong: Option<Wrong<'a>>) -> Self {
        let (live, view) = (state.live, &state.view);
        let name = live.name.as_str();
        Self {
            name,
            lbmethod: view.method.name(),
            stickysession: settings::stickysession(live.sticky.as_ref()),
            nofailover: view.nofailover,
            timeout: settings::duration(live.timeout),
            maxattempts: live
                .maxattempts
                .map(|most| most.to_string())
                .unwrap_or_default(),
            form: Fields::of(wrong, name, "", false),
            add: Fields::of(wrong, name, "", true),
            members: state
                .members
                .iter()
                .map(|it| Member::of(name, it, wrong))
                .collect(),
        }
    }

    fn maxattempts_shown(&self) -> &str {
        match self.maxattempts.as_str() {
            "" => "members − 1",
            most => most,
        }
    }
}

impl<'a> Member<'a> {
    fn of(balancer: &'a str, state: &'a MemberState<'a>, wrong: Option<Wrong<'a>>) -> Self {
        let (view, left) = (&state.view, state.left);
        let pool = state.live.backend.connections();
        let status = view.status;
        let set = |flag: &str| match flag {
            "disabled" => status.disabled,
            "stopped" => status.stopped,
            "drain" => status.drain,
            "hot_standby" => status.hot_standby,
            "hot_spare" => status.hot_spare,
            _ => status.ignore_errors,
        };
        let url = &*state.live.url;
        Self {
            balancer,
            url,
            route: view.route.to_string(),
            redirect: view.redirect.clone(),
            state: State::of(state),
            drain: status.drain.then(|| match (left.sessions, left.requests) {
                (0, 0) if left.complete || status.disabled => {
                    "0 sessions left, safe to stop".to_owned()
                }
                (0, 0) => {
                    "0 sessions seen since the gateway started; older ones may still be alive"
                        .to_owned()
                }
                (1, 0) if status.disabled => "1 session given up, safe to stop".to_owned(),
                (sessions, 0) if status.disabled => {
                    format!("{sessions} sessions given up, safe to stop")
                }
                (1, 0) => "1 session left".to_owned(),
                (sessions, 0) => format!("{sessions} sessions left"),
                (sessions, requests) => {
                    format!("{sessions} sessions left, {requests} requests under way")
                }
            }),
            is_draining: status.drain,
            loadfactor: view.factor.to_string(),
            lbset: view.set.to_string(),
            busy: view.busy,
            elected: view.elected,
            sent: bytes(view.to_backend),
            received: bytes(view.from_backend),
            errors: view.errors,
            hit_rate: state
                .hit_rate()
                .map_or("–".to_owned(), |rate| format!("{:.1} %", rate * 100.0)),
            sessions: left.sessions,
            pool: format!("{} busy, {} idle", pool.busy, pool.idle),
            flags: FLAGS
                .iter()
                .map(|(name, text)| Flag {
                    name,
                    text,
                    set: set(name),
                })
                .collect(),
            form: Fields::of(wrong, balancer, url, false),
        }
    }

    /// Where a value stands, for the script.
    fn key(&self, name: &str) -> String {
        format!("{}|{}|{name}", self.balancer, self.url)
    }
}

impl State {
    fn of(member: &MemberState<'_>) -> Self {
        let view = &member.view;
        let status = view.status;
        let (kind, text) = match view.health {
            _ if status.stopped => ("off", "stopped"),
            _ if status.disabled => ("off", "disabled"),
            _ if view.check_failed => ("out", "health check failed"),
            Health::Error => ("out", "in error"),
            Health::Probing | Health::Recovering => ("waiting", "recovering"),
            Health::Ok | Health::Forced if status.drain => ("waiting", "draining"),
            Health::Ok | Health::Forced if status.hot_standby => ("up", "hot standby"),
            Health::Ok | Health::Forced if status.hot_spare => ("up", "hot spare"),
            Health::Ok | Health::Forced => ("up", "up"),
        };
        Self { kind, text }
    }
}

/// `1.2 MiB`
#[expect(
    clippy::cast_precision_loss,
    reason = "two digits are shown of what a float holds"
)]
fn bytes(count: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut size = count as f64;
    let mut unit = "B";
    for next in units {
        if size < 1024.0 {
            break;
        }
        (size, unit) = (size / 1024.0, next);
    }
    match unit {
        "B" => format!("{count} B"),
        _ => format!("{size:.1} {unit}"),
    }
}
