//! The description of a balancer and of the events of its sequence.

/// The server that ajpgate is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rival {
    /// mod_proxy_balancer and mod_proxy_ajp: every decision and every variable is compared.
    ModProxy,
    /// mod_jk: the member is compared where both must choose the same; see [`crate::mod_jk`].
    ModJk,
}

/// The events of a sequence beside plain requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// One, several or all nodes refuse connections for a while.
    Failures,
    /// Nodes close connections instead of answering; requests have queries and any method.
    Drops,
    /// Answers that are not AJP13.
    Garbage,
    /// Answers that never come. They are rare, since each takes the `timeout` of both front ends.
    Silence,
    /// Sessions that the two servers read differently.
    OddSessions,
    /// Answers with an error status.
    Statuses,
    /// Bodies of all sizes in both directions.
    Sizes,
    /// Requests that stay under way while others are answered.
    Holds,
    /// Pauses after which `retry` has passed.
    Pauses,
    /// Nodes that fail work again at once. For balancers in which each failure shows a difference.
    Brief,
}

/// A balancer and the events of its sequence.
///
/// Keys are written `key=value`, separated by spaces, with the names that mod_proxy and ajpgate share. Flags are `on` and
/// `off`; `status` takes a list of ajpgate's words.
#[derive(Debug, Clone)]
pub(crate) struct Configuration {
    pub(crate) name: &'static str,
    pub(crate) rival: Rival,
    pub(crate) balancer: &'static str,
    /// Route and keys of each member.
    pub(crate) members: Vec<(&'static str, &'static str)>,
    weather: Vec<Weather>,
}

impl Configuration {
    /// A balancer with these keys, compared with mod_proxy_balancer.
    pub(crate) fn new(name: &'static str, balancer: &'static str) -> Self {
        Self {
            name,
            rival: Rival::ModProxy,
            balancer,
            members: Vec::new(),
            weather: Vec::new(),
        }
    }

    /// A balancer with these keys, compared with mod_jk.
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

    /// Adds an event to the sequence.
    pub(crate) fn with(mut self, weather: Weather) -> Self {
        self.weather.push(weather);
        self
    }

    /// Whether the sequence has this event.
    pub(crate) fn has(&self, weather: Weather) -> bool {
        self.weather.contains(&weather)
    }

    /// The number of members.
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

    /// Most attempts of a request.
    pub(crate) fn tries(&self) -> usize {
        let more = self.key("maxattempts").map(str::parse);
        1 + more.map_or(self.size() - 1, |more| more.expect("a number"))
    }

    /// The names of the session's cookie and of its parameter; `None` without stickiness.
    pub(crate) fn session_names(&self) -> Option<(&'static str, &'static str)> {
        let names = self.key("stickysession")?;
        Some(names.split_once('|').unwrap_or((names, names)))
    }

    /// The separator before the route; `None`: the whole value is the route.
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
