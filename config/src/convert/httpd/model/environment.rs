//! Variables of a request that keep modules away from it: `no-proxy` (`mod_proxy.c: proxy_trans()`) and `no-jk`
//! (`mod_jk.c: jk_translate()`). Both modules ask whether the variable is there, whatever its value is.

use super::super::tree::Node;
use super::programs::{is_program, is_run_by_type};
use super::sayable::{expression, is_about_parameters};

/// The modules that leave a request alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Excludes {
    pub(super) proxy: bool,
    pub(super) jk: bool,
}

impl Excludes {
    pub(super) const fn any(self) -> bool {
        self.proxy || self.jk
    }

    /// Adds the modules of others.
    pub(super) const fn add(&mut self, others: Self) {
        self.proxy |= others.proxy;
        self.jk |= others.jk;
    }
}

/// A line that sets variables for some requests: `SetEnvIf`, `BrowserMatch` and the like.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Setting {
    /// An expression for the paths of the requests; `None`: more than a path decides, or the expression has no counterpart.
    pub(super) pattern: Option<String>,
    pub(super) excludes: Excludes,
    /// The variables that it sets beside those.
    pub(super) others: Vec<String>,
}

/// Whether a line is `SetEnv no-jk`. mod_jk asks for the variable once more when it is to answer (`mod_jk.c: jk_handler()`);
/// mod_proxy asks before a `SetEnv` counts.
pub(super) fn silences(node: &Node) -> bool {
    let first = node.words().into_iter().next();
    node.name == "setenv" && first.is_some_and(|it| it.eq_ignore_ascii_case("no-jk"))
}

/// What a line sets; `None`: it is another directive.
pub(super) fn setting(node: &Node) -> Option<Setting> {
    let words = node.words();
    let (pattern, variables) = match (&*node.name, words.as_slice()) {
        ("setenvif" | "setenvifnocase", [what, pattern, variables @ ..]) => {
            let is_path = what.eq_ignore_ascii_case("request_uri");
            (is_path.then_some(pattern), variables)
        }
        ("browsermatch" | "browsermatchnocase" | "setenvifexpr", [_, variables @ ..]) => {
            (None, variables)
        }
        _ => return None,
    };
    let any_case = if node.name == "setenvifnocase" {
        "(?i)"
    } else {
        ""
    };
    let (excludes, others) = split(variables);
    Some(Setting {
        pattern: pattern
            .filter(|it| is_turnable(it))
            .map(|it| format!("{any_case}{it}")),
        excludes,
        others,
    })
}

/// What the flags of a `RewriteRule` set beside what becomes of the path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flagged {
    pub(super) excludes: Excludes,
    /// Whether they set an attribute of requests (`AJP_…`).
    pub(super) tells: bool,
    /// Whether they set a cookie.
    pub(super) cookie: bool,
    /// Whether they have a program answer (`H`, `T`).
    pub(super) runs: bool,
    /// Whether they have another handler of httpd's answer (`H`).
    pub(super) answers: bool,
    /// Whether they keep answers from being compressed (`E=no-gzip`).
    pub(super) stays_plain: bool,
}

/// What flags in their brackets set: `[E=no-proxy:1]`, `[CO=name:value:domain]`.
pub(super) fn flagged(flags: &str) -> Flagged {
    let mut found = Flagged::default();
    let flags = flags.trim_start_matches('[').trim_end_matches(']');
    for flag in flags.split(',') {
        let (key, value) = flag.trim().split_once('=').unwrap_or_default();
        match &*key.to_ascii_lowercase() {
            "e" | "env" => {
                let name = value.split(':').next().unwrap_or_default();
                let (excludes, _) = split(&[name.to_owned()]);
                found.excludes.add(excludes);
                found.tells |= name.starts_with("AJP_");
                found.stays_plain |= name.eq_ignore_ascii_case("no-gzip");
            }
            "co" | "cookie" => found.cookie = true,
            "h" | "handler" => {
                found.runs |= is_program(value);
                found.answers |= !matches!(
                    &*value.to_ascii_lowercase(),
                    "" | "none" | "default-handler" | "proxy-server"
                );
            }
            "t" | "type" => found.runs |= is_run_by_type(value),
            _ => {}
        }
    }
    found
}

