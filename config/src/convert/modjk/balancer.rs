//! A worker of type lb as a balancer.

use std::collections::BTreeSet;

use super::extension::{Activation, Extension};
use super::member::{self, Turned};
use super::read::Properties;
use super::worker::{Kind, Worker};
use crate::convert::note::{Notes, Origin};
use crate::convert::site::{Balancer, Member};
use crate::convert::value::{Keys, Value};
use crate::field::Kind as _;
use crate::value::{CookieName, CookiePath, SessionNames};

/// The largest weight here.
const HEAVIEST: i64 = 100;
/// The last rank here.
const LAST_RANK: usize = 99;

/// A member on its way: the name of its worker, what it became, and where it stands.
struct Candidate<'a> {
    worker: Worker<'a>,
    turned: Turned,
    origin: Origin,
}

/// The balancer of a worker with what a rule says behind `;`; `None`: no member is left.
pub(super) fn balancer(
    worker: &Worker<'_>,
    extension: &Extension,
    properties: &Properties,
    origin: &Origin,
    notes: &mut Notes,
) -> Option<Balancer> {
    let mut balancer = Balancer {
        name: worker.name.to_owned(),
        keys: Keys::default(),
        members: Vec::new(),
        origin: origin.clone(),
        comments: Vec::new(),
    };
    let candidates = candidates(worker, properties, origin, notes);
    sessions(worker, extension, &mut balancer, notes);
    method(worker, &mut balancer, notes);
    statuses(&candidates, extension, &mut balancer, notes);
    if candidates.iter().any(|it| it.turned.endless) {
        balancer.comments.push(
            "timeout: 0s where there is no reply_timeout: as in mod_jk, a silent Tomcat keeps a request for ever".to_owned(),
        );
    }
    let weights = weights(&candidates, &mut balancer, notes);
    let ranks = ranks(&candidates, notes);
    let statuses = activations(&candidates, extension, notes);
    let more = weights.into_iter().zip(ranks).zip(statuses);
    for (candidate, ((weight, rank), status)) in candidates.into_iter().zip(more) {
        let mut keys = Keys::default();
        keys.merge(&candidate.turned.keys);
        keys.set("loadfactor", Value::Plain(weight));
        keys.set("lbset", Value::Plain(rank.to_string()));
        if let Some(status) = status {
            keys.set("status", Value::texts([status]));
        }
        balancer.members.push(Member {
            url: candidate.turned.url,
            keys,
            origin: candidate.origin,
            comments: candidate.turned.comments,
        });
    }
    (!balancer.members.is_empty()).then_some(balancer)
}

/// The members; those that cannot be are named.
fn candidates<'a>(
    worker: &Worker<'a>,
    properties: &'a Properties,
    origin: &Origin,
    notes: &mut Notes,
) -> Vec<Candidate<'a>> {
    let old = worker.get(&["balanced_workers"]);
    let new = worker.get(&["balance_workers"]);
    if let (Some(old), Some(_)) = (old, new) {
        notes.name(
            &old.origin,
            "balanced_workers is left out, as in mod_jk: balance_workers counts",
        );
    }
    let names = match new {
        Some(_) => worker.list("balance_workers"),
        None => worker.list("balanced_workers"),
    };
    let place = new.or(old).map_or(origin, |it| &it.origin);
    let mut found: Vec<Candidate<'a>> = Vec::new();
    for name in names {
        let own = Worker::new(name, properties);
        let origin = own
            .get(&["host"])
            .or_else(|| own.get(&["port"]))
            .map_or(place, |it| &it.origin);
        let turned = match own.kind() {
            Kind::Ajp => member::member(&own, Some(worker), notes),
            _ => Err("only workers of type ajp13 can be members".to_owned()),
        };
        let turned = match turned {
            Ok(turned) => turned,
            Err(why) => {
                notes.name(origin, format!("the member {name} is left out: {why}"));
                continue;
            }
        };
        if let Some(known) = found.iter().find(|it| it.turned.url == turned.url) {
            let text = format!(
                "the member {name} is left out: {} has the same host and port",
                known.worker.name
            );
            notes.name(origin, text);
            continue;
        }
        found.push(Candidate {
            worker: own,
            turned,
            origin: origin.clone(),
        });
    }
    found
}

