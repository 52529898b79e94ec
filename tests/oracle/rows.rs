//! Where ajpgate decides otherwise than httpd on purpose (`docs/balancing.md`, "Differences from httpd and mod_jk").
//!
//! Whether a row applies depends on the request and not on the decisions. Where none applies, both must decide alike. Where
//! one applies they may differ; then their states differ too, so a new world begins.

use crate::configuration::{Configuration, Rival};
use crate::request::Request;
use crate::world::World;

/// The differences that a sequence of requests, one after the other, can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Row {
    /// httpd takes any substring for the name, and a value may contain `/`, and also `;` unless configured otherwise.
    PathParameter,
    /// mod_jk ignores the query, as httpd 2.4.62 and 2.4.63 do.
    QueryParameter,
    /// httpd finds a session id also inside the value of another query parameter.
    InsideQueryValue,
    /// In httpd a parameter without a route hides the cookie too.
    ParameterWithoutRoute,
    /// httpd takes the first cookie, also an empty one, and keeps quotes.
    Cookies,
    /// In httpd and mod_jk the blanks behind a cookie's value belong to the route, which then is nobody's.
    CookieBlanks,
    /// httpd takes the text behind the first separator only.
    Separators,
    /// httpd tries a failed member again after each `retry`, however often it has failed.
    Recovery,
    /// httpd has other rules for another attempt, and may send a request to one member twice.
    Failover,
    /// A disabled member gets no request in httpd; in mod_jk it gets the requests of its sessions.
    Disabled,
}

impl Row {
    /// All rows.
    pub(crate) const ALL: [Self; 10] = [
        Self::PathParameter,
        Self::QueryParameter,
        Self::InsideQueryValue,
        Self::ParameterWithoutRoute,
        Self::Cookies,
        Self::CookieBlanks,
        Self::Separators,
        Self::Recovery,
        Self::Failover,
        Self::Disabled,
    ];

    /// Its name in the table of differences.
    pub(crate) const fn point(self) -> &'static str {
        match self {
            Self::PathParameter => "session id in the path",
            Self::QueryParameter => "query parameter",
            Self::InsideQueryValue => "session id inside a query parameter's value",
            Self::ParameterWithoutRoute => "parameter with a value but no route",
            Self::Cookies => "several cookies of the name, quoted values",
            Self::CookieBlanks => "blanks around a cookie's value",
            Self::Separators => "route after the separator",
            Self::Recovery => "recovery",
            Self::Failover => "failover",
            Self::Disabled => "`disabled` / `drain`",
        }
    }

    /// Whether it applies to a request that failed in httpd on the members in `trail` in this world.
    pub(crate) fn applies(
        self,
        configuration: &Configuration,
        request: &Request,
        trail: &[usize],
        world: &World,
    ) -> bool {
        let session = SessionText::of(configuration, request);
        let mod_jk = configuration.rival == Rival::ModJk;
        match self {
            Self::PathParameter => !mod_jk && session.path_is_odd(),
            Self::QueryParameter => mod_jk && !session.in_query.is_empty(),
            Self::InsideQueryValue => !mod_jk && session.is_inside_query_value(),
            Self::ParameterWithoutRoute => session.parameter_without_route(),
            Self::Cookies => !mod_jk && session.cookies_are_odd(),
            Self::CookieBlanks => session.has_cookie_blanks(),
            Self::Separators => session.has_two_separators(),
            Self::Recovery => !mod_jk && world.waits_differ(),
            Self::Failover => !mod_jk && may_move_otherwise(configuration, request, trail, world),
            Self::Disabled => mod_jk && session.asks_for_disabled(configuration),
        }
    }
}

/// Whether the rules for another attempt differ for a request that failed on these members.
fn may_move_otherwise(
    configuration: &Configuration,
    request: &Request,
    trail: &[usize],
    world: &World,
) -> bool {
    // A request that kills its member, or is slow, is not sent to all members; httpd sends it to all.
    let poisonous = request.wish.as_deref().is_some_and(|wish| {
        [crate::node::wish::GARBAGE, crate::node::wish::SILENCE].contains(&wish)
    });
    // httpd takes requests with a query, and WebDAV methods, for not idempotent, and does not try them again.
    let lost = trail.iter().any(|&member| world.is_dropping(member));
    let idempotent = !matches!(request.method, "POST");
    let moves_only_here = idempotent && (request.query.is_some() || request.method == "PROPFIND");
    // In httpd a member that ignores errors stays usable, and the request is sent to it again.
    let ignored = |&member: &usize| configuration.has_status(member, "ignore_errors");
    // In httpd the same member may be tried again: one without `retry`, or, when all members are in error, any member, since
    // forced recovery happens during the request.
    let comes_back = |&member: &usize| configuration.member_key(member, "retry") == Some("0");
    poisonous
        || (lost && moves_only_here)
        || trail.iter().any(ignored)
        || trail.iter().any(comes_back)
        || world.was_forced_while_trying(trail)
}

