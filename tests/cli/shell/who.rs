//! Where the commands ask, and with which credentials and certificates.

use std::path::Path;

use super::{column, house_at};
use crate::house::House;
use crate::support::program::{Done, ajpgate, run};
use crate::support::{Authority, ReservedPort, Scratch};

/// Runs a command in the folder of a gateway, with variables of the environment.
fn inside(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Done {
    run(ajpgate(folder, arguments).envs(variables.iter().copied()))
}

fn assert_works(done: &Done) {
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{done:?}");
    assert_eq!(column(&done.stdout, "node1", "STATE"), "up");
}

#[test]
fn the_address_comes_from_the_configuration_file() {
    let port = ReservedPort::new();
    let house = house_at(port.addr());
    let folder = house.scratch.path();
    assert_works(&inside(folder, &["status"], &[]));
    assert_works(&inside(folder, &["status", "-c", "ajpgate.yaml"], &[]));
    let file = folder.join("ajpgate.yaml").display().to_string();
    let elsewhere = Scratch::new("elsewhere");
    let named = [("AJPGATE_CONFIG", file.as_str())];
    assert_works(&inside(elsewhere.path(), &["status"], &named));
}

/// The rest of the file may be half written, and its variables may be set for the gateway only.
#[test]
fn only_the_admin_listener_of_the_file_is_looked_at() {
    let port = ReservedPort::new();
    let house = house_at(port.addr());
    let file = std::fs::read_to_string(house.scratch.path().join("ajpgate.yaml")).unwrap();
    let broken = format!("{file}watsch: true\nlog: {{ level: \"${{AJPGATE_UNSET}}\" }}\n");
    house.scratch.write("ajpgate.yaml", &broken);
    assert_works(&inside(house.scratch.path(), &["status"], &[]));
    let done = inside(house.scratch.path(), &["reload"], &[]);
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("watsch"), "{done:?}");
}

#[test]
fn a_file_that_names_no_place_is_wrong_usage() {
    let scratch = Scratch::new("no-place");
    for (admin, said) in [
        ("admin: off\n", "there is no admin listener"),
        ("admin: { bind: \"127.0.0.1:0\" }\n", "--admin URL"),
        ("admin: { bind: nowhere }\n", "ajpgate.yaml:1:"),
        (
            "admin: { bind: \"127.0.0.1:0\", auth: { token: \"${UNSET_A}\" } }\n",
            "UNSET_A",
        ),
        ("admin: [\n", "ajpgate.yaml:"),
    ] {
        scratch.write("ajpgate.yaml", admin);
        let done = inside(scratch.path(), &["status"], &[]);
        assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""), "{done:?}");
        assert!(done.stderr.contains(said), "{admin}: {done:?}");
    }
    let done = inside(scratch.path(), &["status", "-c", "none.yaml"], &[]);
    assert_eq!(done.code, Some(2), "{done:?}");
    for url in [
        "ftp://h",
        "http://",
        "http://h:99999",
        "http://h/path#f",
        "http://h/?q",
        "http://a b",
    ] {
        let done = inside(scratch.path(), &["status", "--admin", url], &[]);
        assert_eq!(done.code, Some(2), "{url}: {done:?}");
        assert!(done.stderr.contains("--admin"), "{url}: {done:?}");
    }
}

const DENIED: &str = "does not accept the credentials";

#[test]
fn credentials_come_from_the_file_the_environment_or_the_url() {
    for (auth, token, in_url) in [
        ("{ token: t0ken }", "t0ken", None),
        (
            "{ user: admin, password: \"p:ss\" }",
            "admin:p:ss",
            Some("admin:p%3Ass@"),
        ),
    ] {
        let port = ReservedPort::new();
        let address = port.addr();
        let house = House::start(&format!("admin: {{ bind: \"{address}\", auth: {auth} }}\n"));
        let folder = house.scratch.path();
        let elsewhere = Scratch::new("elsewhere");
        assert_works(&inside(folder, &["status"], &[]));
        let url = format!("http://{address}");
        let at_url = ["status", "--admin", &url];
        let right = [("AJPGATE_ADMIN_TOKEN", token)];
        assert_works(&inside(elsewhere.path(), &at_url, &right));
        assert_works(&inside(
            folder,
            &["status", "--admin", &url, "-c", "ajpgate.yaml"],
            &[],
        ));
        // A variable of the file that only the gateway knows.
        let unset = Scratch::new("unset");
        let file = format!(
            "admin: {{ bind: \"{address}\", auth: {{ token: \"${{NOBODY_KNOWS}}\" }} }}\n\
             shutdown_timeout: \"${{NOBODY_NAMES:-5s}}\"\n"
        );
        unset.write("ajpgate.yaml", &file);
        assert_works(&inside(unset.path(), &["status"], &right));
        let done = inside(unset.path(), &["status"], &[]);
        assert!(done.stderr.contains("NOBODY_KNOWS"), "{done:?}");
        // A file that nobody has named is not asked for credentials of some other place.
        let done = inside(folder, &at_url, &[]);
        assert_eq!(done.code, Some(1), "{done:?}");
        assert!(done.stderr.contains("AJPGATE_ADMIN_TOKEN"), "{done:?}");
        for wrong in ["t0kenn", "admin:wrong"] {
            let done = inside(folder, &["status"], &[("AJPGATE_ADMIN_TOKEN", wrong)]);
            assert_eq!(done.code, Some(1), "{done:?}");
            assert!(done.stderr.contains(DENIED), "{done:?}");
            assert!(!done.stderr.contains(wrong), "{done:?}");
        }
        let evil = [("AJPGATE_ADMIN_TOKEN", "a\nb")];
        assert_eq!(inside(folder, &["status"], &evil).code, Some(2));
        if let Some(user) = in_url {
            let url = format!("http://{user}{address}");
            assert_works(&inside(elsewhere.path(), &["status", "--admin", &url], &[]));
        }
    }
}

