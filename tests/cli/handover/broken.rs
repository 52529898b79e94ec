//! New programs that do not take over: the old one serves on, and the log says why.

use std::net::TcpListener;

use super::succession::{Succession, gone, signal};
use crate::support::http::get;

/// The old program goes on and can be replaced later.
fn goes_on(mut gateway: Succession, why: &str) {
    gateway.logs("the new program does not take over: this one goes on");
    let log = gateway.log();
    assert!(log.contains(why), "{why}: {log}");
    assert_eq!(get(gateway.front, "/", "").status, 200);
    assert_eq!(get(gateway.admin, "/readyz", "").status, 200);
    assert_eq!(gateway.count(), 0);
    gateway.configure("");
    gateway.renew_binary();
    let old = gateway.hand_over();
    gone(old);
    assert_eq!(get(gateway.front, "/", "").status, 200);
    assert_eq!(get(gateway.admin, "/readyz", "").status, 200);
}

#[test]
fn a_program_that_fails() {
    let gateway = Succession::start("");
    gateway.replace_binary("exit 1");
    gateway.signal("USR2");
    goes_on(gateway, "it has ended with exit status: 1");
}

#[test]
fn a_file_that_is_no_program() {
    let mut gateway = Succession::start("");
    let file = gateway.scratch.path().join("ajpgate");
    std::fs::remove_file(file).unwrap();
    gateway.signal("USR2");
    gateway.logs("the new program cannot be started: this one goes on error=No such file");
    assert_eq!(get(gateway.front, "/", "").status, 200);
    gateway.renew_binary();
    gateway.hand_over();
}

#[test]
fn a_program_that_hangs() {
    let gateway = Succession::start("");
    gateway.replace_binary("echo $$ >> started\nexec sleep 1000");
    gateway.signal("USR2");
    let hangs = gateway.has_started();
    gateway.logs("the new program does not take over");
    gone(hangs);
    goes_on(gateway, "it does not serve within 10 seconds");
}

#[test]
fn a_program_that_refuses_the_configuration() {
    let gateway = Succession::start("");
    gateway
        .scratch
        .write("ajpgate.yaml", "listeners: nonsense\n");
    gateway.signal("USR2");
    goes_on(gateway, "reason=\"it refuses its configuration\"");
}

#[test]
fn a_program_that_cannot_bind() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let gateway = Succession::start("");
    let file = gateway.scratch.path().join("ajpgate.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let bind = "{ bind: \"127.0.0.1:0\" }]";
    let more = text.replacen(
        bind,
        &format!("{{ bind: \"127.0.0.1:0\" }}, {{ bind: \"{address}\" }}]"),
        1,
    );
    assert_ne!(more, text);
    gateway.scratch.write("ajpgate.yaml", &more);
    gateway.signal("USR2");
    goes_on(
        gateway,
        &format!("cannot listen on {address}: Address already in use"),
    );
}

#[test]
fn a_program_that_is_killed_while_it_starts() {
    let gateway = Succession::start("");
    gateway.replace_by_slow_binary();
    gateway.signal("USR2");
    signal(gateway.has_started(), "KILL");
    goes_on(gateway, "it has ended with signal: 9");
}

/// It was told to serve, and may have taken connections: those are lost, and no others.
#[test]
fn a_program_that_is_killed_when_it_may_serve() {
    let gateway = Succession::start("");
    gateway.replace_binary("echo ready >&3\nread line <&3\necho \"$line\" > told\nkill -s KILL $$");
    gateway.signal("USR2");
    gateway.logs("the new program does not take over");
    let told = std::fs::read_to_string(gateway.scratch.path().join("told"));
    assert_eq!(told.unwrap(), "serve\n");
    goes_on(gateway, "it has ended with signal: 9");
}

#[test]
fn a_program_that_says_something_else() {
    let gateway = Succession::start("");
    gateway.replace_binary("echo hello >&3\nexec sleep 1000");
    gateway.signal("USR2");
    goes_on(gateway, "it says");
}
