//! Lines that become nothing are named or counted, and what cannot be written is closed, with its place.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::{Path, PathBuf};

use ajpgate_config::convert::{Converted, Files, Wanted, convert};

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

fn converted(text: impl Into<Vec<u8>>) -> Converted {
    let wanted = Wanted {
        httpd: Some(PathBuf::from("/httpd.conf")),
        ..Wanted::default()
    };
    convert(&wanted, &One(text.into()), &|_| None).unwrap()
}

/// The YAML, which `check` accepts, and the remarks.
fn both(text: &str) -> (String, String) {
    let converted = converted(text);
    let yaml = converted.written.text;
    if let Err(problems) = ajpgate_config::parse(&yaml, Path::new("new.yaml"), &|_| None) {
        panic!("{problems}\n{text}\n{yaml}");
    }
    let remarks = converted.remarks.iter().map(|it| format!("{it}\n"));
    (yaml, remarks.collect())
}

#[test]
fn every_line_is_turned_named_or_counted() {
    for lines in [
        "<Proxy balancer://unused>\nBalancerMember ajp://h\n</Proxy>",
        "BalancerMember balancer://unused ajp://h",
        "<Files \"*.jsp\">\nRequire all denied\n</Files>",
        "<FilesMatch \"\\.jsp$\">\nRequire all denied\n</FilesMatch>",
        "<Directory \"proxy:*\">\nRequire all denied\n</Directory>",
        "<Location /nothing>\nRequire all denied\n</Location>",
        "<LocationMatch ^/nothing/>\nHeader set X y\n</LocationMatch>",
        "<Proxy ajp://unused:8009>\nProxySet timeout=5\n</Proxy>",
        "SSLOCSPEnable on",
        "SSLVerifyDepth 1",
        "AddOutputFilter INCLUDES .shtml",
        "DocumentRoot /srv/x\n<Directory /srv/x>\nOptions Indexes\n</Directory>",
        "DocumentRoot /srv/x\nDirectoryIndex start.html index.html",
        "<Proxy balancer://b>\nBalancerMember ajp://h:1 hcmethod=TCP\nBalancerMember ajp://h:2\n</Proxy>\nProxyPass /b balancer://b/",
        "SSLCertificateFile /x.crt",
        "SSLCertificateKeyFile /x.key",
        "<VirtualHost *:80>\nSSLCertificateFile /x.crt\nProxyPass /app ajp://h/app\n</VirtualHost>",
    ] {
        let converted = converted(format!("Listen 80\nProxyPass /app ajp://h/app\n{lines}\n"));
        assert!(!converted.remarks.is_empty(), "{lines}");
    }
    for line in [
        "ServerLimit 4",
        "RewriteOptions AllowAnyURI",
        "Options FollowSymLinks",
        "DirectoryIndex index.html",
        "MaxRequestWorkers 150",
        "<IfModule mpm_event_module>\nMaxRequestWorkers 400\nAsyncRequestWorkerFactor 2\n</IfModule>",
        "UseCanonicalName Off",
        "<Directory /srv>\nRequire ip 10\n</Directory>",
    ] {
        let converted = converted(format!("Listen 80\nProxyPass /app ajp://h/app\n{line}\n"));
        assert!(converted.remarks.is_empty(), "{:?}", converted.remarks);
        assert!(converted.counted > 0, "{line}");
    }
    // What has an effect is not counted.
    for (line, expected) in [
        ("Protocols h2c http/1.1", "http2: true"),
        ("MaxRequestWorkers 500", "limits: { max_connections: 1500 }"),
        (
            "MaxClients 10\nAsyncRequestWorkerFactor 1",
            "limits: { max_connections: 20 }",
        ),
        ("RewriteOptions inherit", ""),
    ] {
        let converted = converted(format!("Listen 80\nProxyPass /app ajp://h/app\n{line}\n"));
        assert!(converted.written.text.contains(expected), "{line}");
        assert_eq!(converted.counted, 0, "{line}");
    }
    // What is used is not named.
    let (_, remarks) = both(
        "Listen 80\nDocumentRoot /srv/x\n<Location /app/sub>\nRequire ip 10\n</Location>\n\
         <Proxy balancer://used>\nBalancerMember ajp://h\n</Proxy>\n\
         ProxyPass /app balancer://used/app\n<Location /else>\nRequire ip 10\n</Location>\n",
    );
    assert!(!remarks.contains("left out with everything"), "{remarks}");
}