#[test]
fn over_tls_the_certificate_of_the_file_is_believed_and_no_other() {
    let (authority, port) = (Authority::new(), ReservedPort::new());
    let (certificate, key) = authority.issue_expired("admin.example.com");
    let address = port.addr();
    let admin = |certificate: &str, key: &str| {
        format!(
            "admin: {{ bind: \"{address}\", tls: {{ certificate: \"{certificate}\", private_key: \"{key}\" }} }}\n"
        )
    };
    let scratch = Scratch::new("admin-tls");
    let node = crate::cluster::Node::start(&scratch, "node1", None);
    let file = |admin: &str| {
        format!(
            "listeners: [{{ bind: \"127.0.0.1:0\" }}]\nbalancers: {{ shop: {{ members: [{{ url: \"ajp://{}\", route: \
             node1 }}] }} }}\nproxy_pass: [{{ path: /, to: \"balancer://shop/\" }}]\n{admin}",
            node.address
        )
    };
    scratch.write("ajpgate.yaml", &file(&admin(&certificate, &key)));
    let mut gateway =
        crate::support::program::Program::start(&mut ajpgate(scratch.path(), &["run"]));
    gateway.logs("admin on https://");
    // Its name is another one, and it expired long ago.
    assert_works(&inside(scratch.path(), &["status"], &[]));
    let url = format!("https://{address}");
    assert_works(&inside(
        scratch.path(),
        &["status", "--admin", &url, "-c", "ajpgate.yaml"],
        &[],
    ));

    let (other, other_key) = authority.issue("admin.example.com");
    scratch.write("other.yaml", &file(&admin(&other, &other_key)));
    for arguments in [
        &["status", "-c", "other.yaml"][..],
        &["status", "--admin", &url, "--ca", &authority.file("ca.pem")],
        &["status", "--admin", &format!("http://{address}")],
    ] {
        let done = inside(scratch.path(), arguments, &[]);
        assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{done:?}");
    }
}

#[test]
fn over_tls_a_url_is_verified_with_a_file_of_authorities() {
    let (authority, port) = (Authority::new(), ReservedPort::new());
    let (certificate, key) = authority.issue("localhost");
    let address = port.addr();
    let house = Scratch::new("admin-tls");
    let text = format!(
        "listeners: [{{ bind: \"127.0.0.1:0\" }}]\nproxy_pass: [{{ path: /, respond: {{ status: 200 }} }}]\n\
         admin: {{ bind: \"{address}\", tls: {{ certificate: \"{certificate}\", private_key: \"{key}\" }} }}\n"
    );
    house.write("ajpgate.yaml", &text);
    let mut gateway = crate::support::program::Program::start(&mut ajpgate(house.path(), &["run"]));
    gateway.logs("admin on https://");
    let ca = authority.file("ca.pem");
    let at = |host: &str| format!("https://{host}:{}", address.port());
    let done = inside(
        house.path(),
        &["status", "--admin", &at("localhost"), "--ca", &ca],
        &[],
    );
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{done:?}");
    // The certificate is not of this name.
    let done = inside(
        house.path(),
        &["status", "--admin", &at("127.0.0.1"), "--ca", &ca],
        &[],
    );
    assert_eq!(done.code, Some(1), "{done:?}");
    let other = Authority::new().file("ca.pem");
    let done = inside(
        house.path(),
        &["status", "--admin", &at("localhost"), "--ca", &other],
        &[],
    );
    assert!(matches!(done.code, Some(1 | 2)), "{done:?}");
}
