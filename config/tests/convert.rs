//! Old configurations of `testdata/convert` and the YAML that they become, which stands beside each in a file of the same name.
//! What is said about it stands in a third file, whose name ends with .txt. With `AJPGATE_BLESS=1` the files are written anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ajpgate_config::convert::{Account, BadUser, Converted, Failure, Fate, Files, Wanted, convert};

/// Files of the test data.
struct Folder;

impl Files for Folder {
    fn read(&self, file: &Path) -> Result<Vec<u8>, String> {
        fs::read(file).map_err(|error| error.to_string())
    }

    fn names(&self, folder: &Path) -> Option<Vec<String>> {
        let entries = fs::read_dir(folder).ok()?;
        let names = entries.filter_map(|it| it.ok()?.file_name().into_string().ok());
        Some(names.collect())
    }

    fn is_folder(&self, _: &Path) -> bool {
        true
    }

    fn bad_users(&self, _: &Path) -> Result<Vec<BadUser>, String> {
        Ok(Vec::new())
    }
}

/// Files of a test.
#[derive(Default)]
struct Memory(BTreeMap<PathBuf, Vec<u8>>);

impl Files for Memory {
    fn read(&self, file: &Path) -> Result<Vec<u8>, String> {
        let found = self.0.get(file);
        found.cloned().ok_or_else(|| "no such file".to_owned())
    }

    fn names(&self, folder: &Path) -> Option<Vec<String>> {
        let inside = self
            .0
            .keys()
            .filter_map(|file| file.strip_prefix(folder).ok());
        let mut names: Vec<String> = inside
            .filter_map(|rest| Some(rest.iter().next()?.to_str()?.to_owned()))
            .filter(|name| !name.is_empty())
            .collect();
        names.dedup();
        let is_file = self.0.contains_key(folder);
        (!names.is_empty() && !is_file).then_some(names)
    }

    fn is_folder(&self, path: &Path) -> bool {
        path.starts_with("/srv")
    }

    fn bad_users(&self, _: &Path) -> Result<Vec<BadUser>, String> {
        Ok(Vec::new())
    }
}

fn convert_text(text: &str) -> Result<Converted, Failure> {
    let files = Memory(BTreeMap::from([("/etc/httpd.conf".into(), text.into())]));
    let wanted = Wanted {
        httpd: Some("/etc/httpd.conf".into()),
        ..Wanted::default()
    };
    convert(&wanted, &files, &|_| None)
}

/// What the command would say.
fn said(converted: &Converted) -> String {
    let mut said: String = converted
        .remarks
        .iter()
        .map(|it| format!("{it}\n"))
        .collect();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/convert/");
    said = said.replace(folder, "");
    said + &format!("counted: {}\n", converted.counted)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/convert")
}

/// The main files, in order.
fn cases() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|it| it == "conf"))
        .collect();
    files.sort();
    files
}

