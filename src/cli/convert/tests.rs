//! The old server, asked by its own rules, and the YAML, asked as a gateway is, do the same; or it is said how they differ.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use ajpgate_config::convert::{Converted, Files, Wanted, convert};
use proptest::prelude::*;

use super::explained::Explained;
use super::report;
use super::trial::Trial;

/// Files of a test, all in `/`.
struct Memory(Vec<(&'static str, String)>);

impl Files for Memory {
    fn read(&self, file: &Path) -> Result<Vec<u8>, String> {
        let mut found = self.0.iter().filter(|it| Path::new(it.0) == file);
        let found = found.next().ok_or("no such file")?;
        Ok(found.1.clone().into_bytes())
    }

    fn names(&self, _: &Path) -> Option<Vec<String>> {
        None
    }

    fn is_folder(&self, _: &Path) -> bool {
        true
    }
}

fn of_httpd(text: &str) -> Converted {
    let files = Memory(vec![("/httpd.conf", text.to_owned())]);
    let wanted = Wanted {
        httpd: Some(PathBuf::from("/httpd.conf")),
        ..Wanted::default()
    };
    convert(&wanted, &files, &|_| None).unwrap_or_else(|failure| panic!("{failure}\n{text}"))
}

fn of_mod_jk(workers: &str, map: &str) -> Converted {
    let files = Memory(vec![("/w", workers.to_owned()), ("/m", map.to_owned())]);
    let wanted = Wanted {
        workers: Some(PathBuf::from("/w")),
        uriworkermap: Some(PathBuf::from("/m")),
        ..Wanted::default()
    };
    convert(&wanted, &files, &|_| None).unwrap()
}

/// Asks both about each URL. A difference without a reason is a fault.
fn compare(converted: &Converted, old: &str, urls: impl Iterator<Item = String>) {
    let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let yaml = &converted.written.text;
    let trial = Trial::of(yaml).unwrap_or_else(|error| panic!("{error}\n{old}\n{yaml}"));
    for url in urls {
        let explained = Explained::of(converted, &trial, &url, from).unwrap();
        assert!(
            explained.has_reason(),
            "{explained}\n{old}\n{yaml}\n{:?}",
            converted.remarks
        );
    }
}

#[test]
fn a_disabled_member_gets_the_path_of_its_own_url() {
    let converted = of_httpd(
        "<Proxy balancer://shop>\n\
         BalancerMember ajp://10.0.0.1:8009\n\
         BalancerMember ajp://10.0.0.2:8009/own status=D\n\
         </Proxy>\n\
         ProxyPass /app balancer://shop/app\n",
    );
    let trial = Trial::of(&converted.written.text).unwrap();
    let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
    for url in ["http://x.example.com/app/x", "http://x.example.com/app"] {
        let explained = Explained::of(&converted, &trial, url, from).unwrap();
        assert!(explained.is_same(), "{explained}");
    }
}

#[test]
fn lines_that_decide_are_looked_at_in_the_old_server_too() {
    let text = "Listen 80\nAllowEncodedSlashes NoDecode\nDocumentRoot /srv/x\nRewriteEngine On\nRewriteRule ^/app/h - [H=server-info]\n\
                <Directory /srv>\nRedirectMatch ^/$ /app/\n</Directory>\n\
                SecRule REQUEST_URI \"@beginsWith /app/secret\" \"id:1,deny\"\n\
                ProxyPass /app ajp://10.0.0.1:8009/app\n";
    let converted = of_httpd(text);
    let trial = Trial::of(&converted.written.text).unwrap();
    let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
    for (path, said) in [
        ("/", "\n  same\n"),
        ("/app/a%2Fb", "\n  same\n"),
        ("/app/h", "same    unless one of these decides"),
        ("/app/secret/x", "SecRule refuses requests"),
    ] {
        let url = format!("http://x.example.com{path}");
        let explained = Explained::of(&converted, &trial, &url, from).unwrap();
        let text = explained.to_string();
        assert!(text.contains(said), "{text}");
        assert!(explained.has_reason(), "{text}");
    }
}

#[test]
fn what_httpd_does_itself_is_told_as_it_does_it() {
    let text = "Listen 80\nDocumentRoot /srv/x\nAllowEncodedSlashes On\nFallbackResource /app/index.jsp\n\
                UserDir /srv/homes\nUserDir disabled root\n\
                <Location /h>\nSetHandler \"proxy:ajp://10.0.0.1:8009/app\"\n</Location>\n\
                ProxyPass /app ajp://10.0.0.1:8009/app\n\
                ProxyPass /en http://10.0.0.2/a%20b\nProxyPass /raw http://10.0.0.2/a%20b nocanon\n";
    let converted = of_httpd(text);
    let trial = Trial::of(&converted.written.text).unwrap();
    let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
    for (path, said) in [
        (
            "/x",
            "FallbackResource: what is no file goes on as /app/index.jsp",
        ),
        ("/~joe/x", "old     the file /srv/homes/joe/x"),
        ("/~root/x", "old     the file /srv/x/~root/x"),
        (
            "/h/x",
            "old     sends /app/srv/x/h/x to ajp://10.0.0.1:8009",
        ),
        ("/en/x", "old     sends /a%2520b/x to"),
        ("/en/x", "differs the path is another one"),
        ("/raw/x", "\n  same\n"),
        ("/app/a%2Fb", "old     sends /app/a/b to"),
    ] {
        let url = format!("http://x.example.com{path}");
        let explained = Explained::of(&converted, &trial, &url, from).unwrap();
        let text = explained.to_string();
        assert!(text.contains(said), "{said}\n{text}");
        assert!(explained.has_reason(), "{text}");
    }
}

#[test]
fn mod_jk_sends_paths_on_as_httpd_has_resolved_them() {
    let converted = of_mod_jk(
        "worker.list=app\nworker.app.host=10.0.0.1\n",
        "/app/*=app\n/blank/*=app ;stateless=1\n",
    );
    let trial = Trial::of(&converted.written.text).unwrap();
    let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
    for (path, said) in [
        ("/app//a/./b", "old     sends /app/a/b to"),
        ("/blank/x", "old     500"),
    ] {
        let url = format!("http://x.example.com{path}");
        let explained = Explained::of(&converted, &trial, &url, from).unwrap();
        let text = explained.to_string();
        assert!(text.contains(said), "{text}");
        assert!(explained.has_reason(), "{text}");
    }
}

const PATHS: [&str; 6] = ["/", "/a", "/a/b", "/ab", "/b/", "/b/c"];
const PATTERNS: [&str; 4] = ["\\.bak$", "^/a/(.*)x", "^/(b|ab)/", "c"];
const ASKED: [&str; 13] = [
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/a/b/c?q=1",
    "/a/x",
    "/ab",
    "/ab/y.bak",
    "/b",
    "/b/c",
    "/b/c/d%20e",
    "/b/z.bak",
    "/c",
];

/// A line of an httpd's configuration, or a section.
fn line() -> impl Strategy<Value = String> {
    let path = || prop::sample::select(PATHS.to_vec());
    let pattern = || prop::sample::select(PATTERNS.to_vec());
    let host = 1..9_u8;
    prop_oneof![
        4 => (path(), host.clone(), any::<bool>()).prop_map(|(path, host, slash)| {
            let end = if slash || path.ends_with('/') { "/" } else { "" };
            format!("ProxyPass {path} ajp://10.0.0.{host}:8009/t{end}")
        }),
        2 => path().prop_map(|path| format!("ProxyPass {path} !")),
        1 => (path(), host.clone()).prop_map(|(path, host)| {
            format!("<Location {path}>\nProxyPass ajp://10.0.0.{host}:8009/t\n</Location>")
        }),
        1 => path().prop_map(|path| format!("<Location {path}>\nProxyPass !\n</Location>")),
        1 => (pattern(), host.clone()).prop_map(|(pattern, host)| {
            format!("ProxyPassMatch {pattern} ajp://10.0.0.{host}:8009/t")
        }),
        1 => pattern().prop_map(|pattern| format!("ProxyPassMatch {pattern} !")),
        1 => (path(), any::<bool>()).prop_map(|(path, denied)| {
            let who = if denied { "denied" } else { "granted" };
            format!("<Location {path}>\nRequire all {who}\n</Location>")
        }),
        1 => path().prop_map(|path| format!("<Location {path}>\nOrder allow,deny\nDeny from all\n</Location>")),
        1 => (pattern(), host.clone()).prop_map(|(pattern, host)| {
            format!("<LocationMatch {pattern}>\nProxyPass ajp://10.0.0.{host}:8009/t\n</LocationMatch>")
        }),
        1 => pattern().prop_map(|it| format!("SetEnvIf Request_URI {it} no-proxy")),
        1 => pattern().prop_map(|it| format!("RewriteEngine On\nRewriteRule {it} - [E=no-proxy:1]")),
        1 => path().prop_map(|path| format!("Redirect permanent {path} https://new.example.com/n")),
        1 => host.clone().prop_map(|host| {
            format!("RewriteEngine On\nRewriteRule ^/b/(.*)$ ajp://10.0.0.{host}:8009/r/$1 [P]")
        }),
        1 => pattern().prop_map(|it| format!("RewriteEngine On\nRewriteRule {it} /moved [R=302,L]")),
        1 => pattern().prop_map(|it| format!("RewriteEngine On\nRewriteRule {it} - [F]")),
        1 => pattern().prop_map(|it| format!("RewriteEngine On\nRewriteRule !{it} - [F]")),
        1 => pattern().prop_map(|it| format!("RewriteEngine On\nRewriteRule {it} http://www.example.com/n [L]")),
        1 => (path(), pattern()).prop_map(|(path, it)| {
            format!("<Location {path}>\nRedirectMatch {it} /in\n</Location>")
        }),
        1 => (path(), path()).prop_map(|(path, own)| {
            format!("<Location {path}>\nRedirect 301 {own} /in\n</Location>")
        }),
    ]
}

fn lines(most: usize) -> impl Strategy<Value = String> {
    let lines = prop::collection::vec(line(), 1..most);
    lines.prop_map(|lines| lines.join("\n"))
}

/// Rules of a uriworkermap.
fn map() -> impl Strategy<Value = String> {
    let patterns = vec![
        "/*", "/a", "/a/*", "/a|/*", "/a/b/*", "/*.bak", "/b/?/*", "/b*", "/ab/*",
    ];
    let worker = prop::sample::select(vec!["w1", "w2", "lb", "none"]);
    let rule = (
        prop::sample::select(patterns),
        worker,
        prop::bool::weighted(0.3),
    );
    let rule = rule.prop_map(|(pattern, worker, is_excluded)| {
        format!("{}{pattern}={worker}", if is_excluded { "!" } else { "" })
    });
    prop::collection::vec(rule, 1..7).prop_map(|rules| rules.join("\n"))
}

const WORKERS: &str = "worker.list=w1,w2,lb\nworker.w1.host=10.0.0.1\nworker.w2.host=10.0.0.2\n\
                       worker.lb.type=lb\nworker.lb.balance_workers=w1,w2\n";

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn an_httpd_and_its_yaml_do_the_same_or_it_is_said_how_they_differ(rules in lines(8)) {
        let text = format!("Listen 80\n{rules}\n");
        let urls = ASKED.map(|path| format!("http://a.example.com{path}"));
        compare(&of_httpd(&text), &text, urls.into_iter());
    }

    #[test]
    fn virtual_hosts_do_the_same_or_it_is_said_how_they_differ(first in lines(5), second in lines(5)) {
        let host = |name: &str, rules: &str| {
            format!("<VirtualHost *:80>\nServerName {name}\n{rules}\n</VirtualHost>\n")
        };
        let text = format!("Listen 80\n{}{}", host("a.example.com", &first), host("b.example.com", &second));
        let hosts = ["a.example.com", "b.example.com", "other"];
        let urls = hosts.into_iter().flat_map(|host| ASKED.map(|path| format!("http://{host}{path}")));
        compare(&of_httpd(&text), &text, urls);
    }

    #[test]
    fn mod_jk_and_its_yaml_do_the_same_or_it_is_said_how_they_differ(map in map()) {
        let urls = ASKED.map(|path| format!("http://a.example.com{path}"));
        compare(&of_mod_jk(WORKERS, &map), &map, urls.into_iter());
    }

    #[test]
    fn a_report_says_everything_again_and_nothing_else(rules in lines(8)) {
        let text = format!("Listen 80\n# <script>alert(1)</script> & \"x\"\n{rules}\n");
        let page = report::page(&of_httpd(&text)).unwrap();
        prop_assert_eq!(&page, &report::page(&of_httpd(&text)).unwrap());
        prop_assert!(!page.contains("<script"));
        prop_assert_eq!(page.matches("<tr class=").count(), text.lines().count());
    }
}
