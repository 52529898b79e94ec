//! The report of `explain`, as text and as JSON.

use std::fmt;

use ajpgate_config::{EncodedSlash, LbMethod, Mapping, MediaRange, Variable, defaults};
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
    /// The mapping that takes it.
    pub(super) mapping: Option<Taken<'a>>,
    pub(super) verdict: Verdict<'a>,
}

pub(super) enum Verdict<'a> {
    /// The request is answered without a balancer.
    Refused(Refusal),
    /// The request may not come in: the status of its answer, and why.
    Stopped(StatusCode, String),
    /// The client is sent elsewhere.
    Redirected {
        status: u16,
        location: String,
    },
    /// It gets a fixed answer.
    Fixed {
        status: u16,
        bytes: usize,
        content_type: String,
    },
    Forwarded(Box<Forwarded<'a>>),
    File(FileAnswer<'a>),
}

/// A mapping that takes a request.
pub(super) struct Taken<'a> {
    /// Its index in `proxy_pass`.
    pub(super) index: usize,
    /// Where it stands in an included file: `conf.d/shop.yaml:3`.
    pub(super) included: Option<String>,
    pub(super) mapping: &'a Mapping,
    /// The groups of its `match` with what they captured.
    pub(super) captures: Vec<(usize, String)>,
    /// The path that it was decided on.
    pub(super) path: String,
}

impl Taken<'_> {
    /// `/shop`, or `match ^/shop`.
    fn takes(&self) -> String {
        match &self.mapping.pattern {
            Some(pattern) => format!("match {}", pattern.text()),
            None => self.mapping.path.clone(),
        }
    }

    /// Its place, and the settings that take the place of others: `proxy_pass[1], scheme: http, timeout: 5s`.
    fn settings(&self) -> String {
        let mut settings = match &self.included {
            Some(place) => place.clone(),
            None => format!("proxy_pass[{}]", self.index),
        };
        for (key, value) in self.keys() {
            settings.push_str(&format!(", {key}: {value}"));
        }
        settings
    }

    fn keys(&self) -> Vec<(&'static str, String)> {
        let Mapping {
            scheme,
            encoded_slash,
            timeout,
            max_body,
            compress,
            error_pages,
            ..
        } = self.mapping;
        let compress = compress.as_ref().map(|it| {
            let types = it.types.iter().map(MediaRange::text);
            format!(
                "{} from {} bytes",
                types.collect::<Vec<_>>().join(" "),
                it.min
            )
        });
        let pages = error_pages.keys().map(ToString::to_string);
        let pages: Vec<String> = pages.collect();
        let pass = *encoded_slash == EncodedSlash::Pass;
        let timeout = timeout.map(|timeout| match timeout {
            defaults::ENDLESS => "0s".to_owned(),
            timeout => format!("{timeout:?}"),
        });
        let keys = [
            ("encoded_slash", pass.then(|| "pass".to_owned())),
            ("scheme", scheme.map(|scheme| scheme.name().to_owned())),
            ("timeout", timeout),
            (
                "max_body",
                max_body.map(|it| it.bytes().unwrap_or(0).to_string()),
            ),
            ("compress", compress),
            ("error_pages", (!pages.is_empty()).then(|| pages.join(" "))),
        ];
        let set = keys.into_iter();
        set.filter_map(|(key, value)| Some((key, value?))).collect()
    }

    /// The lines about it, where it sends nothing to a member.
    fn write_alone(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  mapping     {} ({})", self.takes(), self.settings())?;
        writeln!(f, "  path        {}", self.path)?;
        self.write_captures(f)
    }

    fn write_captures(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (group, text)) in self.captures.iter().enumerate() {
            let label = if at == 0 { "captures" } else { "" };
            writeln!(f, "  {label:11} ${group}={text}")?;
        }
        Ok(())
    }

    fn json(&self) -> Map<String, Value> {
        let mut keys = Map::new();
        keys.insert("index".to_owned(), Value::from(self.index));
        match &self.mapping.pattern {
            Some(pattern) => keys.insert("match".to_owned(), Value::from(pattern.text())),
            None => keys.insert("path".to_owned(), Value::from(self.mapping.path.as_str())),
        };
        if let Some(included) = &self.included {
            keys.insert("included".to_owned(), Value::from(included.as_str()));
        }
        let set = self.keys().into_iter();
        keys.extend(set.map(|(key, value)| (key.to_owned(), Value::from(value))));
        if !self.captures.is_empty() {
            let captures = self.captures.iter();
            let captures =
                captures.map(|(group, text)| (format!("${group}"), Value::from(text.as_str())));
            keys.insert("captures".to_owned(), captures.collect());
        }
        keys
    }
}

