//! No secret is printed, whatever the log level.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::cluster::Node;
use crate::support::Scratch;
use crate::support::http::get;
use crate::support::program::{Done, Program, ajpgate, run};

const MEMBER_SECRET: &str = "MemberSecret-4711";
const WRONG_SECRET: &str = "WrongSecret-4712";
const ADMIN_PASSWORD: &str = "AdminPassword-4713";
const ALL: [&str; 3] = [MEMBER_SECRET, WRONG_SECRET, ADMIN_PASSWORD];

fn assert_clean(what: &str, done: &Done) {
    let basic = BASE64.encode(format!("admin:{ADMIN_PASSWORD}"));
    for secret in ALL.iter().copied().chain([basic.as_str()]) {
        for text in [&done.stdout, &done.stderr] {
            assert!(!text.contains(secret), "{what} prints {secret}: {text}");
        }
    }
}

/// Two members with one route cause a warning about a line that holds a secret; one of the secrets is wrong.
fn configuration(one: &Node, two: &Node) -> String {
    format!(
        "listeners: [{{ bind: \"127.0.0.1:0\" }}]\n\
         balancers:\n\
         \x20 shop:\n\
         \x20   members:\n\
         \x20     - {{ url: \"ajp://{}\", secret: {MEMBER_SECRET}, route: node1 }}\n\
         \x20     - {{ url: \"ajp://{}\", secret: {WRONG_SECRET}, route: node1 }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://shop/\" }}]\n\
         log: {{ level: trace }}\n\
         access_log: {{ format: '%r %>s %{{BALANCER_WORKER_NAME}}e' }}\n\
         admin: {{ bind: \"127.0.0.1:0\", auth: {{ user: admin, password: {ADMIN_PASSWORD} }} }}\n",
        one.address, two.address
    )
}

#[test]
fn a_running_gateway_and_its_nodes_print_no_secret() {
    let scratch = Scratch::new("secrets");
    let one = Node::start(&scratch, "node1", Some(MEMBER_SECRET));
    let two = Node::start(&scratch, "node2", Some(MEMBER_SECRET));
    scratch.write("ajpgate.yaml", &configuration(&one, &two));
    let mut gateway = Program::start(&mut ajpgate(scratch.path(), &["run"]));
    let (front, admin) = (gateway.front(), gateway.admin());

    // Answers of both members, one of them the refusal of the wrong secret.
    let statuses: Vec<u16> = (0..6).map(|_| get(front, "/", "").status).collect();
    assert!(
        statuses.contains(&200) && statuses.contains(&403),
        "{statuses:?}"
    );
    let basic = format!(
        "Authorization: Basic {}\r\n",
        BASE64.encode(format!("admin:{ADMIN_PASSWORD}"))
    );
    let metrics = get(admin, "/metrics", &basic);
    assert_eq!(metrics.status, 200);
    for secret in ALL {
        assert!(!metrics.body.contains(secret), "{metrics:?}");
    }
    assert_eq!(
        get(admin, "/metrics", "Authorization: Basic eA==\r\n").status,
        401
    );

    let done = gateway.stop();
    for logged in ["is also the route in line", " DEBUG "] {
        assert!(done.stderr.contains(logged), "{done:?}");
    }
    assert_clean("run", &done);
    assert_clean("node", &one.program.stop());
    assert_clean("node", &two.program.stop());
}

#[test]
fn no_other_command_prints_a_secret_of_the_environment() {
    let scratch = Scratch::new("secrets");
    let node = Node::start(&scratch, "node1", Some(MEMBER_SECRET));
    let url = format!("ajp://{}", node.address);
    for arguments in [
        &["--help"][..],
        &["node", "--help"],
        &["ping", "--help"],
        &["node", "--bind", "nowhere", "--route", "n"],
        &["ping", "-n", "1", &url],
        &["ping", "-n", "1", "http://localhost"],
        &["completions", "bash"],
    ] {
        for secret in [MEMBER_SECRET, WRONG_SECRET] {
            let done = run(ajpgate(scratch.path(), arguments).env("AJP_SECRET", secret));
            assert_clean(&format!("{arguments:?}"), &done);
        }
    }
}

/// Messages about a secret, and about other parts of its line, do not contain it.
#[test]
fn check_prints_no_secret_of_the_environment() {
    let scratch = Scratch::new("secrets");
    let text = "listeners: [{ bind: \"127.0.0.1:0\" }]\n\
                balancers: { b: { members: [{ url: \"ajp://x\", secret: \"${AJP_SECRET}\", max: no }] } }\n";
    scratch.write("ajpgate.yaml", text);
    for secret in [
        MEMBER_SECRET.to_owned(),
        format!("{MEMBER_SECRET}\n"),
        MEMBER_SECRET.repeat(1000),
    ] {
        let done = run(ajpgate(scratch.path(), &["check"]).env("AJP_SECRET", secret));
        assert_eq!(done.code, Some(2), "{done:?}");
        assert_clean("check", &done);
    }
}
