//! The report of `explain`, as text and as JSON.

use std::fmt;

use ajpgate_config::{LbMethod, Variable};
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::files::FileAnswer;
use super::guarded::Guarded;
use crate::balancer::{How, NoMember};
use crate::client::Client;
use crate::proxy::{Refusal, Session};
use crate::sticky::{Found, Place};
use crate::variables::Variables;

/// The variables in the order of mod_proxy_balancer's manual.
const VARIABLES: [Variable; 6] = [
    Variable::SessionSticky,
    Variable::SessionRoute,
    Variable::Name,
    Variable::WorkerName,
    Variable::WorkerRoute,
    Variable::RouteChanged,
];

/// What the gateway would do with a request.
pub(super) struct Report<'a> {
    pub(super) client: &'a Client,
    pub(super) method: &'a str,
    pub(super) target: String,
    pub(super) host: Option<&'a str>,
    pub(super) guarded: &'a Guarded,
    pub(super) verdict: Verdict<'a>,
}

pub(super) enum Verdict<'a> {
    /// The request is answered without a balancer.
    Refused(Refusal),
    /// The request may not come in: the status of its answer, and why.
    Stopped(StatusCode, String),
    Forwarded(Box<Forwarded<'a>>),
    File(FileAnswer<'a>),
}

pub(super) struct Forwarded<'a> {
    /// The mapping's index in `proxy_pass`.
    pub(super) index: usize,
    pub(super) mapping: String,
    /// Whether the mapping has `encoded_slash: pass`.
    pub(super) passes_slashes: bool,
    pub(super) balancer: &'a str,
    pub(super) to: String,
    pub(super) decided_on: String,
    pub(super) sticky: bool,
    pub(super) session: Session,
    pub(super) found: Option<Found<'a>>,
    pub(super) method: LbMethod,
    /// The member that gets the request, then the members that get it when the previous one cannot be reached.
    pub(super) candidates: Vec<Candidate>,
    /// Why no further member was found although another try is allowed; `None` after the last try.
    pub(super) end: Option<NoMember>,
    /// The variables after the first choice.
    pub(super) variables: Variables,
}

pub(super) struct Candidate {
    pub(super) url: String,
    pub(super) route: String,
    pub(super) how: How,
    pub(super) route_changed: bool,
    /// The path that this member would get.
    pub(super) path: String,
    /// The `Destination` field that this member would get.
    pub(super) destination: Option<String>,
}

impl Candidate {
    /// The `Destination` field, if it is text.
    fn destination(&self) -> Option<&str> {
        self.destination.as_deref()
    }
}

impl Forwarded<'_> {
    fn session(&self) -> String {
        let Some(found) = &self.found else {
            return match self.sticky {
                true => "none".to_owned(),
                false => "not looked for".to_owned(),
            };
        };
        let place = match found.place {
            Place::PathParameter => "path parameter",
            Place::QueryParameter => "query parameter",
            Place::Cookie => "cookie",
        };
        format!("{}, from the {place} {}", found.session, found.name)
    }

    fn route(&self) -> String {
        let route = self.found.and_then(|found| found.route).unwrap_or_default();
        match self.session {
            Session::None => "none".to_owned(),
            Session::NoRoute => "none in the session id".to_owned(),
            Session::UnknownRoute => format!("{route}, which no member has"),
            Session::Route => format!("{route}, which a member has"),
        }
    }

    fn why(&self, how: How) -> String {
        match how {
            How::Sticky => "has the session's route".to_owned(),
            How::Redirect => "is the redirect of the session's member".to_owned(),
            How::Domain => "shares the domain of the session's member".to_owned(),
            How::Free => format!("chosen by {}", self.method.name()),
        }
    }

    /// What happens after the last candidate.
    fn then(&self) -> String {
        match self.end {
            None => "no further try (maxattempts)".to_owned(),
            Some(NoMember::Tried) if !self.candidates.is_empty() => "no member is left".to_owned(),
            Some(nobody) => format!("503: {nobody}"),
        }
    }

    fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        VARIABLES
            .into_iter()
            .filter_map(|variable| Some((variable.name(), self.variables.get(variable)?)))
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.unwrap_or("none");
        writeln!(f, "{} {}  (Host: {host})", self.method, self.target)?;
        if let Some(said) = &self.client.said {
            let Client { ip, .. } = self.client;
            let (scheme, proxy) = (self.client.scheme(), &said.proxy.ip);
            writeln!(
                f,
                "  client      {ip} with {scheme}, says the trusted proxy {proxy}"
            )?;
        }
        for (label, text) in self.guarded.lines() {
            writeln!(f, "  {label:11} {text}")?;
        }
        match &self.verdict {
            Verdict::Stopped(status, reason) => writeln!(f, "  answer      {status}: {reason}"),
            Verdict::Refused(refusal) => {
                let status = refusal.status();
                write!(f, "  answer      {status}: {refusal}")?;
                match refusal {
                    Refusal::Excluded { index } => writeln!(f, " (proxy_pass[{index}])"),
                    _ => writeln!(f),
                }
            }
            Verdict::Forwarded(forwarded) => forwarded.fmt(f),
            Verdict::File(file) => file.fmt(f),
        }
    }
}