#[test]
fn what_no_target_can_have_is_escaped_or_answers_503() {
    for (target, expected) in [
        ("ajp://h/a^b", "to: \"ajp://h/a%5Eb\""),
        ("\"ajp://h/a b\"", "to: \"ajp://h/a%20b\""),
        ("ajp://h/é|{x}", "to: \"ajp://h/%C3%A9%7C%7Bx%7D\""),
        ("ajp://h/a?b=c", "to: \"ajp://h/a%3Fb=c\""),
        ("ajp://h/a$1", "to: \"ajp://h/a\\\\$1\""),
        ("ajp://h/a;v=1", "respond: { status: 503 }"),
        ("ajp://h/.", "respond: { status: 503 }"),
    ] {
        let (yaml, remarks) = both(&format!("ProxyPass /app {target}\n"));
        assert!(yaml.contains(expected), "{target}\n{yaml}");
        let is_closed = expected.starts_with("respond");
        assert_eq!(remarks.contains("503"), is_closed, "{target}\n{remarks}");
    }
    let (yaml, _) = both("Redirect /app http://x.example.com/{a}$1\n");
    assert!(
        yaml.contains("http://x.example.com/%7Ba%7D\\\\$1"),
        "{yaml}"
    );
    let (_, remarks) = both("RedirectMatch ^/rm(.*)$ http://x$1/z\n");
    assert!(remarks.contains("right behind the host"), "{remarks}");
    let (_, remarks) =
        both("RedirectMatch ^/rm(/.*)$ http://x$1\nRedirectMatch ^(.*)$ http://y$1\n");
    assert!(!remarks.contains("right behind the host"), "{remarks}");
}

#[test]
fn a_section_guards_a_target_that_is_escaped() {
    for target in ["ajp://h/a^b", "ajp://h/a b", "ajp://h/a?b", "ajp://h/é$1"] {
        let (yaml, _) = both(&format!(
            "ProxyPass /app \"{target}\"\n<Proxy \"{target}\">\nRequire ip 10\n</Proxy>\n"
        ));
        // In the url of a section `?` is a wildcard, and closes what it may be about.
        let guard = if target.contains('?') {
            "deny: [0.0.0.0/0"
        } else {
            "allow: [10.0.0.0/8]"
        };
        assert!(yaml.contains(guard), "{target}\n{yaml}");
    }
}

#[test]
fn keys_that_check_refuses_are_not_written() {
    let balancer = |parameters: &str| {
        both(&format!(
            "<Proxy balancer://b>\nBalancerMember ajp://h {parameters}\n</Proxy>\nProxyPass / balancer://b/\n"
        ))
    };
    let (yaml, remarks) = balancer("min=5 max=2");
    assert!(yaml.contains("min: 2"), "{yaml}");
    assert!(remarks.contains("min: more than max"), "{remarks}");
    let (yaml, _) = balancer("min=500");
    assert!(yaml.contains("max: 500"), "{yaml}");
    let set = |lines: &str, parameters: &str| {
        both(&format!(
            "{lines}\n<Proxy balancer://b>\nBalancerMember ajp://h\nProxySet {parameters}\n</Proxy>\nProxyPass / balancer://b/\n"
        ))
    };
    let (_, remarks) = set("", "failonstatus=99");
    assert!(remarks.contains("failonstatus"), "{remarks}");
    let (_, remarks) = set("", "lbmethod=heartbeat");
    assert!(remarks.contains("HeartbeatStorage"), "{remarks}");
    let (yaml, remarks) = set(
        "HeartbeatStorage /run/hb.dat\nHeartbeatListen 239.0.0.1:27999",
        "lbmethod=heartbeat",
    );
    assert!(yaml.contains("lbmethod: heartbeat"), "{yaml}");
    assert!(yaml.contains("storage: /run/hb.dat"), "{yaml}");
    assert!(yaml.contains("239.0.0.1:27999"), "{yaml}");
    assert_eq!(remarks, "");
}

#[test]
fn no_remark_has_line_0_or_names_itself() {
    let (_, remarks) = both("Listen 8080\nSSLEngine on\nProxyPass / ajp://h/\n");
    assert!(remarks.contains("/httpd.conf:2: SSLEngine"), "{remarks}");
    let (_, remarks) = both("Listen 80\nListen 99 https\nProxyPass / ajp://h/\n");
    assert!(remarks.contains("/httpd.conf:2: "), "{remarks}");
    assert!(!remarks.contains(":0:"), "{remarks}");
    let (_, remarks) = both(
        "RewriteEngine On\nRewriteRule ^/a - [L]\nRewriteRule ^/a/(.*)$ ajp://h/$1 [P]\nRewriteRule ^/a/ - [L]\nProxyPass / ajp://h/\n",
    );
    for remark in remarks.lines() {
        let own = remark.split(':').nth(1).unwrap_or_default();
        assert!(!remark.ends_with(&format!("of line {own}")), "{remarks}");
    }
}

