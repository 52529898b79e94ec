//! What the backends of a rule speak, and which host they are told.

use crate::convert::note::Notes;
use crate::convert::site::{Balancer, Rule};
use crate::convert::value::Value;

/// What the backends of a rule speak.
#[derive(Debug, Clone, Copy)]
pub(super) enum Spoken {
    Ajp,
    Http,
    Both,
}

impl Spoken {
    /// What the members of a balancer speak.
    pub(super) fn of(balancer: &Balancer) -> Self {
        let is_http = |url: &str| url.starts_with("http");
        let http = balancer.members.iter().filter(|it| is_http(&it.url));
        match http.count() {
            0 => Self::Ajp,
            count if count == balancer.members.len() => Self::Http,
            _ => Self::Both,
        }
    }

    /// HTTP backends are sent their own name as the host (`ProxyPreserveHost Off`); those of AJP always get the client's.
    pub(super) fn own_host(self, rule: &mut Rule, notes: &mut Notes) {
        match self {
            Self::Ajp => {}
            Self::Http => rule.keys.set("preserve_host", Value::switch(false)),
            Self::Both => {
                let text = "its HTTP members get the client's Host here, as those of AJP do; in httpd they get their own name, \
                            without ProxyPreserveHost";
                notes.name(&rule.origin, text);
            }
        }
    }
}