/// All values of the session's names in a request; none where the balancer is not sticky.
#[derive(Default)]
struct SessionText<'a> {
    path: &'a str,
    parameter: &'a str,
    separator: Option<char>,
    ends_at_semicolon: bool,
    in_path: Vec<&'a str>,
    in_query: Vec<&'a str>,
    query: &'a str,
    in_cookies: Vec<&'a str>,
}

impl<'a> SessionText<'a> {
    fn of(configuration: &Configuration, request: &'a Request) -> Self {
        let Some((cookie, parameter)) = configuration.session_names() else {
            return Self::default();
        };
        let query = request.query.as_deref().unwrap_or_default();
        let fields = request.cookies.iter();
        Self {
            path: &request.path,
            parameter,
            separator: configuration.separator(),
            ends_at_semicolon: configuration.key("scolonpathdelim") == Some("on"),
            in_path: values(&request.path, parameter),
            in_query: values(query, parameter),
            query,
            in_cookies: fields
                .flat_map(|field| field.split([';', ',']))
                .filter_map(|pair| pair.split_once('='))
                .filter(|(name, _)| name.trim() == cookie)
                .map(|(_, value)| value)
                .collect(),
        }
    }

    /// Usual is one parameter with exactly this name at the end of the path, or before other parameters where the
    /// configuration allows that.
    fn path_is_odd(&self) -> bool {
        let [value] = self.in_path[..] else {
            return !self.in_path.is_empty();
        };
        let whole = self.path.contains(&format!(";{}=", self.parameter));
        let ends = match self.ends_at_semicolon {
            true => !value.contains('/'),
            false => !value.contains([';', '/']),
        };
        !(whole && ends) || value.is_empty()
    }

    /// Whether a parameter has no route: in httpd it hides the cookie, in ajpgate it does not.
    fn parameter_without_route(&self) -> bool {
        let mut parameters = self.in_path.iter().chain(&self.in_query);
        let without_route = |value: &&str| match self.separator {
            Some(separator) => value
                .split_once(separator)
                .is_none_or(|(_, route)| route.is_empty()),
            None => false,
        };
        !self.in_cookies.is_empty() && parameters.any(without_route)
    }

    /// Usual is one cookie of the name, without quotes. An empty value is no session in ajpgate; in httpd it is one where the
    /// whole value is the route.
    fn cookies_are_odd(&self) -> bool {
        let empty = |value: &&str| value.is_empty() && self.separator.is_none();
        let mut values = self.in_cookies.iter();
        values.len() > 1 || values.any(|value| value.contains('"') || empty(value))
    }

    fn is_inside_query_value(&self) -> bool {
        let inside = format!(";{}=", self.parameter);
        let mut parameters = self.query.split('&');
        parameters.any(|parameter| parameter.contains(&inside))
    }

    fn has_cookie_blanks(&self) -> bool {
        let mut values = self.in_cookies.iter();
        values.any(|value| value.trim() != *value)
    }

    fn asks_for_disabled(&self, configuration: &Configuration) -> bool {
        let asks_for = |route: &str| self.values().any(|value| value.ends_with(route));
        let mut routes = configuration.routes().enumerate();
        routes
            .any(|(member, route)| configuration.has_status(member, "disabled") && asks_for(route))
    }

    fn has_two_separators(&self) -> bool {
        self.separator.is_some_and(|separator| {
            self.values()
                .any(|value| value.matches(separator).count() > 1)
        })
    }

    fn values(&self) -> impl Iterator<Item = &'a str> {
        let all = self.in_path.iter().chain(&self.in_query);
        all.chain(&self.in_cookies).copied()
    }
}

/// What follows each `name=` in a text, to its end.
fn values<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let pattern = format!("{name}=");
    let found = text.match_indices(&pattern);
    found.map(|(at, _)| &text[at + pattern.len()..]).collect()
}
