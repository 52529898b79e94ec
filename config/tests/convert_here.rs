//! What mappings name on this machine: files of users and folders. `check` accepts what is written.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ajpgate_config::convert::{BadUser, Converted, Files, Wanted, convert};

/// A machine with these files. A name that ends with a slash is a folder.
struct Machine {
    files: BTreeMap<PathBuf, String>,
    folders: Vec<PathBuf>,
}

impl Machine {
    fn new(files: &[(&str, &str)]) -> Self {
        let is_folder = |name: &str| name.ends_with('/');
        let folders = files.iter().filter(|it| is_folder(it.0));
        let files = files.iter().filter(|it| !is_folder(it.0));
        Self {
            files: files.map(|it| (it.0.into(), it.1.into())).collect(),
            folders: folders.map(|it| it.0.into()).collect(),
        }
    }

    fn converted(&self) -> Converted {
        let wanted = Wanted {
            httpd: Some("/etc/httpd.conf".into()),
            ..Wanted::default()
        };
        convert(&wanted, self, &|_| None).unwrap()
    }
}

impl Files for Machine {
    fn read(&self, file: &Path) -> Result<Vec<u8>, String> {
        let found = self.files.get(file).ok_or("no such file")?;
        Ok(found.clone().into_bytes())
    }

    fn names(&self, folder: &Path) -> Option<Vec<String>> {
        let all = self.files.keys().chain(&self.folders);
        let inside = all.filter(|it| it.parent() == Some(folder));
        let names = inside.filter_map(|it| Some(it.file_name()?.to_str()?.to_owned()));
        self.is_folder(folder).then(|| names.collect())
    }

    fn is_folder(&self, path: &Path) -> bool {
        self.folders.iter().any(|it| it == path)
    }

    /// Those with MD5.
    fn bad_users(&self, file: &Path) -> Result<Vec<BadUser>, String> {
        let text = self.files.get(file).ok_or("cannot read it")?;
        let bad = (1..)
            .zip(text.lines())
            .filter(|(_, line)| line.contains("$apr1$"));
        let bad = bad.map(|(line, text)| BadUser {
            line,
            name: text.split_once(':').map(|it| it.0.to_owned()),
            why: "MD5 is not taken".to_owned(),
        });
        Ok(bad.collect())
    }
}

fn said(converted: &Converted) -> Vec<String> {
    converted.remarks.iter().map(ToString::to_string).collect()
}

const BASIC: &str = "ProxyPass / ajp://10.0.0.1/\n<Location /admin>\nAuthType Basic\nAuthUserFile /etc/users\n\
                     Require valid-user\n</Location>\n";

#[test]
fn a_mapping_is_closed_where_its_users_have_hashes_that_the_gateway_does_not_take() {
    let users = "ann:$2y$05$x\nbob:$apr1$x\neve:$apr1$y\n";
    let machine = Machine::new(&[("/etc/httpd.conf", BASIC), ("/etc/users", users)]);
    let converted = machine.converted();
    let yaml = &converted.written.text;
    let mapping = "  # closed for everybody: /etc/users: bob, eve: MD5 is not taken; then convert again\n  \
                   - { path: /admin, to: \"ajp://10.0.0.1/admin\", deny: [0.0.0.0/0, \"::/0\"] }\n";
    assert!(yaml.contains(mapping), "{yaml}");
    let remark = "/etc/httpd.conf:2: `<Location /admin>`: its paths are closed for everybody (403): /etc/users: bob, eve: MD5 is not taken; \
                  then convert again";
    assert_eq!(said(&converted), [remark]);
}

#[test]
fn many_users_with_such_hashes_are_counted() {
    let users: String = (0..25).map(|it| format!("u{it}:$apr1$x\n")).collect();
    let machine = Machine::new(&[("/etc/httpd.conf", BASIC), ("/etc/users", &users)]);
    let said = said(&machine.converted()).concat();
    assert!(
        said.contains("u0, u1, u2, u3, u4, u5, u6, u7, u8, u9 and 15 more: MD5"),
        "{said}"
    );
}