#[test]
fn each_file_becomes_its_yaml_which_check_accepts() {
    let bless = std::env::var_os("AJPGATE_BLESS").is_some();
    let mut wrong = Vec::new();
    for file in cases() {
        let wanted = Wanted {
            httpd: Some(file.clone()),
            ..Wanted::default()
        };
        let converted = match convert(&wanted, &Folder, &|_| None) {
            Ok(converted) => converted,
            Err(failure) => {
                wrong.push(format!("{}: {failure}", file.display()));
                continue;
            }
        };
        let text = &converted.written.text;
        if let Err(problems) = ajpgate_config::parse(text, Path::new("new.yaml"), &|_| None) {
            wrong.push(format!("{}:\n{problems}\n{text}", file.display()));
        }
        assert_eq!(text.lines().count(), converted.written.origins.len());
        for (extension, found) in [("yaml", text.clone()), ("txt", said(&converted))] {
            let golden = file.with_extension(extension);
            if bless {
                fs::write(&golden, &found).unwrap();
            }
            let expected = fs::read_to_string(&golden).unwrap_or_default();
            if expected != found {
                wrong.push(format!("{}:\n{found}", golden.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_example_in_the_documents_is_what_is_printed() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/leaving-httpd.md");
    let document = fs::read_to_string(document).unwrap();
    let block = |kind: &str| {
        let (_, behind) = document.split_once(&format!("```{kind}\n")).unwrap();
        behind.split_once("```").unwrap().0
    };
    let converted = convert_text(block("apache")).unwrap();
    assert_eq!(converted.written.text, block("yaml"));
    let said: String = converted
        .remarks
        .iter()
        .map(|it| format!("{it}\n"))
        .collect();
    let said = said.replace("/etc/", "") + "1 line about modules and processes\n";
    assert_eq!((said.as_str(), converted.counted), (block("text"), 1));
}

#[test]
fn every_failure_has_its_place() {
    let deep = "<Location /a>\n".repeat(100);
    for (text, said) in [
        (
            "<Proxy *>\nRequire all granted\n",
            "1: <Proxy> is not closed",
        ),
        ("A\n</Proxy>", "2: </Proxy> closes nothing"),
        (
            "<Proxy *>\n</Location>",
            "2: </Location> where <Proxy> of line 1 is open",
        ),
        (
            "A\n<Location /a",
            "2: `>` is missing at the end of the section's line",
        ),
        (
            "<!-- x -->",
            "1: <!--> is no section; a comment begins with #",
        ),
        (
            "\nInclude none.conf",
            "2: cannot read /etc/none.conf: no such file",
        ),
        (
            "Include conf.d/*.conf",
            "1: Include conf.d/*.conf: there is no such file",
        ),
        ("Include httpd.conf", "1: /etc/httpd.conf includes itself"),
        (&*deep, "65: more than 64 sections in one another"),
    ] {
        let failure = convert_text(text).expect_err(text).to_string();
        assert_eq!(failure, format!("/etc/httpd.conf:{said}"), "{text}");
    }
    let wide = BTreeMap::from([("/etc/httpd.conf".into(), b"\xff\xfeL\0".to_vec())]);
    let wanted = Wanted {
        httpd: Some("/etc/httpd.conf".into()),
        ..Wanted::default()
    };
    let failure = convert(&wanted, &Memory(wide), &|_| None).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "/etc/httpd.conf: cannot read /etc/httpd.conf: it is UTF-16 text, which the old server does not read either; \
         save it as UTF-8"
    );
}

#[test]
fn what_is_said_to_backends_does_not_stand_beside_files() {
    let text = "RequestHeader set X-A b\nAlias /static /srv/static\nProxyPass /static !\nProxyPass / ajp://10.0.0.1/\n";
    let yaml = convert_text(text).unwrap().written.text;
    assert!(
        yaml.contains("{ path: /static, files: /srv/static }"),
        "{yaml}"
    );
    assert!(ajpgate_config::parse(&yaml, Path::new("new.yaml"), &|_| None).is_ok());
}

#[test]
fn each_line_has_its_fate() {
    let bless = std::env::var_os("AJPGATE_BLESS").is_some();
    let golden = folder().join("account/shop.txt");
    let wanted = Wanted {
        httpd: Some(folder().join("account/shop.conf")),
        ..Wanted::default()
    };
    let converted = convert(&wanted, &Folder, &|_| None).unwrap();
    let account = Account::of(&converted);
    let mut told = String::new();
    for line in account.files.iter().flat_map(|file| &file.lines) {
        let fate = match line.continues {
            true => "as above".to_owned(),
            false => format!("{:?}", line.fate),
        };
        let mark = if line.is_shared { "with " } else { "" };
        let yaml: Vec<String> = line.yaml.iter().map(ToString::to_string).collect();
        told += format!(
            "{:2} {fate:9} {mark}{:9} {}",
            line.number,
            yaml.join(","),
            line.text
        )
        .trim_end();
        told += "\n";
    }
    if bless {
        fs::write(&golden, &told).unwrap();
    }
    assert_eq!(told, fs::read_to_string(&golden).unwrap_or_default());
    for secret in ["Hunter2go", "dXNlcjpwYXNz", "s3cr3t"] {
        assert!(!format!("{account:?}").contains(secret), "{secret}");
    }
    assert_eq!(account, Account::of(&converted));
}

#[test]
fn includes_and_definitions_are_followed() {
    let file = |name: &str, text: &str| (PathBuf::from(name), text.as_bytes().to_vec());
    let files = Memory(BTreeMap::from([
        file(
            "/etc/httpd.conf",
            "ServerRoot /srv\nDefine APP shop\nInclude conf.d/*.conf\nIncludeOptional none/*.conf\nInclude sites\n",
        ),
        file("/srv/conf.d/b.conf", "ProxyPass / ajp://10.0.0.2/\n"),
        file(
            "/srv/conf.d/a.conf",
            "ProxyPass /${APP} ajp://10.0.0.1/${HOSTNAME}\n",
        ),
        file(
            "/srv/conf.d/.hidden.conf",
            "ProxyPass /hidden ajp://10.0.0.1/\n",
        ),
        file(
            "/srv/sites/1/x",
            "<IfModule !mod_proxy.c>\nProxyPass /no ajp://h/\n</IfModule>\n",
        ),
        file(
            "/srv/sites/2",
            "<IfDefine APP>\n<IfVersion >= 2.4>\nProxyPass /yes !\n</IfVersion>\n</IfDefine>\n",
        ),
    ]));
    let wanted = Wanted {
        httpd: Some("/etc/httpd.conf".into()),
        ..Wanted::default()
    };
    let env = |name: &str| (name == "HOSTNAME").then(|| "here".to_owned());
    let converted = convert(&wanted, &files, &env).unwrap();
    let lines: Vec<&str> = converted.written.text.lines().skip(4).collect();
    assert_eq!(
        lines,
        [
            "  - { path: /shop, to: \"ajp://10.0.0.1/here\" }",
            "  - { path: /, to: \"ajp://10.0.0.2/\" }",
        ]
    );
    let remarks: Vec<String> = converted.remarks.iter().map(ToString::to_string).collect();
    let dead = "/srv/sites/2:3: `ProxyPass /yes !`: left out: never reached because of line 1 of /srv/conf.d/b.conf";
    assert_eq!(remarks, [dead]);
}

/// Virtual hosts with a balancer each, in eight lines.
fn hosts(count: usize) -> String {
    let host = |number: usize| {
        format!(
            "<VirtualHost *:80>\nServerName h{number}.example.com\nProxyPass /a{number} !\n\
             ProxyPass / balancer://b{number}/\n<Proxy balancer://b{number}>\n\
             BalancerMember ajp://10.0.0.1:{}\n</Proxy>\n</VirtualHost>\n",
            number + 1
        )
    };
    (0..count).map(host).collect()
}

/// `tests/bench/convert.sh` measures how long it takes.
#[test]
fn five_thousand_lines_become_what_few_lines_become() {
    let (few, many) = (hosts(7), hosts(700));
    assert!(many.lines().count() > 5_000);
    let converted = convert_text(&many).unwrap();
    assert_eq!(converted.remarks, []);
    let yaml = converted.written.text;
    let config = ajpgate_config::parse(&yaml, Path::new("new.yaml"), &|_| None).unwrap();
    assert_eq!(config.config.balancers.len(), 700);
    // Each line about one of the few hosts is the same, whatever stands beside it.
    let lines: Vec<&str> = yaml.lines().collect();
    for line in convert_text(&few).unwrap().written.text.lines() {
        assert!(lines.contains(&line), "{line}");
    }
    // For each further host the name of its balancer, the exclusion's 404 of the first host taken back, and its own mappings.
    let about = |number: usize| {
        let names = [format!("h{number}.example.com"), format!("  b{number}:")];
        lines
            .iter()
            .filter(|it| names.iter().any(|name| it.contains(name)))
            .count()
    };
    assert_eq!((7..700).map(about).max(), (7..700).map(about).min());
    assert_eq!(about(699), 4);
}

#[test]
fn headers_redirects_pages_and_certificates_are_turned() {
    let text = "Listen 443 https
<VirtualHost *:443>
SSLEngine on
SSLCertificateFile /tls/a.crt
SSLCertificateKeyFile /tls/a.key
Header set X-A b
Redirect permanent /old /new
RewriteEngine On
RewriteRule ^/x/(.*)$ /y/$1 [R=301,L]
ErrorDocument 404 /errors/404.html
Alias /errors /srv/errors
ProxyPass /errors !
ProxyPass /app ajp://10.0.0.1/app
</VirtualHost>
";
    let page = PathBuf::from("/srv/errors/404.html");
    let files = Memory(BTreeMap::from([
        ("/etc/httpd.conf".into(), text.into()),
        (page, b"not found".to_vec()),
    ]));
    let wanted = Wanted {
        httpd: Some("/etc/httpd.conf".into()),
        ..Wanted::default()
    };
    let converted = convert(&wanted, &files, &|_| None).unwrap();
    let yaml = converted.written.text;
    for line in [
        "    tls: { certificate: /tls/a.crt, private_key: /tls/a.key }",
        "path: /old, redirect: { to: /new, status: 301 }",
        r#"match: "^/x/(.*)$", redirect: { to: "/y/$1", status: 301 }"#,
        "path: /errors, files: /srv/errors",
        "set: X-A, value: b",
        "/srv/errors/404.html",
    ] {
        assert!(yaml.contains(line), "{line}\n{yaml}");
    }
    assert_eq!(converted.remarks, [], "{yaml}");
    // Where the page is not on this machine, it is named, and `check` accepts the rest.
    let converted = convert_text(text).unwrap();
    let yaml = converted.written.text;
    let remarks: Vec<String> = converted.remarks.iter().map(ToString::to_string).collect();
    let named = "/etc/httpd.conf:10: `ErrorDocument 404 /errors/404.html`: left out: /srv/errors/404.html: no such file; write `error_pages` where the page is";
    assert_eq!(remarks, [named], "{yaml}");
    let loaded = ajpgate_config::parse(&yaml, Path::new("new.yaml"), &|_| None);
    assert!(loaded.is_ok(), "{yaml}");
}

#[test]
fn access_that_cannot_be_turned_closes_the_path() {
    for rule in [
        "Require user ann",
        "AuthType Basic\nAuthUserFile /srv/users\nAuthGroupFile /srv/none\nRequire group a",
        "AuthType Basic\nAuthUserFile /srv/users\nRequire group a",
        "AuthType Shibboleth\nRequire valid-user",
        "Require host example.com",
        "Require ip 10.0.0.0/8\nRequire valid-user",
        "Order allow,deny\nAllow from .example.com",
        "SSLRequireSSL",
        "Require expr true",
        "<Limit POST>\nRequire valid-user\n</Limit>",
        "Require all granted\n<LimitExcept GET POST>\nRequire all denied\n</LimitExcept>",
        "Order allow,deny\nAllow from all\n<LimitExcept GET>\nDeny from all\n</LimitExcept>",
        "Use AdminOnly",
    ] {
        let text = format!("<Location /a>\n{rule}\n</Location>\nProxyPass / ajp://10.0.0.1/\n");
        let converted = convert_text(&text).unwrap();
        let yaml = converted.written.text;
        let line = yaml.lines().find(|line| line.contains("path: /a,"));
        let line = line.unwrap_or_default();
        assert!(line.contains("deny: [0.0.0.0/0"), "{rule}\n{yaml}");
        assert!(
            !converted.remarks.is_empty() || rule == "SSLRequireSSL",
            "{rule}"
        );
    }
}

#[test]
fn each_section_that_is_closed_is_named() {
    let section = |path: &str| {
        format!("<Location {path}>\nAuthType Shibboleth\nRequire valid-user\n</Location>\n")
    };
    let text = format!(
        "{}{}ProxyPass / ajp://10.0.0.1/\n",
        section("/a"),
        section("/b")
    );
    let remarks = convert_text(&text).unwrap().remarks;
    let lines: Vec<u32> = remarks.iter().map(|remark| remark.origin.line).collect();
    assert_eq!(lines, [1, 5], "{remarks:?}");
}

#[test]
fn guards_below_what_is_closed_stay_in_the_file() {
    let guards = "ProxyPass /a ajp://h/a\n\
         <Location /a/new>\nRequire ip 10.0.0.0/8\n</Location>\n\
         <Location /a/old>\nOrder deny,allow\nDeny from all\nAllow from 10.0.0.0/8\n</Location>\n\
         <Location /a/not>\nOrder allow,deny\nAllow from all\nDeny from 10.1.0.0/16\n</Location>\n\
         <Location /a/user>\nAuthType Basic\nAuthUserFile /u\nRequire valid-user\n</Location>\n\
         <Location /a/sso>\nAuthType Shibboleth\nRequire valid-user\n</Location>\n\
         <Location /a/shut>\nRequire all denied\n</Location>\n\
         ProxyPass /b ajp://h/b\n<LocationMatch \"^/b/.*match\">\nRequire ip 11.0.0.0/8\n</LocationMatch>\n";
    for closing in [
        "RewriteEngine on\nRewriteCond %{HTTP_USER_AGENT} BadBot\nRewriteRule ^ - [F]\n",
        "<Limit POST PUT>\nRequire ip 10\n</Limit>\n",
        "<If \"%{HTTP_USER_AGENT} == 'x'\">\nRequire all denied\n</If>\n",
        "<Location />\nRequire host example.com\n</Location>\n",
    ] {
        let converted = convert_text(&format!("{closing}{guards}")).unwrap();
        let text = &converted.written.text;
        ajpgate_config::parse(text, Path::new("new.yaml"), &|_| None).unwrap();
        let line = |path: &str| {
            let found = text.lines().position(|it| it.contains(path));
            found.map_or(String::new(), |at| {
                let lines: Vec<&str> = text.lines().skip(at.saturating_sub(2)).take(6).collect();
                lines.join("\n")
            })
        };
        for (path, kept) in [
            ("/a/new,", "/a/new\", allow: [10.0.0.0/8]"),
            ("/a/old,", "/a/old\", allow: [10.0.0.0/8]"),
            ("/a/not,", "10.1.0.0/16"),
            ("path: /a/user", "users: /u"),
            ("/a/sso,", "AuthType shibboleth has no counterpart"),
            ("/a/shut,", "deny: [0.0.0.0/0, \"::/0\"]"),
            ("^/b/.*match", "allow: [11.0.0.0/8]"),
        ] {
            assert!(line(path).contains(kept), "{closing}{path}:\n{text}");
        }
    }
}

#[test]
fn guards_behind_a_path_that_is_closed_are_named() {
    let text = "ProxyPass /a ajp://h/a\n<Location /a>\n<If \"%{HTTP_USER_AGENT} == 'x'\">\nRequire all denied\n</If>\n</Location>\n<Location /a/b>\nRequire ip 10.0.0.0/8\n</Location>\n";
    let said = said(&convert_text(text).unwrap());
    let named = "/etc/httpd.conf:7: `<Location /a/b>`: left out, because its paths are closed for everybody: write its rule before you open them\n";
    assert!(said.contains(named), "{said}");
}

#[test]
fn rules_that_forbid_under_conditions_forbid_always() {
    let rewrite = "RewriteEngine On\nRewriteCond %{HTTP_USER_AGENT} Robot\nRewriteRule";
    let inside = "Require ip 10.0.0.0/8";
    for (rule, path) in [
        (format!("{rewrite} ^/admin - [F]"), "match: ^/admin,"),
        (format!("{rewrite} ^ - [F,L]"), "path: /,"),
        (format!("{rewrite} !^/public - [F]"), "path: /,"),
        (
            "RewriteEngine On\nRewriteRule ^/(?!public) - [F]".to_owned(),
            "path: /,",
        ),
        (
            "RewriteEngine On\nRewriteRule ^/admin - [F,NC]".to_owned(),
            "match: (?i)^/admin,",
        ),
        (
            format!("<Location /a>\n{rewrite} ^ - [F]\n</Location>"),
            "path: /a,",
        ),
        (format!("<If \"true\">\n{inside}\n</If>"), "path: /,"),
        (
            format!("<Location /a>\n<If \"true\">\n{inside}\n</If>\n</Location>"),
            "path: /a,",
        ),
        (
            format!("<If \"true\">\n</If>\n<Else>\n{inside}\n</Else>"),
            "path: /,",
        ),
        (
            format!("<ProxyMatch .*>\n{inside}\n</ProxyMatch>"),
            "path: /,",
        ),
    ] {
        let host = "<VirtualHost *:80>\nServerName a.example.com\nProxyPass / ajp://10.0.0.1/\n";
        let own = format!("{host}{rule}\n</VirtualHost>\n");
        let of_main = format!("{rule}\n{host}</VirtualHost>\n");
        for text in std::iter::once(own).chain(rule.starts_with('<').then_some(of_main)) {
            let converted = convert_text(&text).unwrap();
            let yaml = converted.written.text.replace('"', "");
            let mut all = yaml.lines();
            let line = all.find(|it| it.contains(path)).unwrap_or_default();
            // What is closed as a whole keeps its mappings.
            let closed = match path {
                "path: /," => "to: ajp://10.0.0.1/, deny: [0.0.0.0/0, ::/0]",
                _ => "respond: { status: 403 }",
            };
            assert!(line.contains(closed), "{text}\n{yaml}");
            assert_eq!(converted.remarks.is_empty(), rule.contains("NC"), "{text}");
        }
    }
    for harmless in [
        "<If \"true\">\nRequire all granted\n</If>",
        "<Location /a>\n<Limit GET POST>\nOrder allow,deny\nAllow from all\n</Limit>\n</Location>",
        "RewriteEngine On\nRewriteCond %{REQUEST_METHOD} ^TRACE\nRewriteRule .* - [F]",
    ] {
        let yaml = convert_text(&format!("{harmless}\nProxyPass / ajp://10.0.0.1/\n")).unwrap();
        let yaml = yaml.written.text;
        assert!(
            !yaml.contains("403") && !yaml.contains("deny"),
            "{harmless}\n{yaml}"
        );
    }
}

/// Files whose first line of access stands where a reader could lose it, and what must be in the YAML.
const EASILY_LOST: [(&str, &str); 8] = [
    (
        "<Location />\nDeny from all\nAllow from 10\n</Location>\n<Location /in>\nRequire all granted\n</Location>\n\
         ProxyPass /in ajp://a/\n",
        "path: /in, to: \"ajp://a/\", allow: [10.0.0.0/8]",
    ),
    (
        "<Location />\nSSLRequireSSL\n</Location>\n<Location /in>\nRequire all granted\n</Location>\n\
         ProxyPass /in ajp://a/\n",
        "path: /in, to: \"ajp://a/\", deny:",
    ),
    (
        "RewriteRule ^/in - [F]\nRewriteEngine On\nProxyPass / ajp://a/\n",
        "match: \"^/in\", respond: { status: 403 }",
    ),
    (
        "RewriteEngine On\nRewriteRule ^/in - [F]\n<VirtualHost *:80>\nRewriteEngine On\nRewriteOptions Inherit\n\
         ProxyPass / ajp://a/\n</VirtualHost>\n",
        "match: \"^/in\", respond: { status: 403 }",
    ),
    (
        "RewriteEngine On\nRewriteOptions InheritDown\nRewriteRule ^/in - [R=403]\n<VirtualHost *:80>\n\
         RewriteEngine On\nProxyPass / ajp://a/\n</VirtualHost>\n",
        "match: \"^/in\", respond: { status: 403 }",
    ),
    (
        "<Macro Vault $p>\n<Location $p>\nRequire all denied\n</Location>\n</Macro>\nUse vault /in\n\
         ProxyPass / ajp://a/\n",
        "path: /in, to: \"ajp://a/in\", deny:",
    ),
    (
        "Alias /in /srv/in\n<Directory /srv/in>\nRequire ip 10\n</Directory>\nProxyPass /in !\n",
        "path: /in, files: /srv/in, allow: [10.0.0.0/8]",
    ),
    (
        "<LocationMatch \"^/(?!out)\">\nRequire all denied\n</LocationMatch>\nProxyPass / ajp://a/\n",
        "path: /, to: \"ajp://a/\", deny: [0.0.0.0/0, \"::/0\"]",
    ),
];

/// Sections of a folder that is served, and whether they close it.
const OF_FOLDERS: [(&str, bool); 12] = [
    (
        "<FilesMatch \"\\.inc$\">\nRequire all denied\n</FilesMatch>",
        true,
    ),
    ("<Files \"*.inc\">\nDeny from all\n</Files>", true),
    (
        "<DirectoryMatch /private>\nRequire all denied\n</DirectoryMatch>",
        true,
    ),
    (
        "<Directory /srv/site/*/private>\nRequire ip 10\n</Directory>",
        true,
    ),
    ("<Directory /srv>\nAllowOverride All\n</Directory>", true),
    (
        "<Directory /srv/site>\nRewriteRule ^x - [F]\n</Directory>",
        true,
    ),
    ("<Directory /srv/site>\nRedirect 404\n</Directory>", true),
    (
        "<Directory /srv/site/private>\nRedirect gone\n</Directory>",
        true,
    ),
    (
        "<FilesMatch \"\\.inc$\">\nRedirect 403\n</FilesMatch>",
        true,
    ),
    (
        "<Directory /srv>\nAllowOverride All\n</Directory>\n<Directory /srv/site>\nAllowOverride None\n</Directory>",
        false,
    ),
    (
        "<FilesMatch \"^\\.ht\">\nRequire all denied\n</FilesMatch>",
        false,
    ),
    ("<Files \".ht*\">\nRequire all denied\n</Files>", false),
];

#[test]
fn what_guards_some_files_of_a_folder_closes_it_and_is_named() {
    for (section, closes) in OF_FOLDERS {
        let text = format!("DocumentRoot /srv/site\n{section}\n");
        let converted = convert_text(&text).unwrap();
        let yaml = converted.written.text;
        assert_eq!(yaml.contains("deny: [0.0.0.0/0"), closes, "{text}\n{yaml}");
        assert_eq!(!converted.remarks.is_empty(), closes, "{text}");
    }
}

#[test]
fn fields_about_how_a_client_came_are_named() {
    let text = "RequestHeader set X-Forwarded-Proto https\nProxyPass / ajp://a/\n";
    let remarks = convert_text(text).unwrap().remarks;
    let said = remarks.iter().map(ToString::to_string).collect::<String>();
    assert!(
        said.contains("httpd.conf:1: ") && said.contains("trusted_proxies"),
        "{said}"
    );
}

#[test]
fn rules_of_access_are_kept_wherever_they_stand() {
    for (text, kept) in EASILY_LOST {
        let yaml = convert_text(text).unwrap().written.text;
        assert!(yaml.contains(kept), "{text}\n{yaml}");
    }
}

#[test]
fn macros_end_and_take_bounded_memory() {
    let endless = "<Macro A>\nUse A\nUse A\n</Macro>\nUse A\n";
    let failure = convert_text(endless).unwrap_err();
    assert!(failure.text.contains("macros in one another"), "{failure}");
    let mut wide = String::from("<Macro M0>\nTimeout 5\n</Macro>\n");
    for level in 1..30 {
        let below = format!("Use M{}\n", level - 1).repeat(20);
        wide += &format!("<Macro M{level}>\n{below}</Macro>\n");
    }
    let failure = convert_text(&(wide + "Use M29\n")).unwrap_err();
    assert!(failure.text.contains("MiB of configuration"), "{failure}");
}

/// Lines, and what becomes of them: listeners, hosts that are kept, remarks.
type Apart = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

/// Virtual hosts that ports or addresses tell apart; `(a)` is one with the name `a.example.com`, and so on.
const APART: [Apart; 10] = [
    (
        "(a *:80)(b 127.0.0.1:8081)",
        &["0.0.0.0:80"],
        &["a"],
        &["left out"],
    ),
    (
        "Listen 80\nListen 8081\n(a *:80 *:8081)(b *:8081 *:80)",
        &["0.0.0.0:80", "0.0.0.0:8081"],
        &["a", "b"],
        &[],
    ),
    (
        "Listen 80\n(a *)(b *:80)",
        &["0.0.0.0:80"],
        &["b"],
        &["left out with everything in it: no Listen"],
    ),
    (
        "Listen 8081\nListen 80\n(a *:80)(b *:8081)",
        &["0.0.0.0:8081"],
        &["b"],
        &["left out, and nothing listens", "left out with"],
    ),
    (
        "Listen 80\n(a 10.0.0.1:80)(b 10.0.0.1:80)",
        &["10.0.0.1:80"],
        &["a", "b"],
        &[],
    ),
    (
        "Listen 80\n(a *:80)(b 10.0.0.1:80)",
        &["10.0.0.1:80"],
        &["b"],
        &["left out"],
    ),
    (
        "Listen 80\n(a 127.0.0.1:80)(b *:80)",
        &["0.0.0.0:80"],
        &["b"],
        &["left out"],
    ),
    (
        "Listen 80\n(a www.example.com:80)",
        &["0.0.0.0:80"],
        &["a"],
        &[],
    ),
    (
        "Listen 80\nListen 8081\n(a *:8081)",
        &["0.0.0.0:8081"],
        &["a"],
        &["left out, and nothing listens there: no virtual host"],
    ),
    (
        "Listen 80\nListen 8081\nProxyPass /main ajp://10.0.0.9/\n(a *:8081)",
        &["0.0.0.0:80"],
        &[],
        &["left out, and nothing listens", "left out with"],
    ),
];

#[test]
fn of_virtual_hosts_that_ports_or_addresses_tell_apart_one_gateway_has_those_of_the_first() {
    for (lines, listeners, kept, remarks) in APART {
        let mut text = String::new();
        for piece in lines.replace(')', "\u{0}").split('\u{0}') {
            match piece.split_once('(') {
                Some((before, host)) => {
                    let (name, addresses) = host.split_once(' ').unwrap();
                    text += before;
                    text += &format!(
                        "<VirtualHost {addresses}>;ServerName {name}.example.com;ProxyPass / ajp://10.0.0.1/{name};\
                         </VirtualHost>\n"
                    );
                }
                None => text += piece,
            }
        }
        let text = text.replace(';', "\n");
        let converted = convert_text(&text).unwrap();
        let yaml = &converted.written.text;
        let config = ajpgate_config::parse(yaml, Path::new("new.yaml"), &|_| None).unwrap();
        let binds = config.config.listeners.iter();
        let binds: Vec<String> = binds.map(|it| it.bind.to_string()).collect();
        assert_eq!(binds, listeners, "{text}\n{yaml}");
        for name in ["a", "b"] {
            let target = format!("ajp://10.0.0.1/{name}");
            assert_eq!(
                yaml.contains(&target),
                kept.contains(&name),
                "{text}\n{yaml}"
            );
        }
        let said: Vec<String> = converted.remarks.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), remarks.len(), "{text}\n{said:?}");
        for remark in remarks {
            assert!(
                said.iter().any(|it| it.contains(&format!(": {remark}"))),
                "{remark} {said:?}"
            );
        }
    }
}

#[test]
fn expressions_take_neither_what_is_excluded_nor_what_another_host_has() {
    let text =
        "ProxyPassMatch ^/(b|ab)/ ajp://10.0.0.1/t\n<Location /ab>\nProxyPass !\n</Location>\n";
    let yaml = convert_text(text).unwrap().written.text;
    assert!(yaml.contains("{ path: /ab, exclude: true }"), "{yaml}");
    let host = |name: &str, line: &str| {
        format!("<VirtualHost *:80>\nServerName {name}\n{line}\n</VirtualHost>\n")
    };
    let own = "ProxyPassMatch c ajp://10.0.0.2/t\n<Location /a>\nProxyPass !\n</Location>";
    let text = host("a.example.com", "ProxyPass / ajp://10.0.0.1/") + &host("b.example.com", own);
    let yaml = convert_text(&text).unwrap().written.text;
    let first =
        yaml.find("{ match: \"^/a(/.*)?$\", hosts: [b.example.com], respond: { status: 404 } }");
    assert!(
        first.is_some_and(|first| Some(first) < yaml.find("(?:c)")),
        "{yaml}"
    );
    let text = host("a.example.com", "ProxyPassMatch \\.bak$ ajp://10.0.0.1/t")
        + &host("b.example.com", "ProxyPass / ajp://10.0.0.2/");
    let yaml = convert_text(&text).unwrap().written.text;
    let first = yaml.find("{ match: \"^(/.*)$\", hosts: [b.example.com]");
    assert!(
        first.is_some_and(|first| Some(first) < yaml.find("bak")),
        "{yaml}"
    );
}

/// Lines of a configuration, and a part of a line of the YAML that closes what httpd keeps closed.
const STILL_CLOSED: [(&str, &str); 8] = [
    // The second virtual host asks its clients for certificates.
    (
        "<VirtualHost *:443>\nServerName a.example.com\nSSLEngine on\nSSLCertificateFile /a.pem\n\
         ProxyPass / ajp://a/\n</VirtualHost>\n<VirtualHost *:443>\nServerName b.example.com\nSSLEngine on\n\
         SSLCertificateFile /b.pem\nSSLVerifyClient require\nSSLCACertificateFile /ca.pem\nProxyPass / ajp://b/\n\
         </VirtualHost>\n",
        "path: /, hosts: [b.example.com], to: \"ajp://b/\", deny: [0.0.0.0/0, \"::/0\"]",
    ),
    // Whose certificates are taken stands in a folder.
    (
        "<VirtualHost *:443>\nSSLEngine on\nSSLCertificateFile /a.pem\nSSLVerifyClient require\n\
         SSLCACertificatePath /cas\nProxyPass / ajp://a/\n</VirtualHost>\n",
        "path: /, to: \"ajp://a/\", deny: [0.0.0.0/0, \"::/0\"]",
    ),
    // Another module knows the certificate.
    (
        "<VirtualHost *:443>\nSSLEngine on\nSSLVerifyClient require\nProxyPass / ajp://a/\n</VirtualHost>\n",
        "path: /, to: \"ajp://a/\", deny: [0.0.0.0/0, \"::/0\"]",
    ),
    // A name of the second host that cannot be written: it must not lead to the first one.
    (
        "<VirtualHost *:80>\nServerName a.example.com\nProxyPass / ajp://a/\n</VirtualHost>\n<VirtualHost *:80>\n\
         ServerName b.example.com\nServerAlias app.*\nProxyPass / ajp://b/\n</VirtualHost>\n",
        "path: /, hosts: [a.example.com], to: \"ajp://a/\"",
    ),
    // Programs are not sent as text.
    (
        "DocumentRoot /srv/site\nAddHandler cgi-script .cgi\n",
        "path: /, files: /srv/site, deny: [0.0.0.0/0, \"::/0\"]",
    ),
    (
        "DocumentRoot /srv/site\n<FilesMatch \\.php$>\nSetHandler application/x-httpd-php\n</FilesMatch>\n",
        "path: /, files: /srv/site, deny: [0.0.0.0/0, \"::/0\"]",
    ),
    // What is behind a path of a section is escaped in a url.
    (
        "ProxyPass / ajp://a/\n<Location \"/sec ret/\u{e4}\">\nRequire ip 10\n</Location>\n",
        "path: \"/sec ret/\u{e4}\", to: \"ajp://a/sec%20ret/%C3%A4\", allow: [10.0.0.0/8]",
    ),
    (
        "ProxyPass / ajp://a/\n<Location /t/../u>\nRequire ip 10\n</Location>\n",
        "path: /t, respond: { status: 403 }",
    ),
];

#[test]
fn what_httpd_keeps_closed_stays_closed_and_check_accepts_it() {
    for (text, kept) in STILL_CLOSED {
        let converted = convert_text(text).unwrap();
        let yaml = &converted.written.text;
        assert!(
            yaml.contains(kept),
            "{text}\n{yaml}\n{:?}",
            converted.remarks
        );
        let loaded = ajpgate_config::parse(yaml, Path::new("new.yaml"), &|_| None);
        assert!(loaded.is_ok(), "{:?}\n{yaml}", loaded.err());
    }
}

#[test]
fn one_path_of_several_hosts_is_one_mapping_however_it_was_written() {
    let text = "JkWorkersFile /etc/workers\n<VirtualHost *:80>\nServerName a.example.com\nProxyPassMatch ^/a/b$ ajp://a/x\n\
                </VirtualHost>\n<VirtualHost *:80>\nServerName b.example.com\nJkMount /a/b w\n</VirtualHost>\n";
    let files = Memory(BTreeMap::from([
        ("/etc/httpd.conf".into(), text.into()),
        ("/etc/workers".into(), b"worker.list=w\n".to_vec()),
    ]));
    let wanted = Wanted {
        httpd: Some("/etc/httpd.conf".into()),
        ..Wanted::default()
    };
    let yaml = convert(&wanted, &files, &|_| None).unwrap().written.text;
    let loaded = ajpgate_config::parse(&yaml, Path::new("new.yaml"), &|_| None);
    assert!(loaded.is_ok(), "{:?}\n{yaml}", loaded.err());
}

#[test]
fn what_an_expression_takes_is_left_out_of_the_mappings_behind_it_and_named() {
    let text = "ProxyPassMatch ^/app/.* ajp://10.0.0.1\nProxyPass /app/sub ajp://10.0.0.2/sub\n\
                ProxyPassMatch ^/app/x/(.*)$ ajp://10.0.0.3/$1\nProxyPass /app ajp://10.0.0.4/app\n";
    let converted = convert_text(text).unwrap();
    let yaml = &converted.written.text;
    assert!(
        !yaml.contains("10.0.0.2") && !yaml.contains("10.0.0.3"),
        "{yaml}"
    );
    assert!(
        yaml.contains("path: /app, to: \"ajp://10.0.0.4/app\""),
        "{yaml}"
    );
    let said: Vec<String> = converted.remarks.iter().map(ToString::to_string).collect();
    let dead = |line: usize, about: &str| {
        format!("/etc/httpd.conf:{line}: `{about}`: left out: never reached because of line 1")
    };
    let second = dead(2, "ProxyPass /app/sub ajp://10.0.0.2/sub");
    let third = dead(3, "ProxyPassMatch ^/app/x/(.*)$ ajp://10.0.0.3/$1");
    assert_eq!(said, [second, third]);
}

#[test]
fn files_of_other_programs_are_refused() {
    for (text, expected) in [
        ("# nothing\n", "there is no directive in it"),
        (
            "listeners:\n  - bind: 0.0.0.0:80\n",
            "2 of its 2 lines are no directives of an httpd",
        ),
        ("worker.list=a\nworker.a.host=h\n", "2 of its 2 lines"),
        (
            "http {\n  server {\n    listen 80;\n    deny all;\n  }\n}\n",
            "6 of its 6 lines",
        ),
        (
            "foo bar\nbaz on\n",
            "none of its 2 lines is a directive that is known here",
        ),
    ] {
        let failure = convert_text(text).unwrap_err();
        assert_eq!(failure.origin.line, 0, "{text}");
        assert!(failure.text.contains(expected), "{text}: {failure}");
    }
    let converted = convert_text("Listen 80\nProxyPass / ajp://10.0.0.1/\nkey: value\n").unwrap();
    assert!(
        said(&converted).contains("httpd.conf:3: `key: value`: no httpd starts with this line")
    );
}

#[test]
fn a_condition_has_the_fate_of_its_rule() {
    let text = "Listen 80
RewriteEngine On
RewriteCond %{HTTP_COOKIE} a=b
# a comment
RewriteRule ^/old/(.*)$ /new/$1 [R]
RewriteCond %{REQUEST_URI} ^/x
RewriteRule ^ - [F]
RewriteCond %{HTTP_COOKIE} alone
ProxyPass / ajp://10.0.0.1/
";
    let account = Account::of(&convert_text(text).unwrap());
    let fates: Vec<Fate> = account.files[0].lines.iter().map(|it| it.fate).collect();
    use Fate::{Empty, NotTurned, Turned};
    let expected = [
        Turned, Turned, NotTurned, Empty, NotTurned, Turned, Turned, NotTurned, Turned,
    ];
    assert_eq!(fates, expected);
}

#[test]
fn guards_of_a_folder_that_no_expression_can_serve_are_named() {
    let text = "Listen 80
Alias /photos /srv/pictures
<Directory /srv/pictures>
Require ip 10
</Directory>
ProxyPass /photos !
ProxyPassMatch \\.jsp$ http://10.0.0.1
";
    let converted = convert_text(text).unwrap();
    let yaml = &converted.written.text;
    assert!(
        yaml.contains("\"^/photos(/.*)?$\", respond: { status: 403 }"),
        "{yaml}"
    );
    let said = said(&converted);
    assert!(
        said.contains(
            "httpd.conf:3: `<Directory /srv/pictures>`: left out, because its paths are closed"
        ),
        "{said}\n{yaml}"
    );
}

#[test]
fn what_is_written_has_no_line_that_is_never_reached() {
    let text = "Listen 80
<VirtualHost *:80>
ServerName one.example.com
ProxyPass / ajp://10.0.0.1/
</VirtualHost>
<VirtualHost *:80>
ServerName two.example.com
RewriteEngine On
RewriteRule ^/closed - [F]
<LocationMatch ^/app>
Require all denied
</LocationMatch>
RedirectMatch ^/app/x http://www.example.com/
ProxyPass / ajp://10.0.0.2/
</VirtualHost>
";
    let yaml = convert_text(text).unwrap().written.text;
    let loaded = ajpgate_config::parse(&yaml, Path::new("new.yaml"), &|_| None).unwrap();
    assert_eq!(loaded.warnings, [], "{yaml}");
}

#[test]
fn programs_that_say_who_comes_in_close_what_they_guard() {
    for (line, path) in [
        (
            "<Location /a>\nPerlAccessHandler My::Deny\n</Location>",
            "/a",
        ),
        ("<Location /a>\nWSGIAccessScript /x.py\n</Location>", "/a"),
        (
            "<Location /a>\nPythonHeaderParserHandler x\n</Location>",
            "/a",
        ),
        ("LuaHookAccessChecker /x.lua f", "/"),
        (
            "<IfModule mod_perl.c>\nPerlAccessHandler My::Deny\n</IfModule>",
            "/",
        ),
        ("ProxyBlock *", "/"),
    ] {
        let text = format!("Listen 80\n{line}\nProxyPass / ajp://10.0.0.1/\n");
        let converted = convert_text(&text).unwrap();
        let yaml = &converted.written.text;
        let closed = format!("path: {path}, to: \"ajp://10.0.0.1{path}\", deny: [0.0.0.0/0");
        assert!(yaml.contains(&closed), "{line}\n{yaml}");
        assert!(!converted.remarks.is_empty(), "{line}");
    }
    for line in [
        "SecRule REMOTE_ADDR \"!@ipMatch 10.0.0.1\" \"id:1,deny\"",
        "DOSPageCount 2",
        "QS_SrvMaxConnPerIP 10",
        "<Location /a>\nMaxConnPerIP 1\n</Location>",
    ] {
        let text = format!(
            "Listen 80\n<IfModule mod_x.c>\n{line}\n</IfModule>\nProxyPass / ajp://10.0.0.1/\n"
        );
        let remarks = convert_text(&text).unwrap().remarks;
        assert!(remarks.len() > 1, "{line}: {remarks:?}");
    }
    let open = "Listen 80\nWSGIPassAuthorization On\nProxyPass / ajp://10.0.0.1/\n";
    let open = convert_text(open).unwrap().written.text;
    assert!(!open.contains("deny"), "{open}");
}

/// Who removes the `respond` opens them otherwise.
#[test]
fn sections_below_a_closed_expression_are_named() {
    let text = "Listen 80
RewriteEngine On
RewriteCond %{QUERY_STRING} debug=
RewriteRule ^/app/ - [F]
ProxyPass /app ajp://10.0.0.1/app
<Location /app/admin>
Require ip 10.0.0.0/8
</Location>
<Location /app/gone>
Require all denied
</Location>
<LocationMatch ^/app/a>
Require host example.com
</LocationMatch>
";
    let converted = convert_text(text).unwrap();
    let remarks: Vec<String> = converted.remarks.iter().map(ToString::to_string).collect();
    for line in [6, 9, 12] {
        let place = format!(":{line}: ");
        let named = remarks.iter().any(|it| it.contains(&place));
        assert!(
            named,
            "line {line}: {remarks:#?}\n{}",
            converted.written.text
        );
    }
}

/// Who deals with one reason has to know of the others.
#[test]
fn each_reason_for_which_a_section_is_closed_is_told() {
    let text = "Listen 80
ProxyPass / ajp://10.0.0.1/
<Location /x>
SSLVerifyClient require
SSLRequire %{SSL_CLIENT_S_DN_CN} eq \"boss\"
</Location>
<Location /y>
AllowMethods GET
<Limit POST>
Require ip 10.0.0.1
</Limit>
</Location>
<Location /z>
SSLRequireSSL
AllowMethods GET
</Location>
";
    let converted = convert_text(text).unwrap();
    let yaml = &converted.written.text;
    let remarks: Vec<String> = converted.remarks.iter().map(ToString::to_string).collect();
    for why in [
        "AllowMethods has no counterpart; line 14: SSLRequireSSL",
        "SSLVerifyClient has no counterpart; line 5: SSLRequire has no counterpart",
        "AllowMethods has no counterpart; line 9: <Limit>: methods are not told apart here",
    ] {
        assert!(yaml.contains(why), "{why}: {yaml}");
        assert!(remarks.iter().any(|it| it.contains(why)), "{remarks:#?}");
    }
}
