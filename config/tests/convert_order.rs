//! Generated lists of rules: what httpd's order decides is what the mappings decide, and nobody comes in who was kept out.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use ajpgate_config::convert::{Asked, Converted, Deed, Files, Wanted, convert};
use ajpgate_config::{Action, CapturePart, Config, Mapping, Target};
use proptest::prelude::*;
use regex::Regex;

/// One file.
struct One(String);

impl Files for One {
    fn read(&self, file: &Path) -> Result<Vec<u8>, String> {
        match file == Path::new("/httpd.conf") {
            true => Ok(self.0.clone().into_bytes()),
            false => Err("no such file".to_owned()),
        }
    }

    fn names(&self, _: &Path) -> Option<Vec<String>> {
        None
    }
}

const PATHS: [&str; 6] = ["/", "/a", "/a/b", "/ab", "/b", "/b/c"];
const PATTERNS: [&str; 4] = ["\\.bak$", "^/a/(.*)x", "^/(b|ab)/", "c"];
const ASKED: [&str; 12] = [
    "/",
    "/a",
    "/a/b",
    "/a/b/c",
    "/a/x",
    "/ab",
    "/ab/y.bak",
    "/b",
    "/b/c",
    "/b/c/d",
    "/b/z.bak",
    "/c",
];

/// A rule or a section.
#[derive(Debug, Clone)]
enum Line {
    Pass {
        path: usize,
        exclude: bool,
        located: bool,
    },
    Match {
        pattern: usize,
        exclude: bool,
    },
    Deny {
        path: usize,
        denied: bool,
    },
}

fn line() -> impl Strategy<Value = Line> {
    prop_oneof![
        4 => (0..PATHS.len(), any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(path, exclude, located)| Line::Pass { path, exclude, located }),
        1 => (0..PATTERNS.len(), any::<bool>())
            .prop_map(|(pattern, exclude)| Line::Match { pattern, exclude }),
        1 => (0..PATHS.len(), any::<bool>()).prop_map(|(path, denied)| Line::Deny { path, denied }),
    ]
}

/// The target of a rule, by its number.
fn target(number: usize) -> String {
    format!("ajp://10.0.0.{}:8009/t", number + 1)
}

fn text_of(lines: &[Line], first: usize) -> String {
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let url = target(first + number);
        text += &match line {
            Line::Pass {
                path,
                exclude,
                located,
            } => {
                let to = if *exclude { "!".to_owned() } else { url };
                match located {
                    true => format!("<Location {}>\nProxyPass {to}\n</Location>\n", PATHS[*path]),
                    false => format!("ProxyPass {} {to}\n", PATHS[*path]),
                }
            }
            Line::Match { pattern, exclude } => {
                let to = if *exclude { "!".to_owned() } else { url };
                format!("ProxyPassMatch {} {to}\n", PATTERNS[*pattern])
            }
            Line::Deny { path, denied } => {
                let who = if *denied { "denied" } else { "granted" };
                format!(
                    "<Location {}>\nRequire all {who}\n</Location>\n",
                    PATHS[*path]
                )
            }
        };
    }
    text
}

