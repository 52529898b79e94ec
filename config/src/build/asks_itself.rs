//! `auth.forward` that asks the gateway itself for a path that the same mapping takes: each question would ask again.

use std::net::{IpAddr, SocketAddr};

use super::Builder;
use super::mapping::BuiltMapping;
use super::redirect::leads_to;
use crate::model::{Listener, MemberUrl};
use crate::report::Place;

impl Builder<'_> {
    /// Warns of each mapping whose users are known by a server that is behind the same mapping.
    pub(super) fn asks_itself(&self, mappings: &[BuiltMapping], listeners: &[(Place, Listener)]) {
        for mapping in mappings {
            let identity = mapping.built.identity.as_ref();
            let Some(forward) = identity.and_then(|it| it.forward.as_ref()) else {
                continue;
            };
            let url = &forward.server.url;
            let is_own = listeners.iter().any(|(_, it)| is_at(url, it.bind));
            if is_own && leads_to(mapping, &forward.path, mappings) {
                self.report.warning(
                    mapping.place,
                    format!(
                        "auth: {} is behind this mapping itself, so each question would ask again",
                        url.text
                    ),
                    "write the URL of the server itself, or a path that another mapping takes",
                );
            }
        }
    }
}

/// Whether a URL leads to a listener, as far as can be told without asking a name server.
fn is_at(url: &MemberUrl, bind: SocketAddr) -> bool {
    let (ip, local) = match url.host.parse::<IpAddr>() {
        Ok(ip) => (Some(ip), ip.is_loopback()),
        Err(_) => (None, url.host.eq_ignore_ascii_case("localhost")),
    };
    let all = bind.ip().is_unspecified() && local;
    let this = ip == Some(bind.ip()) || ip.is_none() && local && bind.ip().is_loopback();
    bind.port() == url.port && (all || this)
}