pub(super) struct Forwarded<'a> {
    pub(super) balancer: &'a str,
    pub(super) to: String,
    /// The query that the member gets, where it is not the client's.
    pub(super) query: Option<String>,
    pub(super) decided_on: String,
    pub(super) sticky: bool,
    pub(super) session: Session,
    pub(super) found: Option<Found<'a>>,
    pub(super) method: LbMethod,
    /// The member that gets the request, then the members that get it when the previous one cannot be reached.
    pub(super) candidates: Vec<Candidate>,
    /// Why no further member was found although another try is allowed; `None` after the last try.
    pub(super) end: Option<NoMember>,
    /// The sources of members that were not asked.
    pub(super) not_asked: Vec<String>,
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
            Verdict::Stopped(status, reason) => {
                self.write_mapping(f)?;
                writeln!(f, "  answer      {status}: {reason}")
            }
            Verdict::Refused(refusal) => {
                let status = refusal.status();
                write!(f, "  answer      {status}: {refusal}")?;
                match refusal {
                    Refusal::Excluded { index } | Refusal::Guarded { index } => {
                        writeln!(f, " (proxy_pass[{index}])")
                    }
                    _ => writeln!(f),
                }
            }
            Verdict::Redirected { status, location } => {
                self.write_mapping(f)?;
                writeln!(f, "  answer      {status}, Location: {location}")
            }
            Verdict::Fixed {
                status,
                bytes,
                content_type,
            } => {
                self.write_mapping(f)?;
                match bytes {
                    0 => writeln!(f, "  answer      {status} without a body"),
                    bytes => writeln!(f, "  answer      {status}, {bytes} bytes of {content_type}"),
                }
            }
            Verdict::Forwarded(forwarded) => forwarded.write(f, self.mapping.as_ref()),
            Verdict::File(file) => file.fmt(f),
        }
    }
}

impl Report<'_> {
    fn write_mapping(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.mapping {
            Some(mapping) => mapping.write_alone(f),
            None => Ok(()),
        }
    }
}

impl Forwarded<'_> {
    fn write(&self, f: &mut fmt::Formatter<'_>, mapping: Option<&Taken<'_>>) -> fmt::Result {
        if let Some(mapping) = mapping {
            let (takes, to, settings) = (mapping.takes(), &self.to, mapping.settings());
            writeln!(f, "  mapping     {takes} to {to} ({settings})")?;
        }
        writeln!(
            f,
            "  path        {}, as Tomcat will see it",
            self.decided_on
        )?;
        if let Some(mapping) = mapping {
            mapping.write_captures(f)?;
        }
        if let Some(query) = &self.query {
            writeln!(f, "  query       {query}")?;
        }
        writeln!(f, "  session     {}", self.session())?;
        writeln!(f, "  route       {}", self.route())?;
        for (index, candidate) in self.candidates.iter().enumerate() {
            let label = if index == 0 { "member" } else { "if it fails" };
            self.write_candidate(f, label, candidate)?;
        }
        writeln!(f, "  then        {}", self.then())?;
        for source in &self.not_asked {
            writeln!(
                f,
                "  not asked   {source}: only a running gateway knows its members"
            )?;
        }
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
                "mapping": self.mapping.as_ref().map(Taken::json),
            }),
            Verdict::Refused(refusal) => json!({
                "result": "refused",
                "status": refusal.status().as_u16(),
                "reason": refusal.to_string(),
                "mapping": match refusal {
                    Refusal::Excluded { index } => json!({ "index": index, "exclude": true }),
                    Refusal::Guarded { index } => json!({ "index": index }),
                    _ => Value::Null,
                },
            }),
            Verdict::Redirected { status, location } => json!({
                "result": "redirected",
                "status": status,
                "location": location,
                "mapping": self.mapping.as_ref().map(Taken::json),
            }),
            Verdict::Fixed {
                status,
                bytes,
                content_type,
            } => json!({
                "result": "answered",
                "status": status,
                "bytes": bytes,
                "content_type": content_type,
                "mapping": self.mapping.as_ref().map(Taken::json),
            }),
            Verdict::Forwarded(forwarded) => forwarded.json(self.mapping.as_ref()),
            Verdict::File(file) => file.json(),
        };
        if let (Value::Object(report), Value::Object(more)) = (&mut report, more) {
            report.extend(more);
        }
        report
    }
}

impl Forwarded<'_> {
    fn json(&self, mapping: Option<&Taken<'_>>) -> Value {
        let mapping = mapping.map(|mapping| {
            let mut keys = mapping.json();
            keys.insert("to".to_owned(), Value::from(self.to.as_str()));
            keys
        });
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
        let mut report = json!({
            "result": if members.is_empty() { "unserved" } else { "forwarded" },
            "status": members.is_empty().then_some(503),
            "reason": self.end.map(|nobody| nobody.to_string()),
            "mapping": mapping,
            "query": self.query,
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
        });
        if let (Value::Object(keys), false) = (&mut report, self.not_asked.is_empty()) {
            keys.insert("not_asked".to_owned(), self.not_asked.as_slice().into());
        }
        report
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