fn sessions(
    worker: &Worker<'_>,
    extension: &Extension,
    balancer: &mut Balancer,
    notes: &mut Notes,
) {
    let sticky = worker.switch("sticky_session").is_none_or(|it| it.0) && !extension.sticky_ignore;
    let cookie = worker.get(&["session_cookie"]).map(|it| it.value.clone());
    let path = worker.get(&["session_path"]).map(|it| it.value.clone());
    let cookie = extension.session_cookie.clone().or(cookie);
    let path = extension.session_path.clone().or(path);
    let place = worker.get(&["session_cookie", "session_path"]);
    let place = place.map_or(&balancer.origin, |it| &it.origin).clone();
    let given = cookie.is_some() || path.is_some();
    let cookie = cookie.unwrap_or_else(|| "JSESSIONID".to_owned());
    let path = path.unwrap_or_else(|| ";jsessionid".to_owned());
    let names = format!(
        "{cookie}|{}",
        path.trim_start_matches(';').trim_end_matches('=')
    );
    if !sticky {
        balancer.keys.set("stickysession", Value::text(""));
    } else if given && names != "JSESSIONID|jsessionid" {
        match SessionNames::read(&names) {
            Ok(_) => balancer.keys.set("stickysession", Value::text(names)),
            Err(fault) => notes.name(
                &place,
                format!("session_cookie is left out: {}", fault.message),
            ),
        }
    }
    if worker.switch("sticky_session_force").is_some_and(|it| it.0) {
        balancer.keys.set("nofailover", Value::switch(true));
    }
    let path = worker.get(&["session_cookie_path"]);
    if let Some((true, property)) = worker.switch("set_session_cookie") {
        let path = path.map_or("/", |it| &it.value);
        if CookieName::read(&cookie).is_err() || CookiePath::read(path).is_err() {
            return notes.name(
                &property.origin,
                "set_session_cookie is left out: see `sticky_cookie`",
            );
        }
        let text = "set_session_cookie: the cookie is of the gateway's own here, JK_ROUTE, since the Tomcats set the other";
        balancer.comments.push(text.to_owned());
        let cookie = Keys::from([
            ("name", Value::text("JK_ROUTE")),
            ("path", Value::text(path)),
        ]);
        balancer.keys.set("sticky_cookie", Value::Map(cookie));
    }
}

/// `method`, by its first letter.
fn method(worker: &Worker<'_>, balancer: &mut Balancer, notes: &mut Notes) {
    let Some(property) = worker.get(&["method"]) else {
        return;
    };
    let method = match property
        .value
        .chars()
        .next()
        .map(|it| it.to_ascii_uppercase())
    {
        Some('R') => "byrequests",
        Some('T') => "bytraffic",
        Some('B') => "bybusyness",
        Some('S' | 'N') => {
            let text = format!(
                "method={}: here the member with the fewest live sessions is chosen",
                property.value
            );
            balancer.comments.push(text);
            "sessions"
        }
        _ => {
            let text = format!(
                "method={}: there is no such method; byrequests is used, as in mod_jk",
                property.value
            );
            return notes.name(&property.origin, text);
        }
    };
    balancer.keys.set("lbmethod", Value::text(method));
}

