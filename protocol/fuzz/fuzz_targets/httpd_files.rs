//! Any httpd.conf, as bytes or made of lines that people write: no panic, what is written can be read, and where the last section
//! keeps everybody out, no mapping lets anybody in.
#![no_main]

use std::path::Path;

use ajpgate_config::convert::{Files, Wanted, convert};
use ajpgate_config::model::{Action, Mapping};
use libfuzzer_sys::fuzz_target;

/// The last section of the file: later sections count before earlier ones.
const CLOSED: &str = "\n<Location />\nRequire all denied\n</Location>\n";

/// Lines, in which `%` stands for a path and `@` for a url.
const LINES: [&str; 62] = [
    "ProxyPass % @",
    "ProxyPass % !",
    "ProxyPass %/ @/ secret=s timeout=5",
    "ProxyPassMatch ^% @",
    "ProxyPassMatch ^%/(.*)$ @/$1",
    "ProxyPassMatch \\.x$ !",
    "<Location %>",
    "</Location>",
    "<LocationMatch ^%>",
    "<LocationMatch \\.x$>",
    "</LocationMatch>",
    "<Location ~ \"^%|^/b\">",
    "<Proxy balancer://b>",
    "<Proxy @>",
    "<Proxy *>",
    "</Proxy>",
    "BalancerMember @ route=n1",
    "ProxySet stickysession=A|b lbmethod=bytraffic",
    "ProxyPass %",
    "ProxyPass @",
    "ProxyPass !",
    "Require all granted",
    "Require all denied",
    "Require ip 10 11.0.0.0/8",
    "Require valid-user",
    "AuthType Basic",
    "AuthUserFile users",
    "Order deny,allow",
    "Deny from all",
    "Allow from 10.0.0.0/8",
    "Satisfy Any",
    "<RequireAll>",
    "</RequireAll>",
    "<RequireNone>",
    "</RequireNone>",
    "<Limit POST>",
    "</Limit>",
    "<If true>",
    "</If>",
    "RewriteEngine On",
    "RewriteCond %{HTTPS} off",
    "RewriteCond %{REMOTE_ADDR} !^10",
    "RewriteRule ^% - [F]",
    "RewriteRule ^%/ - [L]",
    "RewriteRule ^%/(.*)$ @/$1 [P,NC]",
    "RewriteRule ^%$ @/y [P]",
    "RewriteRule ^%$ % [R=301,L]",
    "RewriteRule .* https://%{HTTP_HOST}%{REQUEST_URI} [R]",
    "RewriteRule ^% %/z [PT]",
    "Redirect % /moved",
    "RedirectMatch ^%(.*) /m$1",
    "Redirect gone %",
    "Alias % /srv/files",
    "DocumentRoot /srv/htdocs",
    "<Directory /srv>",
    "</Directory>",
    "Header always set X-A b",
    "SetEnvIf Request_URI ^% no-proxy",
    "<Macro M $p>",
    "</Macro>",
    "Use M %",
    "AllowEncodedSlashes NoDecode",
];

const PATHS: [&str; 8] = ["/", "/a", "/a/b", "/a/b/c", "/b", "/a.x", "/ab", "/a/"];
const URLS: [&str; 6] = [
    "ajp://h1",
    "ajp://h1/a",
    "balancer://b",
    "balancer://b/a",
    "http://h2/c",
    "balancer://none/",
];

/// The file that some bytes stand for.
fn text(bytes: &[u8]) -> Vec<u8> {
    let Some((0..=63, rest)) = bytes.split_first() else {
        let mut text = Vec::new();
        for piece in bytes.chunks(2) {
            let line = usize::from(piece[0]) % LINES.len();
            let second = usize::from(piece.get(1).copied().unwrap_or_default());
            let line = LINES[line].replace("%{", "\u{1}");
            let line = line.replace('%', PATHS[second % PATHS.len()]);
            let line = line.replace('@', URLS[second / PATHS.len() % URLS.len()]);
            text.extend_from_slice(line.replace('\u{1}', "%{").as_bytes());
            text.push(b'\n');
        }
        return text;
    };
    rest.to_vec()
}

/// The one file.
struct One(Vec<u8>);

impl Files for One {
    fn read(&self, file: &Path) -> Result<Vec<u8>, String> {
        match file == Path::new("/httpd.conf") {
            true => Ok(self.0.clone()),
            false => Err("no such file".to_owned()),
        }
    }

    fn names(&self, _: &Path) -> Option<Vec<String>> {
        None
    }
}

/// Whether a mapping serves nobody.
fn is_closed(mapping: &Mapping) -> bool {
    let networks: Vec<String> = mapping.access.deny.iter().map(ToString::to_string).collect();
    match mapping.action {
        Action::Forward(_) | Action::Files(_) => {
            ["0.0.0.0/0", "::/0"].iter().all(|all| networks.iter().any(|it| it == all))
        }
        Action::Exclude | Action::Redirect(_) | Action::Respond(_) => true,
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut file = text(bytes);
    let lower = file.to_ascii_lowercase();
    let has = |word: &[u8]| lower.windows(word.len()).any(|it| it == word);
    // Sections of a virtual host come behind those of the main server, and mod_jk has files of its own.
    let is_closed_at_last = !has(b"virtualhost") && !has(b"jk");
    if is_closed_at_last {
        file.extend_from_slice(CLOSED.as_bytes());
    }
    let wanted = Wanted {
        httpd: Some("/httpd.conf".into()),
        ..Wanted::default()
    };
    let Ok(converted) = convert(&wanted, &One(file.clone()), &|_| None) else {
        return;
    };
    let yaml = &converted.written.text;
    assert_eq!(yaml.lines().count(), converted.written.origins.len());
    let shown = || format!("{}\n{yaml}", String::from_utf8_lossy(&file));
    match ajpgate_config::parse(yaml, Path::new("new.yaml"), &|_| None) {
        Err(problems) => panic!("{problems}\n{}", shown()),
        Ok(loaded) if is_closed_at_last => {
            let open = loaded.config.mappings.iter().find(|it| !is_closed(it));
            assert!(open.is_none(), "{open:?}\n{}", shown());
        }
        Ok(_) => {}
    }
});
