//! `<IfModule>`, `<IfDefine>`, `<IfVersion>` and `<IfFile>`, which are decided while a file is read.

use std::cmp::Ordering;

use super::super::lex::Line;
use super::super::model::may_keep_out;
use super::super::tree::Node;
use super::ahead;
use super::state::Reader;

/// The version that `<IfVersion>` is decided for, where the third number does not matter: the files do not say it.
const VERSION: [u32; 3] = [2, 4, 62];

/// The largest third number that a version may have.
const LAST: u32 = 99;

/// How many `LoadModule` lines make a whole configuration. A piece of one says nothing about the modules beside it.
const WHOLE: usize = 8;

/// Modules that are compiled into httpd: by everybody, or by Debian (`apache2 -l`).
const BUILT_IN: [&str; 8] = [
    "core",
    "http",
    "so",
    "log_config",
    "logio",
    "unixd",
    "version",
    "watchdog",
];

/// The module for processes that is compiled in where none is loaded.
const PROCESSES: &str = "mpm_event";

/// Modules that distributions load, or that somebody who writes about them has loaded.
const USUAL: [&str; 39] = [
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
    "mime",
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
];

/// The bare name of a module, however it is spelt: that of its variable, of its source file, or without an ending.
pub(super) fn bare_name(name: &str) -> String {
    let name = name.trim();
    let name = name.split('.').next().unwrap_or(name);
    let name = name.strip_prefix("mod_").unwrap_or(name);
    let name = name.strip_suffix("_module").unwrap_or(name);
    // Source files that are called otherwise than their modules.
    match name {
        "event" | "worker" | "prefork" => format!("mpm_{name}"),
        "http_core" => "http".to_owned(),
        "util_ldap" => "ldap".to_owned(),
        name => name.to_owned(),
    }
}

impl Reader<'_> {
    /// Whether what is in the section counts; `None`: it is no condition that is decided here. `behind` are the lines behind its
    /// own one. What is skipped and may keep somebody out is named, or taken where nobody knows better.
    pub(super) fn condition(
        &mut self,
        node: &Node,
        behind: &[Line],
        is_about_paths: bool,
    ) -> Option<bool> {
        if node.name == "ifversion" && depends_on_version(node) {
            return Some(self.of_some_versions(node, behind, is_about_paths));
        }
        if self.holds(node)? {
            return Some(true);
        }
        let whole = ahead::whole(node, behind);
        let is_whole = self.modules.len() >= WHOLE;
        if !may_keep_out(&whole, is_about_paths) && (is_whole || !self.includes(&whole)) {
            return Some(false);
        }
        let (is_taken, text) = self.doubt(node)?;
        if let Some(text) = text {
            self.notes
                .name(&node.origin, format!("<{}>: {text}", node.written));
        }
        Some(is_taken)
    }

    /// Whether a section counts that is there in some versions of httpd 2.4 alone. What may keep somebody out counts, for the files
    /// do not say the version.
    fn of_some_versions(&mut self, node: &Node, behind: &[Line], is_about_paths: bool) -> bool {
        let whole = ahead::whole(node, behind);
        let keeps_out = may_keep_out(&whole, is_about_paths) || self.includes(&whole);
        let holds = is_version(node, VERSION);
        let text = match (keeps_out, holds) {
            (true, true) => return true,
            (true, false) => {
                "taken as in the versions of httpd that read it, because what stands there may keep somebody out; the files do not \
                 say which version it is"
            }
            (false, true) if lets_in(&whole) => {
                "taken as in httpd 2.4.62: it may let somebody in whom another version keeps out"
            }
            (false, _) => return holds,
        };
        self.notes
            .name(&node.origin, format!("<{}>: {text}", node.written));
        true
    }

    /// What becomes of a section that is skipped as far as the files say it, and may keep somebody out: whether it counts all the
    /// same, and what is said about it.
    fn doubt(&mut self, node: &Node) -> Option<(bool, Option<String>)> {
        let words = node.words();
        let first = words.first()?;
        let wanted = first.strip_prefix('!').unwrap_or(first);
        let name = bare_name(wanted);
        let is_whole = self.modules.len() >= WHOLE;
        Some(match &*node.name {
            "ifmodule" if wanted == first && is_whole => {
                let text = format!(
                    "left out, as in httpd: no LoadModule loads {wanted}; it may keep somebody out"
                );
                (false, Some(text))
            }
            "ifmodule" if wanted == first => {
                let text = format!(
                    "{wanted} is taken as loaded, because what stands there may keep somebody out; the files do not say which \
                     modules are loaded"
                );
                self.assumed.insert(name);
                (true, Some(text))
            }
            // Every httpd 2.4 has these: what stands there is for older ones.
            "ifmodule" if matches!(&*name, "authz_core" | "access_compat" | "authz_host") => {
                (false, None)
            }
            "ifmodule" if self.modules.contains(&name) || self.assumed.contains(&name) => {
                (false, None)
            }
            "ifmodule" => {
                let text = format!(
                    "left out, as in an httpd with {wanted}; it may keep somebody out where that is not loaded"
                );
                (false, Some(text))
            }
            "ifdefine" if wanted == first => {
                let text = format!(
                    "left out, as in an httpd that is started without -D {wanted}; it may keep somebody out: where it is started \
                     with it, give -D {wanted} here too"
                );
                (false, Some(text))
            }
            "iffile" => {
                let text =
                    "left out: on this machine the files are otherwise; it may keep somebody out";
                (false, Some(text.to_owned()))
            }
            _ => (false, None),
        })
    }

    /// Whether a section includes files that are there.
    fn includes(&self, node: &Node) -> bool {
        node.inner().iter().any(|inner| match &*inner.name {
            "include" | "includeoptional" => self.finds(inner),
            "use" => true,
            _ => self.includes(inner),
        })
    }

    fn holds(&self, node: &Node) -> Option<bool> {
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
            "ifversion" => return Some(is_version(node, VERSION)),
            _ => return None,
        };
        Some(holds != negated)
    }

    fn has_module(&self, name: &str) -> bool {
        let name = bare_name(name);
        let is = |known: &str| known == name;
        self.modules.contains(&name)
            || self.assumed.contains(&name)
            || BUILT_IN.iter().any(|known| is(known))
            || is(PROCESSES) && !self.modules.iter().any(|it| it.starts_with("mpm_"))
            || self.modules.len() < WHOLE && USUAL.iter().any(|known| is(known))
    }
}

