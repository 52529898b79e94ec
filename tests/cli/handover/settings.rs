//! A new program with another configuration, and what it takes over with it.

use std::fs;
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use super::succession::{Succession, gone};
use crate::support::http::{ask, get};
use crate::support::{ReservedPort, until};

/// Sockets of more cores are shared by fewer, and the other way round.
#[test]
fn the_number_of_threads_may_change() {
    let mut gateway = Succession::start("runtime: { threads: 1 }\n");
    for threads in [3, 2, 1, 4] {
        gateway.configure(&format!("runtime: {{ threads: {threads} }}\n"));
        let old = gateway.hand_over();
        gone(old);
        for _ in 0..40 {
            assert_eq!(get(gateway.front, "/", "").status, 200);
        }
    }
}

#[test]
fn a_start_with_many_threads_leaves_no_socket_alone() {
    let mut gateway = Succession::start("runtime: { threads: 4 }\n");
    gateway.configure("runtime: { threads: 1 }\n");
    for _ in 0..2 {
        let old = gateway.hand_over();
        gone(old);
        for _ in 0..40 {
            assert_eq!(get(gateway.front, "/", "").status, 200);
        }
    }
}

fn with_listeners(gateway: &Succession, addresses: &[SocketAddr]) {
    let path = gateway.scratch.path().join("ajpgate.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    let entries: Vec<String> = addresses
        .iter()
        .map(|it| format!("{{ bind: \"{it}\" }}"))
        .collect();
    let first = format!("listeners: [{}]\n", entries.join(", "));
    gateway
        .scratch
        .write("ajpgate.yaml", &format!("{first}{rest}"));
}

#[test]
fn listeners_come_and_go() {
    let (one, two) = (ReservedPort::new(), ReservedPort::new());
    let mut gateway = Succession::start("runtime: { threads: 2 }\n");
    with_listeners(&gateway, &[gateway.front, one.addr()]);
    gone(gateway.hand_over());
    assert_eq!(get(gateway.front, "/", "").status, 200);
    assert_eq!(get(one.addr(), "/", "").status, 200);

    with_listeners(&gateway, &[two.addr(), one.addr()]);
    gone(gateway.hand_over());
    gateway.logs(&format!("no longer listening on tcp://{}", gateway.front));
    assert_eq!(get(one.addr(), "/", "").status, 200);
    assert_eq!(get(two.addr(), "/", "").status, 200);
    until("the listener is closed", || {
        TcpStream::connect(gateway.front).err()
    });
}

/// As after a restart: what was changed by hand is in the state file.
#[test]
fn changes_by_hand_are_taken_over_with_the_state_file() {
    let more = "admin: { bind: \"127.0.0.1:0\", state_file: state.json }\n";
    let mut gateway = Succession::start(more);
    let member = "/api/v1/balancers/shop/members/node1";
    let changed = ask(gateway.admin, "PATCH", member, "{\"loadfactor\": 7}");
    assert_eq!(changed.status, 200, "{changed:?}");
    gone(gateway.hand_over());
    let shown: Value = serde_json::from_str(&get(gateway.admin, member, "").body).unwrap();
    assert_eq!(shown["loadfactor"], 7, "{shown}");
    let changed = ask(gateway.admin, "PATCH", member, "{\"loadfactor\": 8}");
    assert_eq!(changed.status, 200, "{changed:?}");
    gone(gateway.hand_over());
    let shown: Value = serde_json::from_str(&get(gateway.admin, member, "").body).unwrap();
    assert_eq!(shown["loadfactor"], 8, "{shown}");
}

/// Both programs append to the file; it is rotated as before.
#[test]
fn the_access_log_goes_on() {
    let mut gateway = Succession::start("access_log: { path: access.log, format: \"%U\" }\n");
    let folder = gateway.scratch.path().to_owned();
    let has = |name: &str, lines: &[&str]| {
        until(&format!("{lines:?} in {name}"), || {
            let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
            text.lines().eq(lines.iter().copied()).then_some(())
        });
    };
    get(gateway.front, "/one", "");
    has("access.log", &["/one"]);
    gone(gateway.hand_over());
    get(gateway.front, "/two", "");
    has("access.log", &["/one", "/two"]);
    fs::rename(folder.join("access.log"), folder.join("access.log.1")).unwrap();
    gateway.signal("HUP");
    gateway.logs("configuration reloaded");
    get(gateway.front, "/three", "");
    has("access.log", &["/three"]);
    has("access.log.1", &["/one", "/two"]);
}

/// While the old program has the socket, nobody else can bind the address.
#[test]
fn the_socket_for_heartbeats_is_taken_over() {
    let port = ReservedPort::new();
    let mut gateway = Succession::start("");
    let path = gateway.scratch.path().join("ajpgate.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let heartbeat = format!(
        "  shop:\n    heartbeat: {{ listen: \"{}\" }}\n",
        port.addr()
    );
    let text = text.replacen("  shop:\n", &heartbeat, 1);
    gateway.scratch.write("ajpgate.yaml", &text);
    for _ in 0..3 {
        gone(gateway.hand_over());
    }
    let log = gateway.log();
    let listens = format!("listening for heartbeats on udp://{}", port.addr());
    assert_eq!(log.matches(&listens).count(), 3, "{log}");
}