/// `fail_on_status` of the members or of a rule.
fn statuses(
    candidates: &[Candidate<'_>],
    extension: &Extension,
    balancer: &mut Balancer,
    notes: &mut Notes,
) {
    let of_members = candidates
        .iter()
        .filter_map(|it| it.turned.fail_on_status.as_ref());
    let lists: BTreeSet<&String> = extension.fail_on_status.iter().chain(of_members).collect();
    let mut codes: BTreeSet<u16> = BTreeSet::new();
    for word in lists
        .into_iter()
        .flat_map(|list| list.split([',', ' ']))
        .filter(|it| !it.is_empty())
    {
        match word.parse::<i32>() {
            Ok(code @ 100..=599) => codes.extend(u16::try_from(code)),
            Ok(..=-1) => {
                let text = format!(
                    "fail_on_status {word} is left out: an answer is never thrown away for another member's"
                );
                notes.name(&balancer.origin, text);
            }
            _ => notes.name(
                &balancer.origin,
                format!("fail_on_status {word} is left out: it is no status"),
            ),
        }
    }
    if codes.is_empty() {
        return;
    }
    let codes = codes.into_iter().map(|code| Value::number(u64::from(code)));
    balancer
        .keys
        .set("failonstatus", Value::List(codes.collect()));
    let text = "failonstatus: mod_jk asks another member, here the answer is delivered and the member is left alone afterwards; it counts for all members";
    balancer.comments.push(text.to_owned());
}

/// `lbfactor` of each member, scaled where one is larger than the largest here.
fn weights(
    candidates: &[Candidate<'_>],
    balancer: &mut Balancer,
    notes: &mut Notes,
) -> Vec<String> {
    let factor = |it: &Candidate<'_>, notes: &mut Notes| {
        it.worker
            .number(&["lbfactor"], notes)
            .map_or(1, |it| it.0.max(1))
    };
    let factors: Vec<i64> = candidates.iter().map(|it| factor(it, notes)).collect();
    let most = factors.iter().copied().max().unwrap_or(1);
    if most <= HEAVIEST {
        return factors.iter().map(ToString::to_string).collect();
    }
    let text = format!("loadfactor: lbfactor up to {most} is scaled to {HEAVIEST}, the most here");
    balancer.comments.push(text);
    let scaled = factors.iter().map(|factor| {
        let hundredths = i128::from(*factor) * i128::from(HEAVIEST) * 100 / i128::from(most);
        let hundredths = hundredths.max(100);
        match (hundredths / 100, hundredths % 100) {
            (whole, 0) => whole.to_string(),
            (whole, part) => format!("{whole}.{part:02}"),
        }
    });
    scaled.collect()
}

/// `distance` of each member, as a rank among them.
fn ranks(candidates: &[Candidate<'_>], notes: &mut Notes) -> Vec<usize> {
    let distance = |it: &Candidate<'_>, notes: &mut Notes| {
        it.worker.number(&["distance"], notes).map_or(0, |it| it.0)
    };
    let distances: Vec<i64> = candidates.iter().map(|it| distance(it, notes)).collect();
    let distinct: BTreeSet<i64> = distances.iter().copied().collect();
    let rank = |own: &i64| {
        distinct
            .iter()
            .take_while(|it| *it < own)
            .count()
            .min(LAST_RANK)
    };
    distances.iter().map(rank).collect()
}

/// What is wanted of each member. One that is disabled and that another one redirects to is a hot standby.
fn activations(
    candidates: &[Candidate<'_>],
    extension: &Extension,
    notes: &mut Notes,
) -> Vec<Option<&'static str>> {
    for (_, name) in &extension.members {
        if !candidates.iter().any(|it| it.worker.name == name)
            && let Some(first) = candidates.first()
        {
            notes.name(
                &first.origin,
                format!("a rule names {name}, which is no member"),
            );
        }
    }
    let redirects: BTreeSet<String> = candidates
        .iter()
        .filter_map(|it| Some(it.worker.get(&["redirect"])?.value.clone()))
        .collect();
    let of = |it: &Candidate<'_>| {
        let mut by_rule = extension
            .members
            .iter()
            .filter(|(_, name)| it.worker.name == name);
        let route = it
            .worker
            .get(&["route", "jvm_route"])
            .map_or(it.worker.name, |it| &it.value);
        let own = own_activation(&it.worker);
        match by_rule.next().map_or(own, |(wanted, _)| *wanted) {
            Activation::Active => None,
            Activation::Disabled if redirects.contains(route) => Some("hot_standby"),
            Activation::Disabled => Some("drain"),
            Activation::Stopped => Some("stopped"),
        }
    };
    candidates.iter().map(of).collect()
}

/// `activation` by its first letter, or its old names.
fn own_activation(worker: &Worker<'_>) -> Activation {
    let stopped = worker.switch("stopped").is_some_and(|it| it.0);
    let disabled = worker.switch("disabled").is_some_and(|it| it.0);
    let word = worker.get(&["activation"]).map_or("", |it| &it.value);
    match word.chars().next() {
        Some('D' | 'd') => Activation::Disabled,
        Some('S' | 's') => Activation::Stopped,
        Some(_) => Activation::Active,
        None if stopped => Activation::Stopped,
        None if disabled => Activation::Disabled,
        None => Activation::Active,
    }
}