impl fmt::Display for Forwarded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            index, mapping, to, ..
        } = self;
        let passes = match self.passes_slashes {
            true => ", encoded_slash: pass",
            false => "",
        };
        writeln!(
            f,
            "  mapping     {mapping} to {to} (proxy_pass[{index}]{passes})"
        )?;
        writeln!(
            f,
            "  path        {}, as Tomcat will see it",
            self.decided_on
        )?;
        writeln!(f, "  session     {}", self.session())?;
        writeln!(f, "  route       {}", self.route())?;
        for (index, candidate) in self.candidates.iter().enumerate() {
            let label = if index == 0 { "member" } else { "if it fails" };
            self.write_candidate(f, label, candidate)?;
        }
        writeln!(f, "  then        {}", self.then())?;
        for (index, (name, value)) in self.variables().enumerate() {
            let label = if index == 0 { "variables" } else { "" };
            writeln!(f, "  {label:11} {name}={value}")?;
        }
        writeln!(
            f,
            "  This is the decision of a gateway that has just started, without the state of a running one."
        )
    }
}

impl Forwarded<'_> {
    fn write_candidate(
        &self,
        f: &mut fmt::Formatter<'_>,
        label: &str,
        candidate: &Candidate,
    ) -> fmt::Result {
        let Candidate {
            url, path, route, ..
        } = candidate;
        let route = match route.as_str() {
            "" => "no route".to_owned(),
            route => format!("route {route}"),
        };
        let why = self.why(candidate.how);
        write!(f, "  {label:11} {url} ({route}): {why}; gets {path}")?;
        match candidate.destination() {
            Some(destination) => writeln!(f, ", Destination {destination}"),
            None => writeln!(f),
        }
    }
}

impl Report<'_> {
    pub(super) fn json(&self) -> Value {
        let mut report = json!({
            "method": self.method,
            "target": self.target,
            "host": self.host,
            "client": {
                "address": self.client.ip,
                "scheme": self.client.scheme(),
                "proxy": self.client.said.as_ref().map(|said| &said.proxy.ip),
            },
        });
        if let (Value::Object(report), Value::Object(guarded)) = (&mut report, self.guarded.json())
        {
            report.extend(guarded);
        }
        let more = match &self.verdict {
            Verdict::Stopped(status, reason) => json!({
                "result": "refused",
                "status": status.as_u16(),
                "reason": reason,
            }),
            Verdict::Refused(refusal) => json!({
                "result": "refused",
                "status": refusal.status().as_u16(),
                "reason": refusal.to_string(),
                "mapping": match refusal {
                    Refusal::Excluded { index } => json!({ "index": index, "exclude": true }),
                    _ => Value::Null,
                },
            }),
            Verdict::Forwarded(forwarded) => forwarded.json(),
            Verdict::File(file) => file.json(),
        };
        if let (Value::Object(report), Value::Object(more)) = (&mut report, more) {
            report.extend(more);
        }
        report
    }
}

impl Forwarded<'_> {
    fn json(&self) -> Value {
        let place = |place| match place {
            Place::PathParameter => "path",
            Place::QueryParameter => "query",
            Place::Cookie => "cookie",
        };
        let members: Vec<Value> = self.candidates.iter().map(|it| self.member(it)).collect();
        let variables: Map<String, Value> = self
            .variables()
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();
        json!({
            "result": if members.is_empty() { "unserved" } else { "forwarded" },
            "status": members.is_empty().then_some(503),
            "reason": self.end.map(|nobody| nobody.to_string()),
            "mapping": self.mapping(),
            "path": self.decided_on,
            "balancer": self.balancer,
            "session": self.found.map(|found| json!({
                "id": found.session,
                "name": found.name,
                "place": place(found.place),
                "route": found.route,
                "known": self.session == Session::Route,
            })),
            "lbmethod": self.method.name(),
            "member": members.first(),
            "fallback": members.get(1..).unwrap_or_default(),
            "variables": variables,
        })
    }

    fn mapping(&self) -> Value {
        let mut mapping = json!({ "index": self.index, "path": self.mapping, "to": self.to });
        if let (true, Value::Object(keys)) = (self.passes_slashes, &mut mapping) {
            keys.insert("encoded_slash".to_owned(), Value::from("pass"));
        }
        mapping
    }

    fn member(&self, candidate: &Candidate) -> Value {
        let mut member = json!({
            "url": candidate.url,
            "route": candidate.route,
            "how": candidate.how.text(),
            "why": self.why(candidate.how),
            "route_changed": candidate.route_changed,
            "path": candidate.path,
        });
        if let (Some(destination), Value::Object(keys)) = (candidate.destination(), &mut member) {
            keys.insert("destination".to_owned(), Value::from(destination));
        }
        member
    }
}