/// The modules that variables keep away, and the other variables. `!name` takes a variable back: what it excluded before stays
/// excluded here.
fn split(variables: &[String]) -> (Excludes, Vec<String>) {
    let (mut excludes, mut others) = (Excludes::default(), Vec::new());
    for variable in variables {
        let name = variable.split('=').next().unwrap_or_default();
        match &*name.to_ascii_lowercase() {
            "no-proxy" => excludes.proxy = true,
            "no-jk" => excludes.jk = true,
            _ => others.push(name.to_owned()),
        }
    }
    (excludes, others)
}

/// Whether an expression finds the same here. Paths are compared decoded, without parameters and empty segments here.
pub(super) fn is_turnable(pattern: &str) -> bool {
    let is_other = is_about_parameters(pattern) || pattern.contains('%') || pattern.contains("//");
    !is_other && expression(pattern).is_ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::convert::note::Origin;

    fn set(written: &str, arguments: &str) -> Option<Setting> {
        setting(&Node {
            origin: Origin {
                file: Arc::from("httpd.conf"),
                line: 1,
            },
            name: written.to_ascii_lowercase(),
            written: written.to_owned(),
            arguments: arguments.to_owned(),
            children: None,
        })
    }

    #[test]
    fn every_way_to_keep_a_module_away_is_known() {
        let (proxy, jk) = ((true, false), (false, true));
        for (name, arguments, pattern, excludes, others) in [
            (
                "SetEnvIf",
                "Request_URI ^/b no-proxy",
                Some("^/b"),
                proxy,
                "",
            ),
            (
                "SetEnvIf",
                "request_uri ^/b NO-JK=0 dontlog",
                Some("^/b"),
                jk,
                "dontlog",
            ),
            (
                "SetEnvIfNoCase",
                "Request_URI ^/b no-proxy=\"\"",
                Some("(?i)^/b"),
                proxy,
                "",
            ),
            ("SetEnvIf", "Request_URI ^/(?!b) no-proxy", None, proxy, ""),
            ("SetEnvIf", "Request_URI ;x no-proxy", None, proxy, ""),
            (
                "SetEnvIf",
                "Host evil no-proxy no-jk",
                None,
                (true, true),
                "",
            ),
            (
                "SetEnvIf",
                "Request_URI ^/b !no-proxy",
                Some("^/b"),
                (false, false),
                "!no-proxy",
            ),
            ("SetEnvIfExpr", "true no-jk", None, jk, ""),
            (
                "BrowserMatch",
                "Bad no-proxy nokeepalive",
                None,
                proxy,
                "nokeepalive",
            ),
        ] {
            let found = set(name, arguments).expect(arguments);
            assert_eq!(found.pattern.as_deref(), pattern, "{arguments}");
            let Excludes { proxy, jk } = found.excludes;
            assert_eq!((proxy, jk), excludes, "{arguments}");
            assert_eq!(found.others.join(" "), others, "{arguments}");
        }
        assert_eq!(set("SetEnv", "no-proxy 1"), None);
    }

    #[test]
    fn flags_set_variables_and_cookies_beside_what_becomes_of_the_path() {
        for (flags, [proxy, jk, tells, cookie, runs]) in [
            ("[E=no-proxy:1]", [true, false, false, false, false]),
            ("[L,E=No-JK]", [false, true, false, false, false]),
            ("[env=AJP_X:v,CO=a:b:c]", [false, false, true, true, false]),
            ("[E=!no-proxy,L,NC]", [false; 5]),
            ("[F]", [false; 5]),
            ("[E=no-gzip:1]", [false; 5]),
            ("[H=cgi-script]", [false, false, false, false, true]),
            ("[H=default-handler]", [false; 5]),
            (
                "[T=application/x-httpd-php]",
                [false, false, false, false, true],
            ),
            ("[type=text/html]", [false; 5]),
        ] {
            let excludes = Excludes { proxy, jk };
            let expected = Flagged {
                excludes,
                tells,
                cookie,
                runs,
                answers: runs && flags.contains("H="),
                stays_plain: flags.contains("no-gzip"),
            };
            assert_eq!(flagged(flags), expected, "{flags}");
        }
    }
}
