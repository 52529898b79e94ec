//! A disk that does not answer holds up those who wait for it, and nobody else.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::cluster::Node;
use crate::support::http::get;
use crate::support::program::{Program, ajpgate};
use crate::support::{Scratch, until};

/// A configuration whose only member is learned, and so is its route.
fn configure(scratch: &Scratch, node: &Node) {
    let port = node.address.port();
    let text = format!(
        "listeners: [{{ bind: \"127.0.0.1:0\" }}]\n\
         admin: {{ bind: \"127.0.0.1:0\", state_file: state.json }}\n\
         balancers:\n\
         \x20 shop: {{ discover: [{{ dns: \"ajp://localhost:{port}\" }}] }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://shop/\" }}]\n"
    );
    scratch.write("ajpgate.yaml", &text);
}

/// The first answer of the source ends a route that was learned before, of a member that is gone.
#[test]
fn members_are_discovered_though_the_disk_is_full() {
    let scratch = Scratch::new("full-disk");
    let node = Node::start(&scratch, "node1", None);
    configure(&scratch, &node);
    let learned = json!({ "ajp://[::1]:1": "gone" });
    let shop = json!({
        "settings": {}, "members": {}, "added": [], "removed": [], "learned": learned,
    });
    let state = json!({ "program": "ajpgate", "version": 1, "balancers": { "shop": shop } });
    scratch.write("state.json", &state.to_string());
    // The program cannot write a byte into any file.
    let program = env!("CARGO_BIN_EXE_ajpgate");
    let full = format!("trap '' XFSZ; ulimit -f 0; exec {program} run");
    let mut command = Command::new("sh");
    command.args(["-c", &full]).current_dir(scratch.path());
    let mut gateway = Program::start(&mut command);
    let front = gateway.front();
    assert_eq!(get(front, "/", "").node(), "node1");
    gateway.logs("the route of a member was learned");
    gateway.logs("the state file cannot be written: what runs counts");
    let with_route = || get(front, "/", "Cookie: JSESSIONID=A.node1\r\n").node() == "node1";
    let admin = gateway.admin();
    until("the route counts", || {
        let shop = get(admin, "/api/v1/balancers/shop", "").body;
        shop.contains("\"route\":\"node1\"").then_some(())
    });
    assert!(with_route());
    let log = gateway.stderr();
    assert_eq!(log.matches("cannot be written").count(), 1, "{log}");
}

/// The file that becomes the state file is a pipe here: it cannot be opened until somebody reads it.
#[test]
fn a_learned_route_that_is_being_written_down_holds_up_nobody() {
    let scratch = Scratch::new("slow-disk");
    let node = Node::start(&scratch, "node1", None);
    let pipe = scratch.path().join("state.json.new");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    configure(&scratch, &node);
    let mut gateway = Program::start(&mut ajpgate(scratch.path(), &["run"]));
    let (front, admin) = (gateway.front(), gateway.admin());
    assert_eq!(get(front, "/", "").node(), "node1");
    gateway.logs("the route of a member was learned");
    // It is written down within 250 ms.
    let learned = Instant::now();
    until("a second is over", || {
        assert_eq!(get(admin, "/healthz", "").status, 200);
        (learned.elapsed() > Duration::from_secs(1)).then_some(())
    });
    // What was read from a pipe is on no disk.
    let read = std::fs::File::open(&pipe).unwrap();
    gateway.logs("the state file cannot be written: what runs counts");
    drop(read);
}