#[test]
fn a_file_of_users_that_is_not_here_is_named_with_the_hashes_that_are_taken() {
    let converted = Machine::new(&[("/etc/httpd.conf", BASIC)]).converted();
    let yaml = &converted.written.text;
    assert!(
        yaml.contains("auth: { basic: { users: /etc/users, pass: true } }"),
        "{yaml}"
    );
    let said = said(&converted);
    let start = "/etc/httpd.conf:2: `<Location /admin>`: cannot read it; of its hashes the gateway takes bcrypt and SHA crypt";
    assert!(
        matches!(said.as_slice(), [it] if it.starts_with(start)),
        "{said:?}"
    );
}

/// What `check` asks of `files`: a folder.
fn served(machine: &Machine, yaml: &str) -> Vec<String> {
    let loaded = ajpgate_config::parse(yaml, Path::new("new.yaml"), &|_| None).unwrap();
    let mappings = loaded.config.mappings.iter();
    let folders = mappings.filter_map(|mapping| match &mapping.action {
        ajpgate_config::Action::Files(files) => Some(files.directory.clone()),
        _ => None,
    });
    folders
        .inspect(|folder| assert!(machine.is_folder(folder), "{folder:?}\n{yaml}"))
        .map(|folder| folder.display().to_string())
        .collect()
}

#[test]
fn sections_about_paths_of_the_server_itself_are_no_folders() {
    let text = "DocumentRoot /srv/site\n<Location /balancer-manager>\nSetHandler balancer-manager\nRequire ip 10.0.0.0/8\n\
                </Location>\n<Location /server-status>\nSetHandler server-status\nRequire local\n</Location>\n";
    let machine = Machine::new(&[("/etc/httpd.conf", text), ("/srv/site/", "")]);
    let yaml = machine.converted().written.text;
    assert_eq!(served(&machine, &yaml), ["/srv/site"]);
    for mapping in [
        "- { path: /balancer-manager, respond: { status: 404 }, allow: [10.0.0.0/8] }",
        "- { path: /server-status, respond: { status: 404 }, allow: [127.0.0.0/8, \"::1/128\"] }",
    ] {
        assert!(yaml.contains(mapping), "{yaml}");
    }
}

#[test]
fn a_folder_that_is_not_here_is_named() {
    let text = "Alias /docs /srv/docs\nProxyPass /docs !\nProxyPass / ajp://10.0.0.1/\nProxyErrorOverride Off\n";
    let machine = Machine::new(&[("/etc/httpd.conf", text)]);
    let converted = machine.converted();
    let yaml = &converted.written.text;
    assert!(
        yaml.contains("- { path: /docs, respond: { status: 404 } }"),
        "{yaml}"
    );
    assert!(served(&machine, yaml).is_empty());
    let said = said(&converted);
    let remark = "/etc/httpd.conf:1: `Alias /docs /srv/docs`: /srv/docs is no folder of this machine: /docs is 404; convert where it is one, or \
                  write `files`";
    assert_eq!(said, [remark]);
}

#[test]
fn a_single_file_is_served_alone() {
    let text = "DocumentRoot /srv/site\nAlias /icon.ico /srv/other.ico\nProxyPass /robots.txt !\nProxyPass /icon.ico !\n\
                ProxyPass / ajp://10.0.0.1/\n";
    let machine = Machine::new(&[
        ("/etc/httpd.conf", text),
        ("/srv/", ""),
        ("/srv/site/", ""),
        ("/srv/site/robots.txt", "User-agent: *\n"),
        ("/srv/other.ico", "icon"),
    ]);
    let converted = machine.converted();
    let yaml = &converted.written.text;
    assert_eq!(served(&machine, yaml), ["/srv/site"]);
    let file = "- { match: \"^/robots\\\\.txt$\", files: /srv/site }";
    assert!(yaml.contains(file), "{yaml}");
    // Its name is another one than its path's.
    assert!(
        yaml.contains("- { path: /icon.ico, respond: { status: 404 } }"),
        "{yaml}"
    );
    assert_eq!(converted.remarks.len(), 1, "{:?}", said(&converted));
}
