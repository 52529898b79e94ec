//! The page's content.

use std::sync::Arc;
use std::time::Instant;

use ajpgate_config::LbMethod;
use askama::Template;
use http::StatusCode;
use serde_json::Value;

use super::form::FLAGS;
pub(super) use super::input::Wrong;
use super::input::{Fields, Input};
use crate::admin::api::{BalancerState, MemberState, Refusal, State, settings};
use crate::balancer::Health;
use crate::state::{Journal, Left, MadeByHand, Shared};
use crate::telemetry::metrics::StickyResult;

/// The path of the page.
pub(in crate::admin) const PATH: &str = "/balancer-manager";

/// The page as it is now.
pub(super) fn render(
    shared: &Shared,
    token: &str,
    flash: Option<Flash>,
    wrong: Option<Wrong<'_>>,
) -> String {
    let (snapshot, now) = (shared.snapshot.load_full(), Instant::now());
    let states: Vec<BalancerState<'_>> = snapshot
        .balancers_of_file()
        .map(|balancer| BalancerState::of(balancer, now))
        .collect();
    let page = Page {
        path: PATH,
        version: env!("CARGO_PKG_VERSION"),
        token,
        flash,
        methods: LbMethod::ALL.map(LbMethod::name),
        total: Total::of(&states),
        balancers: states
            .iter()
            .enumerate()
            .map(|(index, state)| Balancer::of(state, index, wrong))
            .collect(),
        changes: shared.journal.last(),
    };
    // Rendering fails only when its writer fails, and a string does not.
    page.render().unwrap_or_default()
}

/// The result of a change, or the reason why it was not made.
#[derive(Debug)]
pub(super) struct Flash {
    done: bool,
    text: String,
}

impl Flash {
    pub(super) fn refused(refusal: &Refusal) -> Self {
        let reason = match refusal.status {
            StatusCode::PRECONDITION_FAILED => "somebody has changed these settings meanwhile",
            _ => &refusal.reason,
        };
        Self {
            done: false,
            text: format!("Nothing was changed: {reason}"),
        }
    }

    /// The result that the query of the page names. Anybody can make such a link, so the text comes from the journal only.
    pub(super) fn of_query(query: &str, journal: &Journal) -> Option<Self> {
        let field = |name: &str| {
            let mut fields = form_urlencoded::parse(query.as_bytes());
            let found = fields.find(|(field, _)| field == name);
            found.map_or(String::new(), |(_, value)| value.into_owned())
        };
        let meaning = match field("done").as_str() {
            "nothing" => {
                return Some(Self {
                    done: true,
                    text: "Nothing to change: these settings are in force already.".to_owned(),
                });
            }
            "changed" | "added" | "reloaded" => "",
            "drain" => " The member drains: it keeps its sessions and gets no new ones.",
            "undrain" => " The member takes new sessions again.",
            "clear" => " The member gets requests again.",
            "removed" => " Requests that it is serving are completed.",
            _ => return None,
        };
        let number = field("change").parse::<u64>().ok()?;
        let change = journal.last().into_iter().find(|it| it.number == number)?;
        Some(Self {
            done: true,
            text: format!("Done. {}.{meaning}", Change::text(&change)),
        })
    }
}

#[derive(Template)]
#[template(path = "manager.html", config = "src/admin/page/askama.toml")]
struct Page<'a> {
    path: &'static str,
    version: &'static str,
    token: &'a str,
    flash: Option<Flash>,
    methods: [&'static str; 6],
    total: Total,
    balancers: Vec<Balancer<'a>>,
    changes: Vec<Arc<MadeByHand>>,
}

/// The sums over all balancers.
struct Total {
    members: usize,
    usable: usize,
    busy: u64,
    sessions: u64,
}

impl Total {
    fn of(states: &[BalancerState<'_>]) -> Self {
        let members = || states.iter().flat_map(|state| &state.members);
        Self {
            members: members().count(),
            usable: members().filter(|member| member.view.usable).count(),
            busy: members().map(|member| member.view.busy).sum(),
            sessions: members().map(|member| member.left.sessions).sum(),
        }
    }
}

/// A change by hand, for people.
struct Change;

impl Change {
    fn text(change: &MadeByHand) -> String {
        change.what.replace(" -> ", " → ")
    }

    fn time(change: &MadeByHand) -> String {
        change.at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
    }

    fn who(change: &MadeByHand) -> String {
        match &*change.user {
            "-" => change.client.ip().to_string(),
            user => format!("{user}, {}", change.client.ip()),
        }
    }
}

struct Balancer<'a> {
    name: &'a str,
    is_usable: bool,
    lbmethod: &'static str,
    stickysession: String,
    nofailover: bool,
    timeout: String,
    maxattempts: String,
    /// The number of requests without a session.
    new: u64,
    /// The number of requests for a route that no member has.
    unknown_route: u64,
    etag: String,
    id: String,
    form: Fields<'a>,
    inputs: Vec<Input>,
    rest: Option<String>,
    adding: Fields<'a>,
    adding_inputs: Vec<Input>,
    adding_rest: Option<String>,
    members: Vec<Member<'a>>,
}

struct Member<'a> {
    balancer: &'a str,
    url: &'a str,
    /// Who named it.
    source: &'static str,
    route: String,
    /// Whether another member has its route.
    shares_route: bool,
    redirect: String,
    state: State,
    /// The progress of a drain, or the time until the member is tried again.
    detail: Option<String>,
    is_draining: bool,
    /// Whether the member has an error state that can be cleared.
    has_failed: bool,
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
    etag: String,
    flags: Vec<Flag>,
    form: Fields<'a>,
    inputs: Vec<Input>,
    rest: Option<String>,
}

