//! `ajpgate node` and `ajpgate ping`.

use crate::cluster::Node;
use crate::support::program::{Done, Program, ajpgate, run};
use crate::support::{ReservedPort, Scratch, taken};

fn ping(scratch: &Scratch, arguments: &[&str]) -> Done {
    run(ajpgate(scratch.path(), &["ping"]).args(arguments))
}

#[test]
fn four_pings_are_answered_and_timed() {
    let scratch = Scratch::new("ping");
    let node = Node::start(&scratch, "node1", None);
    let done = ping(&scratch, &[&format!("ajp://{}", node.address)]);
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{done:?}");
    let lines: Vec<&str> = done.stdout.lines().collect();
    let [first, pongs @ .., last] = lines.as_slice() else {
        panic!("{done:?}")
    };
    let (host, port) = (node.address.ip(), node.address.port());
    assert_eq!(*first, format!("CPING {host} port {port}"));
    assert_eq!(pongs.len(), 4);
    for (number, line) in (1..).zip(pongs) {
        let begins = format!("CPONG from {}: seq={number} time=", node.address);
        assert!(line.starts_with(&begins) && line.ends_with(" ms"), "{line}");
    }
    assert!(
        last.starts_with("--- 4 sent, 4 answered; min/avg/max = "),
        "{last}"
    );
}

#[test]
fn a_refused_connection_is_a_failure() {
    let scratch = Scratch::new("ping");
    let port = ReservedPort::new();
    let done = ping(&scratch, &["-n", "1", &format!("ajp://{}", port.addr())]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.stdout.contains("no CPONG"), "{done:?}");
    assert!(
        done.stdout.ends_with("--- 1 sent, 0 answered\n"),
        "{done:?}"
    );
}

#[test]
fn an_ipv6_address_stands_in_brackets() {
    let scratch = Scratch::new("ping");
    let done = ping(&scratch, &["-n", "1", "ajp://[::1]:1"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.stdout.contains("no CPONG from [::1]:1: "), "{done:?}");
}

#[test]
fn an_interrupt_ends_with_the_summary() {
    let scratch = Scratch::new("ping");
    let node = Node::start(&scratch, "node1", None);
    let port = ReservedPort::new();
    for (address, code, seen, last) in [
        (
            node.address,
            0,
            "\nCPONG",
            "--- 1 sent, 1 answered; min/avg/max = ",
        ),
        (port.addr(), 1, "\nno CPONG", "--- 1 sent, 0 answered\n"),
    ] {
        let url = format!("ajp://{address}");
        let mut program =
            Program::start(&mut ajpgate(scratch.path(), &["ping", "-n", "1000", &url]));
        program.prints("the first ping", |it| {
            it.stdout().contains(seen).then_some(())
        });
        program.signal("INT");
        let done = program.ended();
        assert_eq!(done.code, Some(code), "{done:?}");
        assert!(done.stdout.contains(last), "{done:?}");
    }
}

#[test]
fn a_url_without_an_ajp_connector_is_wrong_usage() {
    let scratch = Scratch::new("ping");
    for url in [
        "http://localhost:8009",
        "ajp://",
        "ajp://:8009",
        "ajp://x:0",
        "ajp://x/app",
    ] {
        let done = ping(&scratch, &["-n", "1", url]);
        assert_eq!(
            (done.code, done.stdout.as_str()),
            (Some(2), ""),
            "{url}: {done:?}"
        );
        assert!(done.stderr.contains("ajp://HOST:PORT"), "{url}: {done:?}");
    }
}

#[test]
fn ping_checks_the_secret() {
    let scratch = Scratch::new("ping");
    let node = Node::start(&scratch, "node1", Some("right"));
    let url = format!("ajp://{}", node.address);

    let right = ping(&scratch, &["-n", "1", &url, "--secret", "right"]);
    assert_eq!(right.code, Some(0), "{right:?}");
    assert!(right.stdout.contains("secret accepted"), "{right:?}");

    let wrong = ping(&scratch, &["-n", "1", &url, "--secret", "wrong"]);
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    assert!(wrong.stdout.contains("secret refused"), "{wrong:?}");

    let mut command = ajpgate(scratch.path(), &["ping", "-n", "1", &url]);
    let environment = run(command.env("AJP_SECRET", "wrong"));
    assert_eq!(environment.code, Some(1), "{environment:?}");
}

#[test]
fn a_node_prints_its_address_and_ends_on_a_signal() {
    let scratch = Scratch::new("node");
    for signal in ["TERM", "INT"] {
        let mut node = Node::start(&scratch, "node7", None);
        node.program.signal(signal);
        let done = node.program.ended();
        let said = format!("node node7 on ajp://{}\n", node.address);
        assert_eq!((done.code, done.stdout), (Some(0), said), "{signal}");
    }
}

#[test]
fn a_node_whose_port_is_in_use_fails_with_a_message() {
    let scratch = Scratch::new("node");
    let (_listener, address) = taken();
    let address = address.to_string();
    let done = run(&mut ajpgate(
        scratch.path(),
        &["node", "--route", "n", "--bind", &address],
    ));
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{done:?}");
    let expected = format!("ajpgate: cannot listen on {address}: Address already in use");
    assert!(done.stderr.starts_with(&expected), "{done:?}");
}
