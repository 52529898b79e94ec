//! What happens while a new program starts: signals, changes, and the end of the old program.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use super::succession::{Succession, gone, is_gone, signal};
use crate::support::http::{ask, get};
use crate::support::until;

const MEMBER: &str = "/api/v1/balancers/shop/members/node1";

/// SIGTERM ends both.
#[test]
fn a_stop_ends_the_new_program_too() {
    let mut gateway = Succession::start("");
    gateway.replace_by_slow_binary();
    gateway.signal("USR2");
    let new = gateway.has_started();
    gateway.signal("TERM");
    assert_eq!(gateway.code_of_first(), Some(0));
    assert!(is_gone(new));
    gateway.logs("told to stop: the new program is ended");
}

/// It has the sockets, and nobody else will serve.
#[test]
fn a_program_whose_predecessor_is_killed_serves() {
    let mut gateway = Succession::start("");
    gateway.replace_by_slow_binary();
    gateway.signal("USR2");
    let new = gateway.has_started();
    gateway.signal("KILL");
    assert_eq!(gateway.code_of_first(), None);
    gateway.now = new;
    gateway.go();
    // Until then the connection waits in the socket.
    assert_eq!(get(gateway.front, "/", "").status, 200);
    assert_eq!(get(gateway.admin, "/readyz", "").status, 200);
}

#[test]
fn a_second_sigusr2_starts_no_second_program() {
    let mut gateway = Succession::start("");
    gateway.replace_by_slow_binary();
    let count = gateway.count();
    gateway.signal("USR2");
    gateway.has_started();
    gateway.signal("USR2");
    gateway.logs("a new program is being started already");
    gateway.go();
    gateway.taken_over(count);
    assert_eq!(gateway.started().len(), 1);
    assert_eq!(gateway.code_of_first(), Some(0));
    assert_eq!(gateway.count(), 1);
}

/// The new program may have read the file before it was changed.
#[test]
fn a_sighup_goes_to_the_program_that_has_taken_over() {
    let mut gateway = Succession::start("");
    gateway.replace_by_slow_binary();
    let count = gateway.count();
    gateway.signal("USR2");
    gateway.has_started();
    gateway.signal("HUP");
    gateway.go();
    gateway.taken_over(count);
    gateway.logs("configuration reloaded");
    let metrics = get(gateway.admin, "/metrics", "").body;
    assert!(
        metrics.contains("ajpgate_config_reloads_total{result=\"ok\"} 1\n"),
        "{metrics}"
    );
}

#[test]
fn a_sighup_is_obeyed_when_the_new_program_does_not_take_over() {
    let gateway = Succession::start("");
    gateway.replace_by_slow_binary();
    gateway.signal("USR2");
    let new = gateway.has_started();
    gateway.signal("HUP");
    // The signal is there before the new program ends.
    get(gateway.admin, "/healthz", "");
    signal(new, "KILL");
    gateway.logs("this one goes on");
    gateway.logs("configuration reloaded");
}

/// The new program has read configuration and state already.
#[test]
fn changes_and_reloads_are_refused_until_it_is_known_who_serves() {
    let gateway = Succession::start("");
    gateway.replace_by_slow_binary();
    gateway.signal("USR2");
    let new = gateway.has_started();
    let refused = ask(gateway.admin, "PATCH", MEMBER, "{\"loadfactor\": 7}");
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(
        refused.body.contains("a new program is taking over"),
        "{refused:?}"
    );
    let refused = ask(gateway.admin, "POST", "/api/v1/reload", "");
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(
        refused.body.contains("a new program is taking over"),
        "{refused:?}"
    );
    signal(new, "KILL");
    gateway.logs("this one goes on");
    let changed = ask(gateway.admin, "PATCH", MEMBER, "{\"loadfactor\": 7}");
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(ask(gateway.admin, "POST", "/api/v1/reload", "").status, 200);
}

