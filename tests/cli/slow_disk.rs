//! A disk that does not answer holds up those who wait for it, and nobody else.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::cluster::Node;
use crate::support::http::get;
use crate::support::program::{Program, ajpgate};
use crate::support::{Scratch, until};

/// The file that becomes the state file is a pipe here: it cannot be opened until somebody reads it.
#[test]
fn a_learned_route_that_is_being_written_down_holds_up_nobody() {
    let scratch = Scratch::new("slow-disk");
    let node = Node::start(&scratch, "node1", None);
    let pipe = scratch.path().join("state.json.new");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let port = node.address.port();
    scratch.write(
        "ajpgate.yaml",
        &format!(
            "listeners: [{{ bind: \"127.0.0.1:0\" }}]\n\
             admin: {{ bind: \"127.0.0.1:0\", state_file: state.json }}\n\
             balancers:\n\
             \x20 shop: {{ discover: [{{ dns: \"ajp://localhost:{port}\" }}] }}\n\
             proxy_pass: [{{ path: /, to: \"balancer://shop/\" }}]\n"
        ),
    );
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
    gateway.logs("learned routes cannot be noted");
    drop(read);
}
