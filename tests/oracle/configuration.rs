//! The description of a balancer, and of what happens to it.

/// With whom ajpgate is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rival {
    /// mod_proxy_balancer and mod_proxy_ajp: every decision and every variable.
    ModProxy,
    /// mod_jk: the member, where both must choose the same; see [`crate::mod_jk`].
    ModJk,
}

/// What a sequence has besides plain requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Nodes that refuse connections for a while, one, several or all of them.
    Failures,
    /// Nodes that close connections instead of answering, requests with a query and of any method.
    Drops,
    /// Answers that are not AJP13.
    Garbage,
    /// Answers that never come: rare, for each costs the patience of both front ends.
    Silence,
    /// Sessions that the two read differently.
    OddSessions,
    /// Answers with an error status.
    Statuses,
    /// Bodies of all sizes in both directions.
    Sizes,
    /// Requests that stay under way while others come and go.
    Holds,
    /// Moments at which `retry` has passed.
    Pauses,
    /// Nodes that fail come back at once. For balancers in which each failure shows a difference.
    Brief,
}

/// A balancer and what happens to it.
///
/// Keys are written `key=value`, separated by spaces, with mod_proxy's names, which are ajpgate's too; flags are
/// `on` and `off`, `status` takes a list of ajpgate's words.
#[derive(Debug, Clone)]
pub(crate) struct Configuration {
    pub(crate) name: &'static str,
    pub(crate) rival: Rival,
    pub(crate) balancer: &'static str,
    /// Routes and keys.
    pub(crate) members: Vec<(&'static str, &'static str)>,
    weather: Vec<Weather>,
}

impl Configuration {
    /// A balancer with these keys, to be compared with mod_proxy_balancer.
    pub(crate) fn new(name: &'static str, balancer: &'static str) -> Self {
        Self {
            name,
            rival: Rival::ModProxy,
            balancer,
            members: Vec::new(),
            weather: Vec::new(),
        }
    }

    /// The same, to be compared with mod_jk.
    pub(crate) fn mod_jk(name: &'static str, balancer: &'static str) -> Self {
        Self {
            rival: Rival::ModJk,
            ..Self::new(name, balancer)
        }
    }

    /// Adds a member; its route may be empty.
    pub(crate) fn member(mut self, route: &'static str, keys: &'static str) -> Self {
        self.members.push((route, keys));
        self
    }

    /// Adds something to the sequence.
    pub(crate) fn with(mut self, weather: Weather) -> Self {
        self.weather.push(weather);
        self
    }

    /// Whether the sequence has this.
    pub(crate) fn has(&self, weather: Weather) -> bool {
        self.weather.contains(&weather)
    }

    /// How many members there are.
    pub(crate) fn size(&self) -> usize {
        self.members.len()
    }

    /// The routes of the members, in order; one may be empty or come twice.
    pub(crate) fn routes(&self) -> impl Iterator<Item = &'static str> {
        self.members.iter().map(|(route, _)| *route)
    }

    /// A key of the balancer.
    pub(crate) fn key(&self, wanted: &str) -> Option<&'static str> {
        value(self.balancer, wanted)
    }

    /// A key of a member.
    pub(crate) fn member_key(&self, member: usize, wanted: &str) -> Option<&'static str> {
        value(self.members[member].1, wanted)
    }

    /// Whether a member has a status.
    pub(crate) fn has_status(&self, member: usize, status: &str) -> bool {
        self.member_key(member, "status")
            .is_some_and(|list| list.split(',').any(|word| word == status))
    }

    /// How many times a request is tried, at most.
    pub(crate) fn tries(&self) -> usize {
        let more = self.key("maxattempts").map(str::parse);
        1 + more.map_or(self.size() - 1, |more| more.expect("a number"))
    }

    /// The names of the session's cookie and of its parameter; `None` without stickiness.
    pub(crate) fn session_names(&self) -> Option<(&'static str, &'static str)> {
        let names = self.key("stickysession")?;
        Some(names.split_once('|').unwrap_or((names, names)))
    }

    /// What stands before the route; `None`: the whole value is the route.
    pub(crate) fn separator(&self) -> Option<char> {
        match self.key("stickysessionsep") {
            Some("off") => None,
            Some(separator) => separator.chars().next(),
            None => Some('.'),
        }
    }
}

pub(crate) fn pairs(keys: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    keys.split_ascii_whitespace()
        .map(|pair| pair.split_once('=').expect("key=value"))
}

fn value(keys: &'static str, wanted: &str) -> Option<&'static str> {
    pairs(keys).find_map(|(key, value)| (key == wanted).then_some(value))
}
