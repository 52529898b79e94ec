//! Addresses of clients that come through other proxies (`modules/metadata/mod_remoteip.c`).
//!
//! `trusted_proxies` believes more than mod_remoteip does: scheme, host and port beside the address, and private addresses from
//! every proxy. It is written where that cannot matter. Elsewhere it is left out, and rules of access that compare addresses
//! close their paths, because they would see the address of the proxy.

use super::super::tree::Node;
use crate::convert::note::{Closed, Notes, Origin};
use crate::convert::site::{Access, Admission, Site};
use crate::convert::value::Value;
use crate::field::Kind as _;
use crate::value::Network;

/// What one server says.
#[derive(Debug, Clone, Default)]
pub(super) struct Remote {
    /// `RemoteIPHeader`, in lower case.
    header: Option<(String, Origin)>,
    /// `RemoteIPInternalProxy`, `RemoteIPTrustedProxy`, and the lists of both.
    proxies: Vec<Proxy>,
}

/// A proxy whose field is believed.
#[derive(Debug, Clone)]
struct Proxy {
    /// `None`: a name, or a list in a file.
    network: Option<String>,
    /// Whether it may speak of private addresses.
    is_internal: bool,
    origin: Origin,
}

impl Remote {
    /// Takes a directive. Returns whether it is one of these.
    pub(super) fn take(&mut self, node: &Node) -> bool {
        let words = node.words();
        let is_internal = match &*node.name {
            "remoteipheader" => {
                let name = words.first().map(|it| it.to_ascii_lowercase());
                self.header = Some((name.unwrap_or_default(), node.origin.clone()));
                return true;
            }
            "remoteipinternalproxy" | "remoteipinternalproxylist" => true,
            "remoteiptrustedproxy" | "remoteiptrustedproxylist" => false,
            _ => return false,
        };
        let is_list = node.name.ends_with("list");
        self.proxies.extend(words.into_iter().map(|word| Proxy {
            network: (!is_list && Network::read(&word).is_ok()).then_some(word),
            is_internal,
            origin: node.origin.clone(),
        }));
        true
    }

    /// What counts for a virtual host of this main server.
    fn with(&self, host: &Self) -> Self {
        let proxies = match host.proxies.is_empty() {
            true => &self.proxies,
            false => &host.proxies,
        };
        Self {
            header: host.header.clone().or_else(|| self.header.clone()),
            proxies: proxies.clone(),
        }
    }

    fn origin(&self) -> Option<&Origin> {
        let proxy = self.proxies.first().map(|it| &it.origin);
        self.header.as_ref().map(|it| &it.1).or(proxy)
    }

    /// The networks of `trusted_proxies`.
    ///
    /// # Errors
    ///
    /// Why they cannot say the same.
    fn networks(&self, site: &Site) -> Result<Vec<&str>, String> {
        let header = self.header.as_ref().map_or("", |it| &it.0);
        if header != "x-forwarded-for" {
            return Err(format!(
                "only X-Forwarded-For and Forwarded are read here, not {header}"
            ));
        }
        if self.proxies.is_empty() {
            return Err("without RemoteIPInternalProxy httpd believes everybody".to_owned());
        }
        if site.servers.len() > 1 {
            let why = "`trusted_proxies` believes X-Forwarded-Proto and X-Forwarded-Host too, which choose among the virtual hosts";
            return Err(why.to_owned());
        }
        let networks = self.proxies.iter().map(|it| it.network.as_deref());
        let networks: Option<Vec<&str>> = networks.collect();
        let Some(networks) = networks else {
            return Err("names and lists of proxies are not followed".to_owned());
        };
        let trusted = self.proxies.iter().any(|it| !it.is_internal);
        let mut allowed = accesses(site).flat_map(|access| lists(access).0);
        match trusted && allowed.any(is_private) {
            true => Err(
                "httpd does not believe a RemoteIPTrustedProxy that speaks of private addresses, which a rule of access lets in"
                    .to_owned(),
            ),
            false => Ok(networks),
        }
    }
}

/// Adds `trusted_proxies`, or leaves them out and closes what depends on addresses. `hosts` are the virtual hosts that answer.
pub(super) fn add(main: &Remote, hosts: &[&Remote], site: &mut Site, notes: &mut Notes) {
    let mut all: Vec<Remote> = hosts.iter().map(|host| main.with(host)).collect();
    if all.is_empty() || site.servers.len() > all.len() {
        all.push(main.clone());
    }
    let used = |it: &&Remote| it.header.is_some();
    for proxy in all.iter().filter(|it| !used(it)).flat_map(|it| &it.proxies) {
        notes.name(
            &proxy.origin,
            "left out, as in httpd: it means nothing without RemoteIPHeader",
        );
    }
    let Some(first) = all.iter().find(used) else {
        return;
    };
    let why = match first.networks(site) {
        Ok(networks) => {
            let networks = networks.into_iter().map(Value::text).collect();
            site.keys.set("trusted_proxies", Value::List(networks));
            return;
        }
        Err(why) => why,
    };
    let Some(origin) = first.origin().cloned() else {
        return;
    };
    let text = format!(
        "left out: {why}; where the proxies in front set X-Forwarded-For, -Proto, -Host and -Port themselves, write them into \
         `trusted_proxies`"
    );
    notes.name(&origin, text);
    let why = "it compares addresses of clients, and those behind other proxies are not known (RemoteIPHeader)";
    for overlay in site.servers.iter_mut().flat_map(|it| &mut it.overlays) {
        let (allow, deny) = lists(&overlay.access);
        if !allow.is_empty() || !deny.is_empty() {
            let sealed = Closed::by(&overlay.origin, why);
            overlay.access.sealed.push(sealed);
        }
    }
}

