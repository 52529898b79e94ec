//! Files that block whoever opens them: named pipes without a writer, as a stand-in for file systems that hang.

use std::path::Path;
use std::process::Command;

use crate::house::{House, file};
use crate::support::Scratch;
use crate::support::http::get;
use crate::support::program::{Program, ajpgate, run};

fn pipe(folder: &Path, name: &str) {
    let made = run(Command::new("mkfifo").arg(folder.join(name)));
    assert_eq!(made.code, Some(0), "{made:?}");
}

/// Before, `check` waited for a writer of the pipe for ever.
#[test]
fn a_pipe_is_refused_wherever_a_file_is_named() {
    let scratch = Scratch::new("pipes");
    pipe(scratch.path(), "pipe");
    let listener = |tls: &str| {
        format!(
            "listeners: [{{ bind: \"127.0.0.1:0\", tls: {{ {tls} }} }}]\n\
             proxy_pass: [{{ path: /, respond: {{ status: 200 }} }}]\n"
        )
    };
    let mapping = |keys: &str| {
        format!(
            "listeners: [{{ bind: \"127.0.0.1:0\" }}]\n\
             proxy_pass: [{{ path: /, to: \"https://localhost/\", {keys} }}]\n"
        )
    };
    let pair = "certificate: a.crt, private_key: a.key";
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    scratch.write("a.crt", &made.cert.pem());
    scratch.write("a.key", &made.signing_key.serialize_pem());
    for (key, text) in [
        (
            "certificate",
            listener("certificate: pipe, private_key: a.key"),
        ),
        (
            "private_key",
            listener("certificate: a.crt, private_key: pipe"),
        ),
        (
            "client_ca",
            listener(&format!("{pair}, client_auth: optional, client_ca: pipe")),
        ),
        (
            "client_crl",
            listener(&format!(
                "{pair}, client_auth: optional, client_ca: a.crt, client_crl: pipe"
            )),
        ),
        ("users", mapping("auth: { basic: { users: pipe } }")),
        ("secret_file", mapping("member: { secret_file: pipe }")),
        ("ca", mapping("member: { tls: { ca: pipe } }")),
        (
            "member certificate",
            mapping("member: { tls: { certificate: pipe, private_key: a.key, verify: off } }"),
        ),
        (
            "member key",
            mapping("member: { tls: { certificate: a.crt, private_key: pipe, verify: off } }"),
        ),
        ("error_pages", mapping("error_pages: { 404: pipe }")),
        ("include", mapping("") + "include: [pipe]\n"),
    ] {
        scratch.write("ajpgate.yaml", &text);
        let done = run(&mut ajpgate(scratch.path(), &["check"]));
        assert_eq!(done.code, Some(2), "{key}: {done:?}");
        let said = done.stdout.contains("it is not a file");
        assert!(said, "{key}: {done:?}");
    }
}

/// The reload waits for a writer of the pipe, and nobody lets it go.
#[test]
fn a_file_that_blocks_a_reload_does_not_keep_the_program() {
    let scratch = Scratch::new("pipes");
    pipe(scratch.path(), "config");
    let mut gateway = Program::start(&mut ajpgate(scratch.path(), &["run", "-c", "config"]));
    let text = "listeners: [{ bind: \"127.0.0.1:0\" }]\nadmin: off\nproxy_pass: []\n";
    std::fs::write(scratch.path().join("config"), text).unwrap();
    gateway.front();
    gateway.logs("ajpgate is running");
    gateway.signal("HUP");
    // This waits for the reload, which goes on to wait for the text.
    let _silent = std::fs::File::options()
        .write(true)
        .open(scratch.path().join("config"))
        .unwrap();
    gateway.stop();
}

#[test]
fn a_file_of_users_that_has_become_a_pipe_is_named_by_a_reload() {
    let house = House::start("");
    let text = file(&house.nodes, 2, "").replace(
        "to: \"balancer://shop/\"",
        "to: \"balancer://shop/\", auth: { basic: { users: users } }",
    );
    let anna = "anna:$2y$04$Op6C1pTlDFfZeKh67qGrc.gOGq/stAT4iUoIfK/XOiesuw9FiBZ42\n";
    house.scratch.write("users", anna);
    house.scratch.write("ajpgate.yaml", &text);
    assert_eq!(house.reload().0, 200);
    std::fs::remove_file(house.scratch.path().join("users")).unwrap();
    pipe(house.scratch.path(), "users");
    let (status, answer) = house.reload();
    assert_eq!(status, 422, "{answer}");
    let problem = answer["problems"][0].as_str().unwrap();
    assert!(problem.contains("users: it is not a file"), "{problem}");
    let anna = "Authorization: Basic YW5uYTpzM2NyZXQ=\r\n";
    assert_eq!(get(house.front, "/", anna).status, 200);
    assert_eq!(get(house.front, "/", "").status, 401);
    house.gateway.stop();
}