#[test]
fn paths_in_latin_1_are_named() {
    let text = b"ProxyPass /caf\xe9 ajp://h/x\nProxyPass /a ajp://h/a\n# \xe9\n".to_vec();
    let remarks: Vec<String> = converted(text)
        .remarks
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(remarks.len(), 1, "{remarks:?}");
    assert!(
        remarks
            .concat()
            .contains(":1: `ProxyPass /café ajp://h/x`: the file is in ISO-8859-1"),
        "{remarks:?}"
    );
}

#[test]
fn a_balancer_of_an_expression_is_found() {
    let balancer = "<Proxy balancer://shop>\nBalancerMember ajp://h\n</Proxy>\n";
    for rule in [
        "ProxyPassMatch ^/n/ balancer://shop",
        "ProxyPassMatch ^/n(/.*)$ balancer://SHOP$1",
    ] {
        let (yaml, remarks) = both(&format!("{balancer}{rule}\n"));
        assert!(yaml.contains("to: \"balancer://shop"), "{yaml}");
        assert_eq!(remarks, "", "{rule}");
    }
}

#[test]
fn a_module_that_may_keep_somebody_out_closes_its_section() {
    let is_open = |inner: &str| {
        let (yaml, remarks) = both(&format!(
            "Listen 80\n<Location /app/adm>\n{inner}\n</Location>\nProxyPass /app ajp://h/app\n"
        ));
        let closed = yaml
            .lines()
            .any(|line| line.contains("path: /app/adm") && line.contains("deny: [0.0.0.0/0"));
        assert_eq!(closed, remarks.contains("closed for everybody"), "{inner}");
        !closed
    };
    for inner in [
        "CosignProtected On",
        "AmAgent on",
        "AuthCookieEnable on",
        "AuthRequest /x",
        "FrobnicateAccess deny",
        "SecRule REMOTE_ADDR \"!@ipMatch 10.0.0.0/8\" \"id:1,deny,status:403\"",
        "SecRule REQUEST_METHOD \"POST\" \"id:1\"",
        "SecAction \"id:2,phase:1,deny\"",
        "<IfModule mod_cosign.c>\nCosignProtected On\n</IfModule>",
    ] {
        assert!(!is_open(inner), "{inner}");
    }
    for inner in [
        "CosignProtected Off",
        "BandWidthModule On",
        "AllowEncodedSlashes On",
        "SecRuleEngine Off",
        "SecRuleRemoveById 1",
        "SecRule REMOTE_ADDR \"@ipMatch 10.0.0.0/8\" \"id:1,pass,nolog\"",
    ] {
        assert!(is_open(inner), "{inner}");
    }
}

#[test]
fn a_module_that_may_keep_somebody_out_of_a_server_closes_it() {
    let yaml = |line: &str| both(&format!("Listen 80\n{line}\nProxyPass /app ajp://h/app\n")).0;
    for line in [
        "AmAgent On",
        "SecRule REMOTE_ADDR|ARGS \"!@ipMatch 10.0.0.0/8\" \"id:1,deny\"",
    ] {
        let yaml = yaml(line);
        assert!(yaml.contains("deny: [0.0.0.0/0"), "{yaml}");
    }
    for line in [
        "AmAgent Off",
        "SecRule REQUEST_URI \"evil\" \"id:1,deny\"",
        "SecRule REMOTE_ADDR \"@ipMatch 10.0.0.0/8\" \"id:1,pass\"",
    ] {
        let yaml = yaml(line);
        assert!(!yaml.contains("deny:"), "{yaml}");
    }
}

#[test]
fn a_rule_that_one_virtual_host_does_not_reach_is_not_called_left_out() {
    let (yaml, said) = both(
        "Listen 80\nProxyPass /c ajp://10.0.0.1/t\n\
         <VirtualHost *:80>\nServerName a.example.com\nRewriteEngine On\nRewriteRule \\.do$ - [F]\n</VirtualHost>\n\
         <VirtualHost *:80>\nServerName b.example.com\nRewriteEngine On\nRewriteRule ^/c - [G]\n</VirtualHost>\n",
    );
    assert!(yaml.contains("path: /c"), "{yaml}");
    assert!(!said.contains("never reached"), "{said}\n{yaml}");
}

#[test]
fn a_section_that_is_turned_is_called_left_out_only_where_it_is() {
    let (yaml, said) = both(
        "<Proxy http://10.0.0.1/solr>\nRequire ip 10.0.0.2\n</Proxy>\nProxyPass /solr http://10.0.0.1/solr\n\
         <LocationMatch \"/select$\">\n<Limit GET>\nDeny from all\n</Limit>\n</LocationMatch>\n",
    );
    assert!(yaml.contains("allow: [10.0.0.2]"), "{yaml}");
    assert!(
        said.contains("http://10.0.0.1/solr>`: left out where a `respond` closes paths"),
        "{said}\n{yaml}"
    );
    assert!(!said.contains("left out, because its paths"), "{said}");
}