struct Flag {
    name: &'static str,
    text: &'static str,
    set: bool,
}

impl<'a> Balancer<'a> {
    fn of(state: &'a BalancerState<'a>, index: usize, wrong: Option<Wrong<'a>>) -> Self {
        let (live, view) = (state.live, &state.view);
        let name = live.name();
        let id = format!("b{index}");
        let about = |adds| wrong.filter(|wrong| wrong.form.is_about(name, "", adds));
        let form = Fields::new(id.clone(), state.own_settings().into(), about(false));
        let adding = Fields::new(format!("{id}-add"), Value::Null, about(true));
        let stickysession = settings::stickysession(live.config.sticky.as_ref());
        let timeout = settings::duration(live.config.timeout);
        let maxattempts = live.config.maxattempts.map(|most| most.to_string());
        let maxattempts = maxattempts.unwrap_or_default();
        let inputs = vec![
            form.input("stickysession", "sticky session", &stickysession),
            form.input("timeout", "timeout", &timeout).short("text"),
            form.input("maxattempts", "maxattempts", &maxattempts)
                .short("numeric")
                .placeholder("default"),
        ];
        let adding_inputs = vec![
            adding
                .input("url", "url", "")
                .placeholder("ajp://10.0.0.13:8009")
                .required(),
            adding.input("route", "route", ""),
            adding.input("loadfactor", "factor", "1").short("decimal"),
            adding.input("secret", "secret", "").secret(),
        ];
        let metrics = live.metrics.now();
        let sticky = &metrics.sticky;
        Self {
            name,
            is_usable: state.is_usable(),
            lbmethod: view.settings.method.name(),
            nofailover: view.settings.nofailover,
            new: sticky.none().total(StickyResult::New),
            unknown_route: sticky.unknown().total(StickyResult::UnknownRoute),
            etag: settings::etag(&state.settings()),
            rest: form.reason_but_for(&inputs),
            adding_rest: adding.reason_but_for(&adding_inputs),
            members: state
                .members
                .iter()
                .enumerate()
                .map(|(at, it)| Member::of(name, it, format!("{id}-{at}"), wrong))
                .collect(),
            stickysession,
            timeout,
            maxattempts,
            form,
            inputs,
            adding,
            adding_inputs,
            id,
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
    fn of(
        balancer: &'a str,
        state: &'a MemberState<'a>,
        id: String,
        wrong: Option<Wrong<'a>>,
    ) -> Self {
        let (view, left) = (&state.view, state.left);
        let pool = state.live.backend.connections();
        let url = &*state.live.url;
        let about = wrong.filter(|wrong| wrong.form.is_about(balancer, url, false));
        let form = Fields::new(id, state.settings(), about);
        let inputs = vec![
            form.input("loadfactor", "factor", view.factor)
                .short("decimal"),
            form.input("lbset", "set", view.set).short("numeric"),
            form.input("route", "route", &view.route),
            form.input("redirect", "redirect", &view.redirect),
        ];
        let status = settings::status(view.status);
        let flags = FLAGS.iter().map(|(name, text)| Flag {
            name,
            text,
            set: form.is_ticked(name, status.get(name).is_some_and(|set| set == true)),
        });
        Self {
            balancer,
            url,
            source: state.live.config.origin.source.name(),
            route: view.route.to_string(),
            shares_route: state.shares_route(),
            redirect: view.redirect.clone(),
            state: state.state(),
            detail: detail(state),
            is_draining: view.status.drain,
            has_failed: view.health != Health::Ok,
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
            pool: format!("{}\u{a0}busy, {}\u{a0}idle", pool.busy, pool.idle),
            etag: settings::etag(&state.settings()),
            flags: flags.collect(),
            rest: form.reason_but_for(&inputs),
            form,
            inputs,
        }
    }

    /// The key of a value of this member, for the script.
    fn key(&self, name: &str) -> String {
        format!("{}|{}|{name}", self.balancer, self.url)
    }
}

/// The detail beside the state.
fn detail(member: &MemberState<'_>) -> Option<String> {
    let view = &member.view;
    if view.status.drain {
        return Some(drain(member.left, view.status.takes_nothing()));
    }
    Some(match view.retry_in?.as_secs_f64().ceil() {
        wait if wait > 0.0 => format!("tried again in {wait}\u{a0}s"),
        _ => "tried again with the next request".to_owned(),
    })
}

/// The progress of a drain, and whether the member may be stopped. Sessions are `given_up` where the member
/// takes no request any more: `drain_timeout` is over, for example.
fn drain(left: Left, given_up: bool) -> String {
    match (left.sessions, left.requests) {
        (0, 0) if left.complete || given_up => "0 sessions left, safe to stop".to_owned(),
        (0, 0) => {
 "0 sessions seen since the gateway started; older ones, or those of other gateways, may still be alive".to_owned()
        }
        (1, 0) if given_up => "1 session given up, safe to stop".to_owned(),
        (sessions, 0) if given_up => format!("{sessions} sessions given up, safe to stop"),
        (1, 0) => "1 session left".to_owned(),
        (sessions, 0) => format!("{sessions} sessions left"),
        (sessions, requests) => format!("{sessions} sessions left, {requests} requests under way"),
    }
}

/// A number of bytes as text, such as `1.2 MiB`.
#[expect(
    clippy::cast_precision_loss,
    reason = "only the first digits are shown"
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
