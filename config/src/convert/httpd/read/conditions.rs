//! `<IfModule>`, `<IfDefine>`, `<IfVersion>` and `<IfFile>`, which are decided while a file is read.

use std::cmp::Ordering;

use super::super::tree::Node;
use super::state::Reader;

/// The version that `<IfVersion>` is decided for: the first three numbers.
const VERSION: [u32; 3] = [2, 4, 62];

/// How many `LoadModule` lines make a whole configuration. A piece of one says nothing about the modules beside it.
const WHOLE: usize = 8;

/// Modules that are part of every httpd.
const BUILT_IN: [&str; 5] = ["core", "http", "so", "unixd", "version"];

/// Modules that distributions load, or that somebody who writes about them has loaded.
const USUAL: [&str; 44] = [
    "access_compat",
    "actions",
    "alias",
    "auth_basic",
    "authn_core",
    "authn_file",
    "authz_core",
    "authz_host",
    "authz_user",
    "autoindex",
    "deflate",
    "dir",
    "env",
    "expires",
    "filter",
    "headers",
    "http2",
    "jk",
    "lbmethod_bybusyness",
    "lbmethod_byrequests",
    "lbmethod_bytraffic",
    "log_config",
    "logio",
    "mime",
    "mpm_event",
    "negotiation",
    "proxy",
    "proxy_ajp",
    "proxy_balancer",
    "proxy_hcheck",
    "proxy_http",
    "proxy_wstunnel",
    "remoteip",
    "reqtimeout",
    "rewrite",
    "setenvif",
    "slotmem_shm",
    "socache_shmcb",
    "ssl",
    "status",
    "substitute",
    "vhost_alias",
    "watchdog",
    "event",
];

/// The bare name of a module, however it is spelt: that of its variable, of its source file, or without an ending.
pub(super) fn bare_name(name: &str) -> String {
    let name = name.trim();
    let name = name.split('.').next().unwrap_or(name);
    let name = name.strip_prefix("mod_").unwrap_or(name);
    name.strip_suffix("_module").unwrap_or(name).to_owned()
}

impl Reader<'_> {
    /// Whether what is in the section counts; `None`: it is no condition that is decided here.
    pub(super) fn condition(&mut self, node: &Node) -> Option<bool> {
        let words = node.words();
        let first = words.first().map_or("", String::as_str);
        let (negated, wanted) = match first.strip_prefix('!') {
            Some(wanted) => (true, wanted),
            None => (false, first),
        };
        let holds = match &*node.name {
            "ifmodule" => self.has_module(wanted),
            "ifdefine" => self.defined.contains_key(wanted),
            "iffile" => {
                let path = crate::convert::files::below(&self.root, wanted);
                !self.options.files.is_missing(&path)
            }
            "ifversion" => {
                let (negated, operator) = match words.get(1) {
                    Some(_) => (negated, wanted),
                    None => (negated, "="),
                };
                let version = words.last().map_or("", String::as_str);
                return Some(is_version(operator, version) != negated);
            }
            _ => return None,
        };
        Some(holds != negated)
    }

    fn has_module(&self, name: &str) -> bool {
        let name = bare_name(name);
        let is = |known: &str| known == name;
        self.modules.contains(&name)
            || BUILT_IN.iter().any(|known| is(known))
            || self.modules.len() < WHOLE && USUAL.iter().any(|known| is(known))
    }
}

/// Compares [`VERSION`] with a version as `mod_version.c` does. `~` and `/…/` are expressions.
fn is_version(operator: &str, version: &str) -> bool {
    let own = VERSION.map(|number| number.to_string()).join(".");
    let expression = version
        .strip_prefix('/')
        .and_then(|it| it.strip_suffix('/'));
    if operator == "~" || expression.is_some() {
        let expression = expression.unwrap_or(version);
        return regex::Regex::new(expression).is_ok_and(|it| it.is_match(&own));
    }
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let wanted: [u32; 3] = std::array::from_fn(|_| numbers.next().unwrap_or(0));
    let order = VERSION.cmp(&wanted);
    match operator {
        ">" => order == Ordering::Greater,
        ">=" => order != Ordering::Less,
        "<" => order == Ordering::Less,
        "<=" => order != Ordering::Greater,
        _ => order == Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_number_by_number() {
        for (operator, version, holds) in [
            (">=", "2.4", true),
            ("<", "2.3", false),
            (">", "2.10", false),
            ("<=", "2.4.62", true),
            ("=", "2.4.62", true),
            ("~", "^2\\.4", true),
            ("=", "/^2.2/", false),
        ] {
            assert_eq!(is_version(operator, version), holds, "{operator} {version}");
        }
    }

    #[test]
    fn modules_have_three_spellings() {
        for name in ["proxy_ajp_module", "mod_proxy_ajp.c", "mod_proxy_ajp"] {
            assert_eq!(bare_name(name), "proxy_ajp");
        }
    }
}
