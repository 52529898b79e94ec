//! Values that need not be written.

use super::value::{Keys, Value};
use crate::defaults;

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Top,
    Listener,
    Balancer,
    Member,
    Mapping,
    Limits,
    HealthCheck,
    Basic,
    Inner,
}

impl Level {
    /// The level of the keys in a value.
    pub(super) fn below(self, key: &str) -> Self {
        match (self, key) {
            (Self::Mapping, "member") => Self::Member,
            (Self::Top, "limits") => Self::Limits,
            (Self::Balancer, "health_check") => Self::HealthCheck,
            (_, "basic") => Self::Basic,
            _ => Self::Inner,
        }
    }
}

/// Whether a key may be left out, because its value is the default.
pub(super) fn is_default(level: Level, key: &str, value: &Value) -> bool {
    let text = match value {
        Value::Text(text) | Value::Plain(text) => text.as_str(),
        Value::List(items) => return items.is_empty() && level == Level::Member,
        Value::Map(_) | Value::Secret(_) => return false,
    };
    let period = |duration| Value::duration(duration) == Value::Plain(text.to_owned());
    let number = |number: u64| number.to_string() == text;
    match (level, key) {
        (Level::Member, "loadfactor") => text == "1",
        (Level::Member, "lbset") => number(defaults::LBSET),
        (Level::Member, "max") => number(defaults::MAX),
        (Level::Member, "min") => number(defaults::MIN),
        (Level::Member, "packet_size") => number(defaults::PACKET_SIZE),
        (Level::Member, "ttl") => period(defaults::TTL),
        (Level::Member, "acquire") => period(defaults::ACQUIRE),
        (Level::Member, "connectiontimeout") => period(defaults::CONNECTIONTIMEOUT),
        (Level::Member, "timeout") => period(defaults::TIMEOUT),
        (Level::Member, "retry") => period(defaults::RETRY),
        (Level::Member, "route" | "redirect" | "domain") => text.is_empty(),
        (Level::Balancer, "lbmethod") => text == "byrequests",
        (Level::Balancer, "stickysessionsep") => text == ".",
        (Level::Balancer, "nofailover") => text == defaults::NOFAILOVER.to_string(),
        (Level::Balancer, "forcerecovery") => text == defaults::FORCERECOVERY.to_string(),
        (Level::Balancer, "failontimeout") => text == defaults::FAILONTIMEOUT.to_string(),
        (Level::Balancer, "timeout") => period(defaults::BALANCER_TIMEOUT),
        (Level::Mapping, "preserve_host") => text == defaults::PRESERVE_HOST.to_string(),
        (Level::Mapping, "encoded_slash") => text == "refuse",
        (Level::Mapping, "index") => text == defaults::INDEX,
        (Level::Basic, "realm") => text == defaults::REALM,
        (Level::HealthCheck, "interval") => period(defaults::HEALTH_INTERVAL),
        (Level::HealthCheck, "passes") => number(defaults::HEALTH_PASSES),
        (Level::HealthCheck, "fails") => number(defaults::HEALTH_FAILS),
        (Level::HealthCheck, "uri") => text == defaults::HEALTH_URI,
        (Level::Limits, "max_headers") => number(defaults::MAX_HEADERS),
        (Level::Limits, "max_body") => number(defaults::MAX_BODY),
        (Level::Limits, "max_uri") => number(defaults::MAX_URI),
        (Level::Limits, "max_streams") => number(defaults::MAX_STREAMS),
        (Level::Limits, "idle_timeout") => period(defaults::IDLE_TIMEOUT),
        (Level::Limits, "header_timeout") => period(defaults::HEADER_TIMEOUT),
        (Level::Top, "error_override") => text == "false",
        (Level::Listener, "proxy_protocol") => text == defaults::PROXY_PROTOCOL.to_string(),
        _ => false,
    }
}

/// Whether the keys of a member say nothing but defaults.
pub(super) fn is_all_default(member: &Keys) -> bool {
    let mut keys = member.iter();
    keys.all(|(key, value)| is_default(Level::Member, key, value))
}
