//! `RewriteCond %{REMOTE_ADDR}`: the networks whose addresses an expression takes.

use std::net::{IpAddr, Ipv6Addr};

use super::language::Language;

/// Most networks that are written.
const MOST: usize = 64;

/// The addresses that an expression takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Addresses {
    pub(super) networks: Vec<String>,
    /// Whether it may take IPv6 addresses of which `networks` says nothing.
    pub(super) further: bool,
}

/// The addresses in whose text, as httpd writes it, an expression is found; `None`: it cannot be said in networks.
pub(super) fn taken(pattern: &str, any_case: bool) -> Option<Addresses> {
    if is_in_any(pattern) {
        return Some(Addresses {
            networks: ["0.0.0.0/0", "::/0"].map(str::to_owned).to_vec(),
            further: false,
        });
    }
    let mut language = Language::of(pattern, any_case)?;
    let ipv4 = language.ipv4()?;
    let mut networks: Vec<String> = ipv4
        .iter()
        .map(|network| match network.prefix_len() {
            32 => network.addr().to_string(),
            _ => network.to_string(),
        })
        .collect();
    let ipv6 = language.texts("0123456789abcdef:", Some(':'));
    for text in ipv6.iter().flatten() {
        // An address in another spelling is none that httpd writes.
        let address = text.parse::<Ipv6Addr>().ok().map(|it| it.to_string());
        networks.extend(address.filter(|it| it == text));
    }
    (networks.len() <= MOST).then_some(Addresses {
        networks,
        further: ipv6.is_none(),
    })
}

fn is_in_any(pattern: &str) -> bool {
    matches!(
        pattern,
        "." | ".*" | "^" | "^.*" | "^.*$" | "^.+$" | ".+" | ""
    )
}

/// The network of one address, for `=ADDRESS`; `None`: no client has it.
pub(super) fn same(address: &str) -> Option<String> {
    let read = address.parse::<IpAddr>().ok()?.to_canonical().to_string();
    (read == address).then_some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_of_expressions() {
        for (pattern, expected) in [
            (r"^10\.", "10.0.0.0/8"),
            (r"^10\..*$", "10.0.0.0/8"),
            (r"^192\.168\.1\.\d+$", "192.168.1.0/24"),
            (r"^192\.168\.", "192.168.0.0/16"),
            (r"^127\.0\.0\.1$", "127.0.0.1"),
            (
                r"^127\.0\.0\.1",
                "127.0.0.1 127.0.0.10/31 127.0.0.12/30 127.0.0.16/30 127.0.0.100/30 127.0.0.104/29 127.0.0.112/28 \
                 127.0.0.128/26 127.0.0.192/29",
            ),
            (r"^(10\.1|10\.2)\.", "10.1.0.0/16 10.2.0.0/16"),
            (r"^(127\.0\.0\.1|::1)$", "127.0.0.1 ::1"),
            (
                r"^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)",
                "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16",
            ),
            (r"^::1$", "::1"),
            (r"^10.0.0.5$", "10.0.0.5"),
            (r"^fe80:", "and perhaps others"),
            // A dot is any letter: `192.168.10.1` and `192:168:1::` begin like this too.
            (
                r"^192.168.1.",
                "192.168.1.0/24 192.168.10.0/23 192.168.12.0/22 192.168.16.0/22 192.168.100.0/22 192.168.104.0/21 \
                 192.168.112.0/20 192.168.128.0/18 192.168.192.0/21 and perhaps others",
            ),
            (r".*", "0.0.0.0/0 ::/0"),
            (r"^(\d+)\.", "0.0.0.0/0"),
            (r"^300\.", ""),
            (r"\.1$", "nothing that can be said"),
            (r"(?=10)", "nothing that can be said"),
        ] {
            let found = match taken(pattern, false) {
                Some(found) if found.further => {
                    format!("{} and perhaps others", found.networks.join(" "))
                }
                Some(found) => found.networks.join(" "),
                None => "nothing that can be said".to_owned(),
            };
            assert_eq!(found.trim(), expected, "{pattern}");
        }
    }
}
