//! TLS of listeners, as who runs the program sees it: the example runs, problems of files have their line, the log says
//! https.

use std::path::Path;
use std::process::Command;

use crate::keys::revocation_list;
use crate::support::program::{Program, ajpgate, run};
use crate::support::{Scratch, address_after};

/// Writes `FILE.crt` and `FILE.key` for this name.
fn certificate(scratch: &Scratch, file: &str, name: &str) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    scratch.write(&format!("{file}.crt"), &made.cert.pem());
    scratch.write(&format!("{file}.key"), &made.signing_key.serialize_pem());
}

#[test]
fn the_example_with_two_tomcats_runs() {
    let scratch = Scratch::new("two-tomcats");
    certificate(&scratch, "shop", "shop.example.com");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/examples/two-tomcats.yaml");
    let mut text = std::fs::read_to_string(example).unwrap();
    // What belongs to the machine of the example: addresses and folders.
    for (theirs, ours) in [
        ("bind: 0.0.0.0:80", "bind: 127.0.0.1:0"),
        ("bind: 0.0.0.0:443", "bind: 127.0.0.1:0"),
        ("/etc/ajpgate/tls/", ""),
        ("/var/log/ajpgate/", ""),
        ("/var/lib/ajpgate/", ""),
        ("bind: 10.0.0.5:9404", "bind: 127.0.0.1:0"),
        ("allow: [10.0.0.0/24]", "allow: [127.0.0.1]"),
    ] {
        assert!(text.contains(theirs), "{theirs}");
        text = text.replace(theirs, ours);
    }
    scratch.write("ajpgate.yaml", &text);
    let mut command = ajpgate(scratch.path(), &["check"]);
    let secrets = [("AJP_SECRET", "s"), ("ADMIN_PASSWORD", "p")];
    let checked = run(command.envs(secrets));
    assert_eq!(checked.stdout, "./ajpgate.yaml: fine\n", "{checked:?}");
    let mut command = ajpgate(scratch.path(), &["run"]);
    let mut gateway = Program::start(command.envs(secrets));
    let front = gateway.prints("where it listens", |gateway| {
        address_after(&gateway.stderr(), "listening on https://")
    });
    let curl = run(Command::new("curl").args([
        "--silent",
        "--show-error",
        "--cacert",
        &scratch.path().join("shop.crt").display().to_string(),
        "--connect-to",
        &format!("shop.example.com:443:{front}"),
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code} %{http_version}",
        "https://shop.example.com/shop/internal",
    ]));
    assert_eq!(curl.stdout, "404 2", "{curl:?}");
}

/// What stands under `tls`, and what is said of it.
const UNUSABLE: &[(&str, &str)] = &[
    (
        "certificate: none.crt, private_key: a.key",
        "cannot read ./none.crt",
    ),
    (
        "certificate: a.crt, private_key: none.key",
        "private key from ./none.key",
    ),
    (
        "certificate: empty.pem, private_key: a.key",
        "./empty.pem holds no certificate",
    ),
    (
        "certificate: a.key, private_key: a.key",
        "./a.key holds no certificate",
    ),
    (
        "certificate: a.crt, private_key: b.key",
        "./b.key cannot be used: it is not the key of ./a.crt",
    ),
    (
        "certificate: a.crt, private_key: a.key, client_auth: required, client_ca: empty.pem",
        "./empty.pem holds no certificate",
    ),
    (
        "certificate: a.crt, private_key: a.key, client_auth: required, client_ca: a.crt, client_crl: a.crt",
        "./a.crt holds no revocation list",
    ),
];

/// Each problem is reported at the line of `tls`, before anything is bound. `check` only warns of a file that is not there,
/// because the keys may be on another machine.
#[test]
fn files_that_cannot_be_used_are_named_at_their_line() {
    let scratch = Scratch::new("tls-files");
    certificate(&scratch, "a", "a.test");
    certificate(&scratch, "b", "b.test");
    scratch.write("empty.pem", "");
    for (tls, said) in UNUSABLE {
        for (file, line) in [
            (
                format!("listeners:\n- bind: 127.0.0.1:0\n  tls: {{ {tls} }}\n"),
                3,
            ),
            (
                format!(
                    "listeners:\n- bind: 127.0.0.1:0\nadmin: {{ bind: \"127.0.0.1:0\", tls: {{ {tls} }} }}\n"
                ),
                3,
            ),
        ] {
            let file = file + "proxy_pass: [{ path: /, to: \"ajp://localhost/\" }]\n";
            scratch.write("ajpgate.yaml", &file);
            let begins = format!("./ajpgate.yaml:{line}:");
            let done = run(&mut ajpgate(scratch.path(), &["run"]));
            let at = |text: &str| {
                let mut lines = text.lines();
                lines.any(|it| it.starts_with(&begins) && it.contains(said))
            };
            assert!(done.code == Some(2) && at(&done.stderr), "{tls}: {done:?}");
            let done = run(&mut ajpgate(scratch.path(), &["check"]));
            let code = if said.contains("none.") { 0 } else { 2 };
            assert!(
                done.code == Some(code) && at(&done.stdout),
                "{tls}: {done:?}"
            );
        }
    }
}