/// Whether an `<IfVersion>` holds in some versions of httpd 2.4 and not in others.
fn depends_on_version(node: &Node) -> bool {
    let own = is_version(node, VERSION);
    (0..=LAST).any(|last| is_version(node, [VERSION[0], VERSION[1], last]) != own)
}

/// Whether an `<IfVersion>` holds for a version.
fn is_version(node: &Node, own: [u32; 3]) -> bool {
    let words = node.words();
    let first = words.first().map_or("", String::as_str);
    let (negated, wanted) = match first.strip_prefix('!') {
        Some(wanted) => (true, wanted),
        None => (false, first),
    };
    let (negated, operator) = match words.get(1) {
        Some(_) => (negated, wanted),
        None => (negated, "="),
    };
    let version = words.last().map_or("", String::as_str);
    compares(own, operator, version) != negated
}

/// Whether something in a section lets somebody in, or takes a restriction away.
fn lets_in(node: &Node) -> bool {
    let is_about = |name: &str| matches!(name, "require" | "allow" | "satisfy" | "order");
    let mut inner = node.inner().iter();
    inner.any(|it| is_about(&it.name) || lets_in(it))
}

/// Compares a version with another one as `mod_version.c` does. `~` and `/…/` are expressions.
fn compares(own: [u32; 3], operator: &str, version: &str) -> bool {
    let text = own.map(|number| number.to_string()).join(".");
    let expression = version
        .strip_prefix('/')
        .and_then(|it| it.strip_suffix('/'));
    if operator == "~" || expression.is_some() {
        let expression = expression.unwrap_or(version);
        return regex::Regex::new(expression).is_ok_and(|it| it.is_match(&text));
    }
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let wanted: [u32; 3] = std::array::from_fn(|_| numbers.next().unwrap_or(0));
    let order = own.cmp(&wanted);
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
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::convert::{Files, Wanted, convert};

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
            assert_eq!(
                compares(VERSION, operator, version),
                holds,
                "{operator} {version}"
            );
        }
    }

    #[test]
    fn modules_have_three_spellings() {
        for name in ["proxy_ajp_module", "mod_proxy_ajp.c", "mod_proxy_ajp"] {
            assert_eq!(bare_name(name), "proxy_ajp");
        }
        assert_eq!(bare_name("event.c"), bare_name("mpm_event_module"));
    }

    /// A file, and one beside it that it may include.
    struct Site(String);

    impl Files for Site {
        fn read(&self, file: &Path) -> Result<Vec<u8>, String> {
            match file.to_str() {
                Some("/httpd.conf") => Ok(self.0.clone().into()),
                Some("/acl.conf") => {
                    Ok("<Location /app>\nRequire all denied\n</Location>\n".into())
                }
                _ => Err("no such file".to_owned()),
            }
        }

        fn names(&self, _: &Path) -> Option<Vec<String>> {
            None
        }
    }

    /// Whether `/app` is closed, and how many remarks there are.
    fn turned(section: &str, modules: usize, defined: &[&str]) -> (bool, usize) {
        let modules: String = (0..modules)
            .map(|at| format!("LoadModule m{at}_module modules/m{at}.so\n"))
            .collect();
        let text = format!("{modules}{section}\nProxyPass /app ajp://10.0.0.1/app\n");
        let wanted = Wanted {
            httpd: Some(PathBuf::from("/httpd.conf")),
            defined: defined.iter().map(|it| (*it).to_owned()).collect(),
            ..Wanted::default()
        };
        let done = convert(&wanted, &Site(text), &|_| None).unwrap();
        let is_open = done
            .written
            .text
            .contains("- { path: /app, to: \"ajp://10.0.0.1/app\" }");
        (!is_open, done.remarks.len())
    }

    /// A text in a condition.
    fn around(condition: &str, text: &str) -> String {
        let name = condition.split(' ').next().unwrap();
        format!("<{condition}>\n{text}</{name}>\n")
    }

    #[test]
    fn skipped_sections_that_may_keep_somebody_out_are_taken_or_named() {
        let guard = "<Location /app>\nRequire all denied\n</Location>\n";
        let inside =
            "<Location /app>\n<IfModule mod_x.c>\nRequire all denied\n</IfModule>\n</Location>";
        for (section, modules, expected) in [
            (around("IfModule mod_x.c", guard), 0, (true, 1)),
            (around("IfModule mod_x.c", guard), 9, (false, 1)),
            (around("IfModule m1_module", guard), 9, (true, 0)),
            (around("IfModule log_config_module", guard), 9, (true, 0)),
            (around("IfModule mod_watchdog.c", guard), 9, (true, 0)),
            (around("IfModule http_core.c", guard), 9, (true, 0)),
            (around("IfModule event.c", guard), 9, (true, 0)),
            (around("IfModule prefork.c", guard), 9, (false, 1)),
            (inside.to_owned(), 0, (true, 1)),
            (
                around(
                    "IfModule mod_x.c",
                    "<Location /b>\nProxyPass !\n</Location>\n",
                ),
                0,
                (false, 1),
            ),
            (around("IfModule mod_x.c", "ServerAdmin a\n"), 0, (false, 0)),
            (
                around("IfModule mod_x.c", &around("IfModule mod_y.c", guard)),
                0,
                (true, 2),
            ),
            (
                around("IfModule mod_x.c", "Include acl.conf\n"),
                0,
                (true, 1),
            ),
            (
                around("IfModule mod_x.c", "Include none.conf\n"),
                0,
                (false, 0),
            ),
            (
                around("IfModule mod_x.c", "Include acl.conf\n"),
                9,
                (false, 0),
            ),
            (around("IfModule !mod_authz_core.c", guard), 0, (false, 0)),
            (around("IfModule !mod_ssl.c", guard), 0, (false, 1)),
            (around("IfModule !mod_x.c", guard), 0, (true, 0)),
            (around("IfDefine SECURE", guard), 0, (false, 1)),
            (around("IfDefine !SET", guard), 0, (false, 0)),
            (around("IfDefine SET", guard), 0, (true, 0)),
            (around("IfFile none", guard), 0, (false, 1)),
        ] {
            assert_eq!(turned(&section, modules, &["SET"]), expected, "{section}");
        }
    }

    #[test]
    fn sections_of_some_versions_count_where_they_may_keep_somebody_out() {
        let guard = "<Location /app>\nRequire all denied\n</Location>\n";
        for (section, modules, expected) in [
            (around("IfVersion < 2.3", guard), 0, (false, 0)),
            (around("IfVersion >= 2.4.63", guard), 0, (true, 1)),
            (around("IfVersion < 2.4.10", guard), 0, (true, 1)),
            (around("IfVersion !>= 2.4.10", guard), 0, (true, 1)),
            (around("IfVersion >= 2.4.10", guard), 0, (true, 0)),
            (around("IfVersion ~ ^2.4.6[3-9]$", guard), 0, (true, 1)),
            (
                around("IfVersion >= 2.4.63", "ServerAdmin a\n"),
                0,
                (false, 0),
            ),
            (
                around(
                    "IfVersion >= 2.4.10",
                    "<Location /app>\nRequire all granted\n</Location>\n",
                ),
                0,
                (false, 1),
            ),
            (
                around("IfVersion >= 2.4.63", &around("IfVersion < 2.4", guard)),
                0,
                (false, 1),
            ),
        ] {
            assert_eq!(turned(&section, modules, &[]), expected, "{section}");
        }
    }

    #[test]
    fn a_module_that_is_taken_as_loaded_is_so_from_there_on_and_named_once() {
        let text =
            "<IfModule mod_x.c>\n<Location /app>\nRequire all denied\n</Location>\n</IfModule>\n";
        let text = format!(
            "{text}{text}<IfModule !mod_x.c>\n<Location /app>\nRequire all granted\n</Location>\n</IfModule>\n"
        );
        assert_eq!(turned(&text, 0, &[]), (true, 1));
    }
}