/// A version may be a link's target: the link is what counts, not the file that it led to.
#[test]
fn a_link_to_another_version_starts_that_version() {
    let gateway = Succession::start_by("", |command| {
        let folder = command.get_current_dir().unwrap().to_owned();
        fs::create_dir(folder.join("bin")).unwrap();
        std::os::unix::fs::symlink("../ajpgate", folder.join("bin/ajpgate")).unwrap();
        let mut linked = Command::new("./bin/ajpgate");
        linked.args(command.get_args()).current_dir(folder);
        linked
    });
    gateway.scratch.write("version2", "");
    let link = gateway.scratch.path().join("bin/ajpgate");
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("../version2", link).unwrap();
    gateway.signal("USR2");
    gateway.logs("the new program cannot be started: this one goes on error=Permission denied");
}

/// The program that was replaced ends when its last request has been answered or cut.
#[test]
fn a_sigterm_hurries_the_program_that_was_replaced() {
    let mut gateway = Succession::start("");
    let _upload = crate::support::http::Request::begin_upload(gateway.front);
    let old = gateway.hand_over();
    signal(old, "TERM");
    gone(old);
    assert_eq!(gateway.code_of_first(), Some(0));
    assert_eq!(get(gateway.front, "/", "").status, 200);
}

/// Two listening sockets (one for each core), that of the admin listener, one for heartbeats, and the connection between
/// the programs.
#[test]
fn the_new_program_gets_the_sockets_and_nothing_else() {
    let heartbeat = "runtime: { threads: 2 }\n";
    let gateway = Succession::start(heartbeat);
    gateway.replace_binary(
        "ls -l /proc/$$/fd > open.tmp\nenv > environment\nmv open.tmp open\nexit 1",
    );
    gateway.signal("USR2");
    gateway.logs("this one goes on");
    let target = |line: &str| {
        let (left, target) = line.split_once(" -> ")?;
        let number: u32 = left.rsplit(' ').next()?.parse().ok()?;
        Some((number, target.to_owned()))
    };
    let open = fs::read_to_string(gateway.scratch.path().join("open")).unwrap();
    let open: Vec<(u32, String)> = open.lines().filter_map(target).collect();
    // What the test itself was given is passed on by everybody.
    let own: BTreeSet<String> = fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|it| fs::read_link(it.unwrap().path()).ok())
        .map(|it| it.display().to_string())
        .collect();
    let open = open.iter().filter(|(number, target)| {
        *number > 2 && !own.contains(target) && !target.ends_with("/ajpgate")
    });
    let (numbers, targets): (Vec<u32>, Vec<&str>) = open
        .map(|(number, target)| (*number, target.as_str()))
        .unzip();
    assert_eq!(numbers, [3, 4, 5, 6], "{targets:?}");
    assert!(
        targets.iter().all(|it| it.starts_with("socket:")),
        "{targets:?}"
    );
    let distinct: BTreeSet<&str> = targets.iter().copied().collect();
    assert_eq!(distinct.len(), 4, "{targets:?}");
    let environment = fs::read_to_string(gateway.scratch.path().join("environment")).unwrap();
    let has = |line: &str| environment.lines().any(|it| it == line);
    assert!(has("LISTEN_FDS=4"), "{environment}");
    assert!(
        has("LISTEN_FDNAMES=predecessor:admin:clients:clients"),
        "{environment}"
    );
}

/// Descriptors do not add up.
#[test]
fn programs_have_as_many_descriptors_as_those_before() {
    let mut gateway = Succession::start("runtime: { threads: 2 }\n");
    let count = |process: u32| {
        let open = fs::read_dir(format!("/proc/{process}/fd")).unwrap();
        open.count()
    };
    let mut counts = Vec::new();
    for _ in 0..4 {
        let old = gateway.hand_over();
        gone(old);
        // The connection to the old program is closed then.
        let now = until("the descriptors settle", || {
            let now = count(gateway.now);
            (now == count(gateway.now)).then_some(now)
        });
        counts.push(now);
    }
    assert_eq!(counts.iter().min(), counts.iter().max(), "{counts:?}");
}