fn accesses(site: &Site) -> impl Iterator<Item = &Access> {
    let overlays = site.servers.iter().flat_map(|it| &it.overlays);
    overlays.map(|it| &it.access)
}

/// The networks that may come in, and those that may not. Who keeps everybody out compares no addresses.
fn lists(access: &Access) -> (Vec<&str>, Vec<&str>) {
    let (mut all, mut none) = (Vec::new(), Vec::new());
    for admission in [&access.admission, &access.older].into_iter().flatten() {
        if let Admission::Those { allow, deny, .. } = admission {
            all.extend(allow.iter().map(String::as_str));
            let some = deny.iter().filter(|it| !it.ends_with("/0"));
            none.extend(some.map(String::as_str));
        }
    }
    (all, none)
}

/// Whether a network has addresses that no client on the Internet has, or may have some.
fn is_private(network: &str) -> bool {
    let (address, length) = network.split_once('/').unwrap_or((network, "128"));
    let is_wide = length.parse::<u8>().map_or(true, |it| it < 8);
    let mut parts = address.split('.');
    let first = parts.next().unwrap_or_default();
    let is_global = match address.contains(':') {
        true => address.starts_with(['2', '3']),
        false => !matches!(first, "10" | "127" | "169" | "172" | "192"),
    };
    is_wide || !is_global
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use crate::convert::{Files, Wanted, convert};

    struct One(String);

    impl Files for One {
        fn read(&self, file: &Path) -> Result<Vec<u8>, String> {
            let is_it = file == Path::new("/httpd.conf");
            is_it
                .then(|| self.0.clone().into())
                .ok_or_else(|| "no such file".to_owned())
        }

        fn names(&self, _: &Path) -> Option<Vec<String>> {
            None
        }
    }

    /// Whether proxies are trusted, and whether the section is closed.
    fn turned(text: &str) -> (bool, bool) {
        let wanted = Wanted {
            httpd: Some(PathBuf::from("/httpd.conf")),
            ..Wanted::default()
        };
        let yaml = convert(&wanted, &One(text.to_owned()), &|_| None).unwrap();
        let yaml = yaml.written.text;
        (
            yaml.contains("trusted_proxies"),
            yaml.contains("closed for everybody"),
        )
    }

    #[test]
    fn proxies_are_trusted_only_where_nothing_else_is_believed_than_in_httpd() {
        let pass = "ProxyPass / ajp://10.0.0.1/\n";
        let header = "RemoteIPHeader X-Forwarded-For\n";
        let internal = "RemoteIPInternalProxy 10.9.0.0/16\n";
        let trusted = "RemoteIPTrustedProxy 203.0.113.7\n";
        let inside = "<Location />\nRequire ip 192.168.0.0/16\n</Location>\n";
        let outside = "<Location />\nRequire ip 198.51.100.0/24\n</Location>\n";
        let hosts = format!(
            "<VirtualHost *:80>\nServerName a\n{pass}</VirtualHost>\n<VirtualHost *:80>\nServerName b\n{pass}</VirtualHost>\n"
        );
        let other = header.replace("For", "Other");
        for (parts, expected) in [
            (vec![header, internal, pass, inside], (true, false)),
            (vec![header, trusted, pass, outside], (true, false)),
            (vec![header, trusted, pass], (true, false)),
            (vec![header, trusted, pass, inside], (false, true)),
            (vec![internal, pass, inside], (false, false)),
            (vec![&other, internal, pass, inside], (false, true)),
            (vec![&other, internal, pass], (false, false)),
            (vec![header, pass, inside], (false, true)),
            (
                vec![
                    header,
                    internal,
                    "RemoteIPInternalProxy front\n",
                    pass,
                    inside,
                ],
                (false, true),
            ),
            (
                vec![header, "RemoteIPInternalProxyList list\n", pass, inside],
                (false, true),
            ),
            (vec![header, internal, &hosts, inside], (false, true)),
            (vec![header, internal, &hosts], (false, false)),
        ] {
            let text = parts.concat();
            assert_eq!(turned(&text), expected, "{text}");
        }
    }
}