fn covers(above: &str, path: &str) -> bool {
    let rest = path.strip_prefix(above.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn joined(base: &str, rest: &str) -> String {
    match rest.trim_start_matches('/') {
        "" => base.trim_end_matches('/').to_owned(),
        rest => format!("{}/{rest}", base.trim_end_matches('/')),
    }
}

/// What httpd does: the url that is asked, and whether everybody is kept out.
fn old(lines: &[Line], first: usize, path: &str) -> (Option<String>, bool) {
    let mut denied = false;
    for line in lines {
        if let Line::Deny {
            path: at,
            denied: now,
        } = line
            && covers(PATHS[*at], path)
        {
            denied = *now;
        }
    }
    let located = |line: &Line| matches!(line, Line::Pass { located: true, .. });
    let numbered: Vec<(usize, &Line)> = lines.iter().enumerate().collect();
    let sections = numbered.iter().rev().filter(|(_, line)| located(line));
    let rest = numbered.iter().filter(|(_, line)| !located(line));
    for (number, line) in sections.chain(rest) {
        let url = target(first + number);
        let (found, exclude) = match line {
            Line::Pass {
                path: at, exclude, ..
            } if covers(PATHS[*at], path) => {
                let rest = path.get(PATHS[*at].trim_end_matches('/').len()..).unwrap();
                (joined(&url, rest), exclude)
            }
            Line::Match { pattern, exclude }
                if Regex::new(PATTERNS[*pattern]).unwrap().is_match(path) =>
            {
                (joined(&url, path), exclude)
            }
            _ => continue,
        };
        return match exclude {
            true => (None, denied),
            false => (Some(found), denied),
        };
    }
    (None, denied)
}

/// What the mappings do.
fn new(config: &Config, host: &str, path: &str) -> (Option<String>, bool) {
    let on_host =
        |mapping: &&Mapping| mapping.hosts.is_empty() || mapping.hosts.iter().any(|it| it == host);
    let takes = |mapping: &&Mapping| match &mapping.pattern {
        Some(pattern) => pattern.letters().is_match(path),
        None => covers(&mapping.path, path),
    };
    let fitting: Vec<&Mapping> = config
        .mappings
        .iter()
        .filter(on_host)
        .filter(takes)
        .collect();
    let excluded = fitting.iter().find(|it| it.action == Action::Exclude);
    let matched = fitting.iter().find(|it| it.pattern.is_some());
    let longest = fitting
        .iter()
        .max_by_key(|it| (it.path.len(), !it.hosts.is_empty()));
    let Some(mapping) = excluded.or(matched).or(longest) else {
        return (None, false);
    };
    let denied = !mapping.access.deny.is_empty();
    let Action::Forward(Target::Member(member)) = &mapping.action else {
        return (None, denied);
    };
    let base = format!("ajp://{}:{}", member.url.host, member.url.port);
    let sent = match (&mapping.rewriting.path, &mapping.pattern) {
        (Some(text), Some(pattern)) => {
            let captures = pattern.letters().captures(path).unwrap();
            let parts = text.parts().iter().map(|part| match part {
                CapturePart::Text(text) => text.as_str(),
                CapturePart::Group(group) => captures.get(*group).map_or("", |it| it.as_str()),
            });
            joined(&base, &parts.collect::<String>())
        }
        _ => {
            let rest = path
                .get(mapping.path.trim_end_matches('/').len()..)
                .unwrap();
            joined(&joined(&base, &member.url.path), rest)
        }
    };
    (Some(sent), denied)
}

/// What the old server is said to do with a path must be what it does here.
fn told_alike(
    converted: &Converted,
    text: &str,
    host: &str,
    path: &str,
    old: &(Option<String>, bool),
) {
    let asked = Asked {
        secure: false,
        host: host.to_owned(),
        port: None,
        path: path.to_owned(),
        query: None,
        from: IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let told = converted.old.told(&asked).unwrap();
    // Slashes are not told apart here.
    let bare = |url: &str| url.replace('/', "");
    match (&told.deed, old) {
        (Deed::Sent { backends, .. }, (Some(url), false)) => {
            let found: Vec<String> = backends
                .iter()
                .map(|it| format!("{}{}", it.address, it.path))
                .collect();
            assert_eq!(
                found.iter().map(|it| bare(it)).collect::<Vec<_>>(),
                [bare(url)],
                "{host} {path}\n{text}"
            );
        }
        (Deed::Answered { status: 403, .. }, (_, true)) => {}
        (Deed::Answered { status: 404, .. }, (None, false)) => {}
        _ => panic!("{host} {path}: {told:?}, expected {old:?}\n{text}"),
    }
}

fn converted(text: String) -> (String, Converted, Config) {
    let wanted = Wanted {
        httpd: Some(PathBuf::from("/httpd.conf")),
        ..Wanted::default()
    };
    let converted = convert(&wanted, &One(text.clone()), &|_| None).unwrap();
    let again = convert(&wanted, &One(text), &|_| None).unwrap();
    assert_eq!(converted.written.text, again.written.text);
    let yaml = converted.written.text.clone();
    let loaded = ajpgate_config::parse(&yaml, Path::new("new.yaml"), &|_| None);
    (
        yaml.clone(),
        converted,
        loaded
            .unwrap_or_else(|problems| panic!("{problems}\n{yaml}"))
            .config,
    )
}

fn same(
    text: &str,
    yaml: &str,
    path: &str,
    old: &(Option<String>, bool),
    new: &(Option<String>, bool),
    exact: bool,
) {
    let told = format!("{path}\n{text}\n{yaml}\nold {old:?}, new {new:?}");
    // The seam: a slash at the end of the whole url is not told apart.
    let bare = |url: &Option<String>| url.as_ref().map(|it| it.trim_end_matches('/').to_owned());
    assert_eq!(bare(&old.0), bare(&new.0), "{told}");
    if old.0.is_some() {
        assert!(new.1 || !old.1, "somebody comes in: {told}");
        assert!(!exact || new.1 == old.1, "{told}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_httpd_is_kept(lines in prop::collection::vec(line(), 1..8)) {
        let text = format!("Listen 80\n{}", text_of(&lines, 0));
        let (yaml, turned, config) = converted(text.clone());
        let exact = !lines.iter().any(|line| matches!(line, Line::Match { .. }));
        for path in ASKED {
            told_alike(&turned, &text, "a.example.com", path, &old(&lines, 0, path));
            same(&text, &yaml, path, &old(&lines, 0, path), &new(&config, "a.example.com", path), exact);
        }
    }

    #[test]
    fn hosts_have_their_own_rules(
        first in prop::collection::vec(line(), 1..5),
        second in prop::collection::vec(line(), 1..5),
    ) {
        let mut text = "Listen 80\n".to_owned();
        let hosts = [("a.example.com", &first, 0), ("b.example.com", &second, 20)];
        for (name, lines, number) in hosts {
            text += &format!("<VirtualHost *:80>\nServerName {name}\n{}</VirtualHost>\n", text_of(lines, number));
        }
        let (yaml, turned, config) = converted(text.clone());
        for path in ASKED {
            for (host, (_, lines, number)) in [("a.example.com", hosts[0]), ("b.example.com", hosts[1]), ("other", hosts[0])] {
                told_alike(&turned, &text, host, path, &old(lines, number, path));
                same(&format!("{host} {text}"), &yaml, path, &old(lines, number, path), &new(&config, host, path), false);
            }
        }
    }
}

/// Words and lines of many kinds.
const WORDS: [&str; 82] = [
    "ProxyPass",
    "<Proxy",
    "</Proxy>",
    "balancer://b",
    "ajp://h:8009/",
    "/a",
    "!",
    "Require",
    "ip",
    "10",
    "Header",
    "set",
    "RewriteRule",
    "^/(.*)",
    "[P]",
    "[R=301,L]",
    "<VirtualHost",
    "*:80>",
    "</VirtualHost>",
    "ServerName",
    "x.example.com",
    "\n",
    "\n",
    "\n",
    "BalancerMember",
    "route=a",
    "secret=\"",
    "max=5",
    "timeout=0",
    "status=+H",
    "<Location",
    "/p>",
    "</Location>",
    "${X}",
    "Define",
    "X",
    "\\\n",
    "#",
    "\"",
    "é",
    "Redirect",
    "gone",
    "Allow",
    "from",
    "all",
    "Order",
    "DocumentRoot",
    "Alias",
    "ErrorDocument",
    "404",
    "SSLEngine",
    "on",
    "Listen",
    "443",
    "https",
    "ProxySet",
    "lbmethod=x",
    "<LocationMatch",
    "\"^/(?!a)\">",
    "\"[^/]+;x\">",
    "</LocationMatch>",
    "<If",
    "\"true\">",
    "</If>",
    "all",
    "denied",
    "ProxyPassMatch",
    "\"^/a(?=b)\"",
    "ajp://h/sp ace",
    "\"ajp://h/sp ace/%zz\"",
    "\"ajp://h/é;x\"",
    "\"/sp ace\"",
    "/a/../b",
    "<Location \"/sp ace\">\nRequire ip 10\n<If \"x\">\nRequire all denied\n</If>\n</Location>\n",
    "<Location \"/%zz\">\nProxyPass ajp://h/\nSatisfy Any\nRequire ip 10\n</Location>\n",
    "RewriteEngine On\nRewriteCond %{X} y\nRewriteRule ^/(?!x) - [F]\n",
    "RewriteRule ^/x;y /z [PT]\n",
    "SSLVerifyClient require",
    "RedirectMatch 403 ^/(?=x)\n",
    "SetEnvIf Request_URI ^/(?!b) no-proxy\n",
    "AuthType Basic",
    "AuthUserFile users",
];

/// Words in any order.
fn anything() -> impl Strategy<Value = String> {
    let words = prop::sample::select(WORDS.to_vec());
    // Most of its lines are those of an httpd, so that it is read as one.
    let known = "ServerAdmin a\n".repeat(60);
    prop::collection::vec(words, 0..60).prop_map(move |words| known.clone() + &words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_stands_in_a_file_what_is_written_can_be_read(text in anything()) {
        let wanted = Wanted { httpd: Some(PathBuf::from("/httpd.conf")), ..Wanted::default() };
        if let Ok(converted) = convert(&wanted, &One(text.clone()), &|_| None) {
            let refused = converted.remarks.iter().find(|it| it.text.contains("`check` refuses"));
            prop_assert!(refused.is_none(), "{refused:?}\n{text}");
            let yaml = converted.written.text;
            if let Err(problems) = ajpgate_config::parse(&yaml, Path::new("new.yaml"), &|_| None) {
                panic!("{problems}\n{text}\n{yaml}");
            }
        }
    }

    #[test]
    fn no_bytes_cause_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        struct Bytes(BTreeMap<PathBuf, Vec<u8>>);
        impl Files for Bytes {
            fn read(&self, file: &Path) -> Result<Vec<u8>, String> {
                self.0.get(file).cloned().ok_or_else(String::new)
            }
            fn names(&self, _: &Path) -> Option<Vec<String>> {
                None
            }
        }
        let file = PathBuf::from("/httpd.conf");
        let wanted = Wanted { httpd: Some(file.clone()), ..Wanted::default() };
        let _ = convert(&wanted, &Bytes(BTreeMap::from([(file, bytes)])), &|_| None);
    }
}

/// Lines in which `%` stands for a path, `@` for a url, `&` for parameters and `~` for a name of a host.
const ODD_LINES: [&str; 40] = [
    "ProxyPass % @ &",
    "ProxyPass \"%\" \"@\" &",
    "ProxyPass % @%",
    "ProxyPass % !",
    "ProxyPassMatch ^% @ &",
    "ProxyPassMatch ^%(.*)$ @$1 &",
    "ProxyPassMatch ^/(a|b)% \"@/$1/%\"",
    "<Location \"%\">\nProxyPass \"@\" &\nRequire ip 10\n</Location>",
    "<LocationMatch \"^%\">\nProxyPass \"@\" &\nRequire all denied\n</LocationMatch>",
    "<Location %>\nRequire ip ~\n</Location>",
    "<Proxy balancer://b>\nBalancerMember @ &\nProxySet &\n</Proxy>",
    "BalancerMember balancer://b @ &",
    "<Proxy \"@\">\nProxySet &\nRequire all denied\n</Proxy>",
    "<VirtualHost *:80>\nServerName ~\nServerAlias ~ ~\nProxyPass % @ &\n</VirtualHost>",
    "<VirtualHost ~:80>\nServerName ~\nRedirect % @\n</VirtualHost>",
    "<VirtualHost *:443>\nSSLEngine on\nSSLCertificateFile %\nServerName ~\n</VirtualHost>",
    "RewriteEngine On\nRewriteRule ^%(.*)$ @$1 [P]",
    "RewriteEngine On\nRewriteRule ^% \"@%?a=%\" [P,L]",
    "RewriteEngine On\nRewriteRule ^%$ \"@%\" [R=301,L]",
    "RewriteEngine On\nRewriteRule ^% - [F]",
    "Redirect % @",
    "Redirect 301 \"%\" \"@%\"",
    "Redirect 99 % @",
    "RedirectMatch ^%(.*) \"@$1%\"",
    "RedirectMatch 410 %",
    "ErrorDocument 404 %",
    "ErrorDocument 99 %",
    "ProxyErrorOverride On 99 404 x",
    "Header set ~ \"%\"",
    "RequestHeader set \"~\" \"@\"",
    "SetEnv AJP_~ \"%\"",
    "SetEnvIf Request_URI \"^%\" no-proxy",
    "Listen ~:80",
    "Listen 99999",
    "HeartbeatListen ~",
    "HeartbeatStorage %",
    "RemoteIPHeader ~\nRemoteIPTrustedProxy ~",
    "CustomLog \"%\" \"%h %\"",
    "LimitRequestFields ~\nLimitRequestLine 99999999999999999999",
    "Timeout 99999999999\nProxyTimeout 0\nServerLimit 99999999",
];
const ODD_PATHS: [&str; 22] = [
    "/", "/a", "/a/", "/a;v=1", "/a#f", "/a b", "/é", "/a|b", "/{x}", "/a^", "/a\\b", "/<x>", "/.",
    "/a/../b", "//a", "/a$1", "/a?b=c", "/%41", "/*", "/a\"", "a", "/${X}",
];
const ODD_URLS: [&str; 18] = [
    "ajp://h",
    "ajp://h/",
    "ajp://h:0/",
    "ajp://h:99999",
    "http://h/a;v=1",
    "http://h/#f",
    "http://[::1]:80/é",
    "http://[::g]/",
    "https://u:p@h/",
    "balancer://b",
    "balancer://B/x",
    "balancer://b$1",
    "balancer://none",
    "balancer://b?x",
    "unix:/s|http://h/",
    "ws://h/",
    "ftp://h/a b",
    "/x",
];
const ODD_PARAMETERS: [&str; 30] = [
    "",
    "min=5 max=2",
    "min=500",
    "max=0",
    "max=99999999",
    "lbmethod=heartbeat",
    "lbmethod=x",
    "failonstatus=99",
    "failonstatus=503,600",
    "failonstatus=,",
    "route=a.b",
    "route=é",
    "redirect=",
    "loadfactor=0",
    "loadfactor=1000",
    "loadfactor=1.239",
    "lbset=100",
    "retry=-1",
    "timeout=99999999999999",
    "ttl=1ms",
    "ping=0",
    "secret=",
    "secret=${X",
    "stickysession=a;b",
    "stickysession=A|b|c",
    "status=XYZ",
    "maxattempts=-1",
    "hcmethod=GET hcinterval=0 hcpasses=0 hcfails=99999 hcuri=x",
    "iobuffersize=1 packetsize=9",
    "acquire=0 timeout=0",
];
const ODD_NAMES: [&str; 14] = [
    "x.example.com",
    "*.example.com",
    "*",
    "www.*",
    "a_b",
    "-",
    "é.example",
    "10.0.0.1",
    "[::1]",
    "x:80",
    "a b",
    "X-é",
    "${X}",
    "10.0.0.0/33",
];

/// Files of valid lines with odd values.
fn odd() -> impl Strategy<Value = String> {
    let line = (
        prop::sample::select(&ODD_LINES[..]),
        prop::collection::vec(any::<prop::sample::Index>(), 12),
    );
    let line = line.prop_map(|(line, choices)| {
        let mut choices = choices.iter().cycle();
        let mut text = String::new();
        for letter in line.chars() {
            let list = match letter {
                '%' => &ODD_PATHS[..],
                '@' => &ODD_URLS[..],
                '&' => &ODD_PARAMETERS[..],
                '~' => &ODD_NAMES[..],
                letter => {
                    text.push(letter);
                    continue;
                }
            };
            text.push_str(choices.next().unwrap().get::<&str>(list));
        }
        text
    });
    prop::collection::vec(line, 1..6).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn whatever_values_lines_have_what_is_written_can_be_read(text in odd()) {
        let wanted = Wanted { httpd: Some(PathBuf::from("/httpd.conf")), ..Wanted::default() };
        if let Ok(converted) = convert(&wanted, &One(text.clone()), &|_| None) {
            let yaml = converted.written.text;
            if let Err(problems) = ajpgate_config::parse(&yaml, Path::new("new.yaml"), &|_| None) {
                panic!("{problems}\n{text}\n{yaml}");
            }
        }
    }
}

const GUARDED: [&str; 6] = ["^/a/", "^/a/b", "^/ab?", "c$", "^/b|^/a/x", "\\.bak$"];

/// A rule or a section by expression, behind the others or before them.
#[derive(Debug, Clone)]
struct Guard {
    pattern: usize,
    /// `Require all granted`, `denied`, fields only, or `[F]`.
    kind: usize,
    first: bool,
}

impl Guard {
    fn text(&self) -> String {
        let pattern = GUARDED[self.pattern];
        let inner = match self.kind {
            0 => "Require all granted",
            1 => "Require all denied",
            2 => "Header set X-Guard seen",
            _ => return format!("RewriteRule {pattern} - [F]\n"),
        };
        format!("<LocationMatch \"{pattern}\">\n{inner}\n</LocationMatch>\n")
    }

    /// Whether somebody is kept out behind it, where `denied` says whether it was so before.
    fn behind(&self, denied: bool, path: &str) -> bool {
        match self.kind {
            0 | 1 if Regex::new(GUARDED[self.pattern]).unwrap().is_match(path) => self.kind == 1,
            _ => denied,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn expressions_of_sections_open_nothing(
        lines in prop::collection::vec(line(), 1..6),
        guards in prop::collection::vec((0..GUARDED.len(), 0..4_usize, any::<bool>()), 1..5),
    ) {
        let guards: Vec<Guard> = guards
            .into_iter()
            .map(|(pattern, kind, first)| Guard { pattern, kind, first })
            .collect();
        let part = |first: bool| guards.iter().filter(move |it| it.first == first);
        let texts = |first: bool| part(first).map(Guard::text).collect::<String>();
        let text = format!(
            "Listen 80\nRewriteEngine On\n{}{}{}",
            texts(true),
            text_of(&lines, 0),
            texts(false)
        );
        let (yaml, _, config) = converted(text.clone());
        for path in ASKED {
            let mut denied = part(true).fold(false, |denied, it| it.behind(denied, path));
            for line in &lines {
                if let Line::Deny { path: at, denied: now } = line && covers(PATHS[*at], path) {
                    denied = *now;
                }
            }
            denied = part(false).fold(denied, |denied, it| it.behind(denied, path));
            let forbids = |it: &&Guard| {
                it.kind == 3 && Regex::new(GUARDED[it.pattern]).unwrap().is_match(path)
            };
            denied |= guards.iter().any(|it| forbids(&it));
            let (sent, closed) = new(&config, "a.example.com", path);
            prop_assert!(
                !denied || closed || sent.is_none(),
                "somebody comes in: {path}\n{text}\n{yaml}"
            );
        }
    }
}
