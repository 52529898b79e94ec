//! Files on disk: what cannot be read, secrets, and problems that the caller has with a key.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use ajpgate_config::{Loaded, MAX_FILE_SIZE, Problems};

/// A folder of its own for a test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn load(file: &Path) -> Result<Loaded, Problems> {
    ajpgate_config::load(file, &|_| None)
}

/// The messages with their places, without the file's name.
fn messages(result: Result<Loaded, Problems>) -> Vec<String> {
    let problem = |problem: &ajpgate_config::Problem| {
        format!("{}:{}: {}", problem.line, problem.column, problem.message)
    };
    result.unwrap_err().iter().map(problem).collect()
}

#[test]
fn a_file_that_is_not_there() {
    let problems = load(Path::new("no/such/file.yaml")).unwrap_err();
    let text = problems.to_string();
    assert!(
        text.starts_with("no/such/file.yaml:1:1: cannot read the file: "),
        "{text}"
    );
    assert_eq!(text.lines().count(), 2, "a hint, but no line of it: {text}");
}

#[test]
fn a_file_that_is_not_text() {
    let file = folder("not_text").join("ajpgate.yaml");
    std::fs::write(&file, b"listeners:\n  - bind: \xc3\xa4\xff\n").unwrap();
    assert_eq!(messages(load(&file)), ["2:12: this byte is not UTF-8"]);
}

#[test]
fn a_file_that_is_too_large() {
    let file = folder("too_large").join("ajpgate.yaml");
    std::fs::write(&file, "#".repeat(MAX_FILE_SIZE + 1)).unwrap();
    assert_eq!(
        messages(load(&file)),
        ["1:1: the file is larger than 1048576 bytes"]
    );
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_file() {
    let text = "\u{feff}listners: 1\n";
    let problems = ajpgate_config::parse(text, Path::new("x.yaml"), &|_| None);
    // And the key that was meant is not called missing.
    assert_eq!(messages(problems), ["1:1: unknown key \"listners\""]);
}

const WITH_SECRET_FILE: &str = "
listeners: [{ bind: ':0' }]
balancers:
  b:
    members: [{ url: 'ajp://h', secret_file: secret.txt }]
proxy_pass: [{ path: /, to: 'balancer://b' }]
";

#[cfg(unix)]
#[test]
fn secrets_come_from_files_beside_the_configuration() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder("secrets");
    let (file, secret) = (folder.join("ajpgate.yaml"), folder.join("secret.txt"));
    std::fs::write(&file, WITH_SECRET_FILE).unwrap();
    let with = |text: &str, mode: u32| {
        std::fs::write(&secret, text).unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(mode)).unwrap();
        load(&file)
    };
    for text in ["s3cret", "s3cret\n", "s3cret\r\n"] {
        let loaded = with(text, 0o600).unwrap();
        let member = &loaded.config.balancers[0].members[0];
        assert_eq!(
            member.secret.as_ref().unwrap().expose(),
            "s3cret",
            "{text:?}"
        );
        assert_eq!(loaded.warnings, []);
        assert!(!format!("{loaded:?}").contains("s3cret"));
    }
    let loaded = with("s3cret", 0o644).unwrap();
    assert!(
        loaded.warnings[0]
            .message
            .contains("every user of this machine can read")
    );
    for (text, why) in [
        ("", "is empty"),
        ("\n", "is empty"),
        ("a\nb\n", "contains a control character"),
        (&"x".repeat(1025), "longer than 1024 bytes"),
        (&"x".repeat(5000), "longer than 1024 bytes"),
    ] {
        let found = messages(with(text, 0o600));
        let place = format!(
            "5:46: secret_file: the secret in {} {why}",
            secret.display()
        );
        assert_eq!(found, [place]);
    }
}

#[test]
fn relative_names_start_from_the_folder_of_the_file() {
    let text = "
listeners: [{ bind: ':0', tls: { certificate: a.crt, private_key: /etc/b.key } }]
access_log: { path: log/access.log }
admin: { state_file: state.json }
";
    let loaded = ajpgate_config::parse(text, Path::new("/etc/ajpgate/x.yaml"), &|_| None).unwrap();
    let config = loaded.config;
    let tls = config.listeners[0].tls.as_ref().unwrap();
    assert_eq!(tls.pairs[0].certificate, Path::new("/etc/ajpgate/a.crt"));
    assert_eq!(tls.pairs[0].private_key, Path::new("/etc/b.key"));
    assert_eq!(
        config.admin.unwrap().state_file.unwrap(),
        Path::new("/etc/ajpgate/state.json")
    );
}

#[test]
fn the_caller_can_point_at_a_key() {
    let text = "\
listeners:
  - bind: 127.0.0.1:0
  - bind: 127.0.0.1:0
    http2: true
balancers:
  my.shop:
    members:
      - { url: 'ajp://h', upgrade_url: 'http://h' }
proxy_pass:
  - { path: /, to: 'balancer://my.shop' }
";
    let loaded = ajpgate_config::parse(text, Path::new("x.yaml"), &|_| None).unwrap();
    for (path, line, column) in [
        ("listeners", 1, 1),
        ("listeners[1]", 3, 5),
        ("listeners[1].http2", 4, 5),
        ("listeners[1].tls.client_auth", 3, 5),
        ("listeners[7]", 1, 1),
        ("balancers.my.shop.members[0].upgrade_url", 8, 27),
        ("balancers.my.shop.members[0].route", 8, 9),
        ("limits.max_body", 1, 1),
        ("", 1, 1),
    ] {
        let problem = loaded.problem(path, "not built yet", Some("wait".to_owned()));
        assert_eq!((problem.line, problem.column), (line, column), "{path}");
    }
    let problem = loaded.problem(
        "listeners[1].http2",
        "not built yet",
        Some("wait".to_owned()),
    );
    assert_eq!(
        problem.to_string(),
        "x.yaml:4:5: not built yet\n 4 |     http2: true\n   |     ^^^^^\nhint: wait"
    );
}