/// What the gateway itself connects to: members, those of a source, and the engine of a cluster.
#[test]
fn files_for_connections_of_the_gateway_are_named_at_their_line() {
    let scratch = Scratch::new("tls-outwards");
    scratch.write("bad.pem", "no certificate");
    for (keys, line) in [
        (
            "balancers:
  b:
    members: [{ url: \"https://localhost\",
      tls: { ca: bad.pem } }]
",
            5,
        ),
        (
            "balancers:
  b:
    discover: [{ dns: \"https://localhost\", member: {
      tls: { ca: bad.pem } } }]
",
            5,
        ),
        (
            "cluster:
  url: rediss://localhost
  name: shop
  tls: { ca: bad.pem }
",
            5,
        ),
    ] {
        let file = format!(
            "listeners: [{{ bind: \"127.0.0.1:0\" }}]\n{keys}proxy_pass: [{{ path: /, to: \"ajp://localhost/\" }}]\n"
        );
        scratch.write("ajpgate.yaml", &file);
        let done = run(&mut ajpgate(scratch.path(), &["check"]));
        let begins = format!("./ajpgate.yaml:{line}:");
        let is_named = done
            .stdout
            .lines()
            .any(|it| it.starts_with(&begins) && it.contains("bad.pem"));
        assert!(done.code == Some(2) && is_named, "{keys}: {done:?}");
    }
}

#[test]
fn check_warns_of_certificates_that_expire_and_of_missing_revocation_lists() {
    let scratch = Scratch::new("tls-doubts");
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(["old.test".to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let common = rcgen::DnType::CommonName;
    params.distinguished_name.push(common, "old.test");
    scratch.write("clients.crl", &revocation_list());
    params.not_before = rcgen::date_time_ymd(2001, 1, 1);
    params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    let old = params.self_signed(&key).unwrap();
    scratch.write("old.crt", &old.pem());
    scratch.write("old.key", &key.serialize_pem());
    scratch.write(
        "ajpgate.yaml",
        "listeners:\n- bind: 127.0.0.1:0\n  tls: { certificate: old.crt, private_key: old.key, client_auth: optional,\n    \
         client_ca: old.crt, client_crl: clients.crl }\n\
         proxy_pass: [{ path: /, to: \"ajp://localhost/\" }]\n",
    );
    let done = run(&mut ajpgate(scratch.path(), &["check"]));
    assert_eq!(done.code, Some(0), "{done:?}");
    let said = |text: &str| assert!(done.stdout.contains(text), "{text}: {done:?}");
    said("warning: tls: the certificate of old.test expired at 2002-01-01T00:00:00Z");
    said("has no revocation list of CN=old.test: clients that it has issued are refused");
}

/// Every key that names a file of TLS.
const FILES_EVERYWHERE: &str = "\
listeners:
  - bind: 127.0.0.1:0
    tls:
      certificate: listeners[0].certificate
      private_key: listeners[0].private_key
      client_auth: required
      client_ca: listeners[0].client_ca
      client_crl: listeners[0].client_crl
      certificates:
        - { certificate: \"certificates[0].certificate\", private_key: \"certificates[0].private_key\" }
admin: { bind: \"127.0.0.1:0\", tls: { certificate: admin.certificate, private_key: admin.private_key } }
proxy_pass:
  - path: /
    to: https://localhost/
    member: { tls: { ca: member.ca, certificate: member.certificate, private_key: member.private_key } }
cluster: { url: \"rediss://localhost/\", name: shop, tls: { ca: cluster.ca } }
";

/// Before, `check` told of the first file alone, at `tls`.
#[test]
fn each_file_that_is_missing_or_bad_is_named_at_its_own_key() {
    let scratch = Scratch::new("tls");
    let files = [
        "listeners[0].certificate",
        "listeners[0].private_key",
        "listeners[0].client_ca",
        "listeners[0].client_crl",
        "certificates[0].certificate",
        "certificates[0].private_key",
        "admin.certificate",
        "admin.private_key",
        "member.ca",
        "member.certificate",
        "member.private_key",
        "cluster.ca",
    ];
    scratch.write("ajpgate.yaml", FILES_EVERYWHERE);
    let missing = run(&mut ajpgate(scratch.path(), &["check"]));
    assert_eq!(missing.code, Some(0), "{missing:?}");
    let run_here = run(&mut ajpgate(scratch.path(), &["run"]));
    assert_eq!(run_here.code, Some(2), "{run_here:?}");
    for file in files {
        scratch.write(file, "nonsense");
    }
    let bad = run(&mut ajpgate(scratch.path(), &["check"]));
    assert_eq!(bad.code, Some(2), "{bad:?}");
    for said in [&missing.stdout, &run_here.stderr, &bad.stdout] {
        for file in files {
            let key = file.rsplit('.').next().unwrap();
            let blocks = said.split("\n\n");
            let of_file: Vec<&str> = blocks
                .filter(|it| it.lines().next().unwrap().contains(file))
                .collect();
            let [block] = of_file.as_slice() else {
                panic!("{file}: {said}");
            };
            let lines: Vec<&str> = block.lines().collect();
            let at = lines[2].find('^').unwrap();
            assert!(lines[0].contains(&format!(": {key}: ")), "{block}");
            assert!(lines[1][at..].starts_with(&format!("{key}: ")), "{block}");
        }
    }
}
