//! Listeners.

use std::net::{IpAddr, SocketAddr};

use super::{Builder, Need};
use crate::defaults;
use crate::field::{Field, Scalar};
use crate::file;
use crate::model::Listener;
use crate::report::Place;
use crate::value::Network;

impl Builder<'_> {
    /// The listeners, each with the place of its `bind`.
    pub(super) fn listeners(
        &self,
        field: Field<Vec<Field<file::Listener>>>,
        trusted_proxies: &Field<Vec<Scalar<Network>>>,
        file: Place,
    ) -> Vec<(Place, Listener)> {
        let Some((place, listeners)) = self.required(
            field,
            file,
            Need {
                of: "a configuration",
                key: "listeners",
                example: "[{ bind: \"0.0.0.0:8080\" }]",
            },
        ) else {
            return Vec::new();
        };
        if listeners.is_empty() {
            self.report.error_with_hint(
                place,
                "listeners: the list is empty",
                "write at least `- bind: 0.0.0.0:8080`",
            );
        }
        let built: Vec<_> = listeners
            .into_iter()
            .filter_map(Field::given)
            .inspect(|(_, listener)| self.trust_for_proxy_protocol(listener, trusted_proxies))
            .filter_map(|(place, listener)| self.listener(listener, place))
            .collect();
        self.different_binds(&built);
        built
    }

    /// `None` when `bind` is missing or unreadable.
    fn listener(&self, listener: file::Listener, place: Place) -> Option<(Place, Listener)> {
        let tls = listener
            .tls
            .given()
            .map(|(place, tls)| self.listener_tls(tls, place));
        let (place, bind) = self.required(
            listener.bind,
            place,
            Need {
                of: "a listener",
                key: "bind",
                example: "0.0.0.0:8080",
            },
        )?;
        let http2 = listener.http2.or(tls.is_some());
        let built = Listener {
            bind: bind.0,
            proxy_protocol: listener.proxy_protocol.or(defaults::PROXY_PROTOCOL),
            tls,
            http2,
        };
        Some((place, built))
    }

    fn different_binds(&self, listeners: &[(Place, Listener)]) {
        for (index, (place, listener)) in listeners.iter().enumerate() {
            let mut before = listeners.iter().take(index);
            let taken = before.find(|(_, other)| overlap(other.bind, listener.bind));
            let Some((Place { line, .. }, other)) = taken else {
                continue;
            };
            let message = match other.bind == listener.bind {
                true => format!(
                    "bind: {} is taken by the listener in line {line}",
                    other.bind
                ),
                false => format!(
                    "bind: {} cannot stand beside {}, the listener in line {line}: one of them takes the connections of both",
                    listener.bind, other.bind
                ),
            };
            let hint = "remove one of them, or give it another port";
            self.report.error_with_hint(*place, message, hint);
        }
    }
}

/// Whether the system refuses two sockets that listen at these addresses: at one port, the same address or one that stands for
/// the other too. `[::]` stands for IPv4 too unless the system is told otherwise.
pub(super) fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let [first, second] = [one, other].map(|it| it.ip().to_canonical());
    let covers = |all: IpAddr, ip: IpAddr| {
        all.is_unspecified() && (all.is_ipv6() == ip.is_ipv6() || all.is_ipv6() && takes_ipv4())
    };
    let meet = first == second || covers(first, second) || covers(second, first);
    one.port() == other.port() && one.port() != 0 && meet
}

/// Whether a socket at `[::]` takes connections over IPv4 (`net.ipv6.bindv6only`).
fn takes_ipv4() -> bool {
    let only_v6 = std::fs::read_to_string("/proc/sys/net/ipv6/bindv6only");
    only_v6.map_or(true, |said| said.trim() != "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Linux refuses with SO_REUSEADDR, tried for each pair.
    #[test]
    fn addresses_overlap_where_the_system_refuses_both() {
        let at = |ip: &str| -> SocketAddr { format!("{ip}:80").parse().unwrap() };
        for (one, other, refused) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("127.0.0.1", "0.0.0.0", true),
            ("127.0.0.1", "[::1]", false),
            ("127.0.0.1", "[::ffff:127.0.0.1]", true),
            ("127.0.0.1", "[::ffff:0.0.0.0]", true),
            ("0.0.0.0", "[::1]", false),
            ("[::]", "[::1]", true),
            ("[::]", "127.0.0.1", takes_ipv4()),
            ("[::]", "0.0.0.0", takes_ipv4()),
        ] {
            let (one, other) = (at(one), at(other));
            assert_eq!(overlap(one, other), refused, "{one} {other}");
            assert_eq!(overlap(other, one), refused, "{other} {one}");
        }
        let [free, other] = ["127.0.0.1:0", "0.0.0.0:0"].map(|it| it.parse().unwrap());
        assert!(!overlap(free, other));
        assert!(!overlap(at("0.0.0.0"), "127.0.0.1:81".parse().unwrap()));
    }
}
