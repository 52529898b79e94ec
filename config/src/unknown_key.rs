//! The hint for an unknown key.

use crate::fault::one_of;
use crate::nearest::{nearest, simplified};
use crate::schema;

/// A hint for an unknown key of a struct: what a word of another program is called here, or the nearest known key, or where the
/// key belongs, or all keys.
pub(crate) fn hint(key: &str, of: &str, known: &[&str]) -> String {
    let written = simplified(key);
    if let Some(known) = known.iter().find(|known| simplified(known) == written) {
        return format!("did you mean `{known}`?");
    }
    let foreign = FOREIGN.iter().find(|(place, words, _)| {
        *place == of && words.iter().any(|word| simplified(word) == written)
    });
    if let Some((_, _, hint)) = foreign {
        return (*hint).to_owned();
    }
    if let Some(near) = nearest(key, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    let owners = schema::owners(key);
    if owners.iter().any(|owner| owner.trim_matches('`') == of) {
        // For example, the API changes only some keys of a member.
        let known = known.join(", ");
        return format!("`{key}` cannot be set here; the keys here are {known}");
    }
    if !owners.is_empty() {
        let owners = one_of(owners.iter().map(String::as_str));
        return format!("`{key}` is a key of {owners}, not of `{of}`");
    }
    format!("the keys here are {}", known.join(", "))
}

/// Words of `httpd.conf`, `workers.properties` and other proxies: the struct in which they may stand, the words, and a hint
/// that names the key of this program.
const FOREIGN: &[(&str, &[&str], &str)] = &[
    (
        "listener",
        &["port", "address", "listen", "host"],
        "write `bind: ADDRESS:PORT`",
    ),
    (
        "listener",
        &["ssl", "https"],
        "write `tls: { certificate: FILE, private_key: FILE }`",
    ),
    (
        "mapping",
        &["backend", "upstream", "target", "url", "balancer"],
        "here it is `to`",
    ),
    (
        "mapping",
        &["location", "prefix", "uri"],
        "here it is `path`, or `match` for a regular expression",
    ),
    (
        "member",
        &["host", "port", "address"],
        "write `url: ajp://HOST:PORT`",
    ),
    (
        "member",
        &["type", "protocol"],
        "the protocol is in the url: ajp://, http://, https://, ftp:// or ftps://",
    ),
    ("member", &["lbfactor", "weight"], "here it is `loadfactor`"),
    ("member", &["distance"], "here it is `lbset`"),
    (
        "member",
        &["activation"],
        "here it is `status`; mod_jk's `disabled` is `drain` here",
    ),
    ("member", &["jvmRoute"], "here it is `route`"),
    (
        "member",
        &["max_packet_size", "iobuffersize"],
        "here it is `packet_size`",
    ),
    (
        "member",
        &["socket_timeout", "reply_timeout"],
        "here it is `timeout`",
    ),
    (
        "member",
        &["socket_connect_timeout"],
        "here it is `connectiontimeout`",
    ),
    (
        "member",
        &[
            "connect_timeout",
            "prepost_timeout",
            "ping_timeout",
            "ping_mode",
        ],
        "`ping: 100ms` sends CPING before a request on a kept connection",
    ),
    (
        "member",
        &["connection_pool_size", "cachesize", "smax"],
        "the pool is bounded by `max` and `min`",
    ),
    ("member", &["connection_pool_minsize"], "here it is `min`"),
    (
        "member",
        &["connection_pool_timeout", "keepalive"],
        "`ttl` closes idle connections",
    ),
    (
        "member",
        &["connection_acquire_timeout"],
        "here it is `acquire`",
    ),
    (
        "member",
        &["recover_time", "recover_wait_time"],
        "here it is `retry`",
    ),
    (
        "member",
        &["fail_on_status"],
        "here it is `failonstatus` of the balancer",
    ),
    (
        "member",
        &["disablereuse", "enablereuse"],
        "`ttl: 0s` keeps no connection",
    ),
    (
        "member",
        &["flushpackets", "flushwait"],
        "every packet is passed on at once; nothing to set",
    ),
    ("member", &["upgrade"], "here it is `upgrade_url`"),
    (
        "member",
        &[
            "hcmethod",
            "hcinterval",
            "hcpasses",
            "hcfails",
            "hcuri",
            "hcexpr",
            "hctemplate",
        ],
        "see `health_check` of the balancer",
    ),
    (
        "balancer",
        &["sticky", "sticky_sessions"],
        "here it is `stickysession`; \"\" turns it off",
    ),
    (
        "balancer",
        &["sticky_session_force"],
        "here it is `nofailover`",
    ),
    (
        "balancer",
        &["session_cookie", "session_path"],
        "write `stickysession: COOKIE|PARAMETER`",
    ),
    (
        "balancer",
        &["set_session_cookie", "session_cookie_path"],
        "see `sticky_cookie`",
    ),
    (
        "balancer",
        &["balance_workers", "balanced_workers", "workers", "servers"],
        "here it is `members`",
    ),
    (
        "balancer",
        &["method", "algorithm"],
        "here it is `lbmethod`",
    ),
    (
        "balancer",
        &["growth", "nonce"],
        "members can be added at any time; nothing to set",
    ),
    (
        "balancer",
        &["recovery_options"],
        "what may have been acted on is sent again only when its method is idempotent; nothing to set",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_mod_jk_are_translated() {
        let said = hint("distance", "member", &["url", "lbset"]);
        assert_eq!(said, "here it is `lbset`");
        for word in ["jvmroute", "jvm_route", "JvmRoute"] {
            let said = hint(word, "member", &["url", "route"]);
            assert_eq!(said, "here it is `route`", "{word}");
        }
    }

    #[test]
    fn a_key_that_cannot_be_set_in_this_place_is_named_so() {
        let said = hint("max", "member", &["loadfactor", "lbset"]);
        let expected = "`max` cannot be set here; the keys here are loadfactor, lbset";
        assert_eq!(said, expected);
    }
}
