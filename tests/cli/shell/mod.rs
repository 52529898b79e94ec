//! `status`, `drain`, `set` and `reload` against a running gateway.

mod bad;
mod restart;
mod screen;
mod who;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use serde_json::Value;

use crate::house::{House, file};
use crate::support::http::{ask, get};
use crate::support::program::{Done, Program, ajpgate, run};
use crate::support::{Scratch, until};

const DRAIN: &str = "{\"status\": {\"drain\": true}}";
const NO_DRAIN: &str = "{\"status\": {\"drain\": false}}";
const NODE1: &str = "/api/v1/balancers/shop/members/node1";

/// Runs a command against this admin listener.
fn shell(admin: SocketAddr, arguments: &[&str]) -> Done {
    run(&mut command(admin, arguments))
}

fn command(admin: SocketAddr, arguments: &[&str]) -> std::process::Command {
    let mut command = ajpgate(Path::new(env!("CARGO_TARGET_TMPDIR")), arguments);
    command.arg("--admin").arg(format!("http://{admin}"));
    command
}

/// The value in this column of the line of a member.
fn column(table: &str, member: &str, column: &str) -> String {
    let mut lines = table.lines();
    let head: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let index = head.iter().position(|it| *it == column).expect(column);
    let row = lines.find(|line| line.split('\t').any(|it| it == member));
    row.expect(table).split('\t').nth(index).unwrap().to_owned()
}

#[test]
fn status_shows_each_member_in_a_line_that_programs_can_read() {
    let house = House::start("");
    get(house.front, "/", "Cookie: JSESSIONID=A.node1\r\n");
    let done = shell(house.admin, &["status"]);
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{done:?}");
    let table = &done.stdout;
    assert_eq!(table.lines().count(), 3, "{table}");
    assert!(!table.contains('\x1b'), "{table:?}");
    let first = format!("ajp://{}", house.nodes[0].address);
    for (name, value) in [
        ("BALANCER", "shop"),
        ("MEMBER", &first),
        ("STATE", "up"),
        ("SESSIONS", "1"),
        ("ELECTED", "1"),
        ("HITS", "100%"),
        ("FACTOR", "1"),
    ] {
        assert_eq!(column(table, "node1", name), value, "{name}: {table}");
    }
    assert_eq!(column(table, "node2", "HITS"), "-");
    assert_eq!(ask(house.admin, "PATCH", NODE1, DRAIN).status, 200);
    let table = shell(house.admin, &["status"]).stdout;
    assert_eq!(column(&table, "node1", "STATE"), "draining");

    let done = shell(house.admin, &["status", "--json"]);
    let shown: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(shown["balancers"][0]["members"][0]["state"], "draining");
}

#[test]
fn set_changes_all_settings_or_none() {
    let house = House::start("");
    let second = format!("ajp://{}", house.nodes[1].address);
    let settings = ["loadfactor=2.5", "lbset=1", "redirect=node1", "drain=true"];
    let done = shell(
        house.admin,
        &[&["set", "balancer://shop", &second][..], &settings].concat(),
    );
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{done:?}");
    assert!(
        done.stdout
            .starts_with(&format!("{second} (node2): draining")),
        "{done:?}"
    );
    let member = &house.members()[1];
    assert_eq!(
        (&member["loadfactor"], &member["lbset"], &member["redirect"]),
        (&2.5.into(), &1.into(), &"node1".into())
    );
    assert_eq!(member["status"]["drain"], true);

    for (settings, code, said) in [
        (&["lbset=2", "loadfactor=200"][..], 2, "loadfactor"),
        (&["lbset=2", "drain=perhaps"], 2, "drain"),
        (&["lbset=2", "drian=true"], 2, "drian: there are"),
        (&["lbset"], 2, "expected KEY=VALUE"),
        (&[], 2, "<KEY=VALUE>"),
    ] {
        let done = shell(house.admin, &[&["set", "shop", "node2"], settings].concat());
        assert_eq!(
            (done.code, done.stdout.as_str()),
            (Some(code), ""),
            "{done:?}"
        );
        assert!(done.stderr.contains(said), "{done:?}");
    }
    assert_eq!(house.members()[1]["lbset"], 1);
    for (balancer, member, said) in [
        (
            "shop",
            "node9",
            "no member of \"shop\" has the route or url",
        ),
        ("shup", "node1", "there is no balancer \"shup\""),
    ] {
        let done = shell(house.admin, &["set", balancer, member, "lbset=0"]);
        assert_eq!(done.code, Some(1), "{done:?}");
        assert!(done.stderr.contains(said), "{done:?}");
    }
}

#[test]
fn reload_reads_the_file_or_prints_its_problems() {
    let house = House::start("");
    house.write(1, "");
    let done = shell(house.admin, &["reload"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(done.stdout, "the configuration was read again\n");
    assert_eq!(house.members().len(), 1);
    house.write(2, "runtime: { threads: 3 }\n");
    let done = shell(house.admin, &["reload"]);
    assert!(
        done.stdout.contains("from the next start on: runtime"),
        "{done:?}"
    );
    house.write(2, "shutdown_timout: 3s\n");
    let done = shell(house.admin, &["reload"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""), "{done:?}");
    let line = done.stderr.lines().next().unwrap();
    assert!(line.starts_with("./ajpgate.yaml:"), "{done:?}");
    assert!(line.contains("shutdown_timout"), "{done:?}");
}

#[test]
fn drain_returns_at_once_and_says_what_is_left() {
    let house = House::start("");
    get(house.front, "/", "Cookie: JSESSIONID=A.node1\r\n");
    let done = shell(house.admin, &["drain", "shop", "node1"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(
        done.stdout.contains("(node1) drains: 1 session left"),
        "{done:?}"
    );
    assert_eq!(house.members()[0]["status"]["drain"], true);
}

/// A gateway whose sessions end after a second.
fn short_lived() -> House {
    let house = House::start("");
    let file = std::fs::read_to_string(house.scratch.path().join("ajpgate.yaml")).unwrap();
    let file = file.replace("    members:", "    session_timeout: 1s\n    members:");
    house.scratch.write("ajpgate.yaml", &file);
    assert_eq!(house.reload().0, 200);
    house
}

#[test]
fn a_drain_is_waited_for_until_the_member_can_be_stopped() {
    let house = short_lived();
    get(house.front, "/", "Cookie: JSESSIONID=A.node1\r\n");
    let done = shell(house.admin, &["drain", "shop", "node1", "--wait"]);
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{done:?}");
    let last = done.stdout.lines().last().unwrap();
    assert!(last.ends_with("(node1) can be stopped"), "{done:?}");
    assert_eq!(house.members()[0]["drained"], true);
}

/// Starts to wait for a drain that does not end by itself.
fn wait(house: &House) -> Program {
    get(house.front, "/", "Cookie: JSESSIONID=A.node1\r\n");
    let mut waiting = Program::start(&mut command(
        house.admin,
        &["drain", "shop", "node1", "--wait"],
    ));
    waiting.prints("that it drains", |it| {
        it.stdout().contains("drains: 1 session left").then_some(())
    });
    waiting
}

#[test]
fn a_drain_that_is_undone_ends_the_wait_with_1() {
    let house = House::start("");
    let waiting = wait(&house);
    assert_eq!(ask(house.admin, "PATCH", NODE1, NO_DRAIN).status, 200);
    let done = waiting.ended();
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.stdout.ends_with("(node1) was undone\n"), "{done:?}");
}

#[test]
fn a_member_that_is_removed_ends_the_wait() {
    let house = House::start("");
    let waiting = wait(&house);
    assert_eq!(ask(house.admin, "DELETE", NODE1, "").status, 204);
    let done = waiting.ended();
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(
        done.stdout.ends_with("is no longer a member of shop\n"),
        "{done:?}"
    );
}

/// Requests that a removed member still serves are waited for.
#[test]
fn the_requests_of_a_member_that_is_removed_are_waited_for() {
    for by_hand in [true, false] {
        let house = House::start("");
        house.write(1, "");
        assert_eq!(house.reload().0, 200);
        let mut upload = TcpStream::connect(house.front).unwrap();
        let head = "POST /upload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 4\r\n\r\n";
        upload.write_all(head.as_bytes()).unwrap();
        upload.write_all(b"ab").unwrap();
        until("the member has it", || {
            (house.members()[0]["busy"] == 1).then_some(())
        });
        let mut waiting = Program::start(&mut command(
            house.admin,
            &["drain", "shop", "node1", "--wait"],
        ));
        waiting.prints("that it drains", |it| {
            it.stdout().contains("drains: ").then_some(())
        });
        if by_hand {
            assert_eq!(ask(house.admin, "DELETE", NODE1, "").status, 204);
        } else {
            let file = file(&house.nodes, 1, "").replace("shop", "other");
            house.scratch.write("ajpgate.yaml", &file);
            assert_eq!(house.reload().0, 200);
        }
        waiting.prints("that it has a request", |it| {
            it.stdout()
                .contains("was removed: 1 request under way")
                .then_some(())
        });
        upload.write_all(b"cd").unwrap();
        let mut answer = String::new();
        upload.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let done = waiting.ended();
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(
            done.stdout.ends_with("is no longer a member of shop\n"),
            "{done:?}"
        );
    }
}

/// The listener of an admin port that does not change.
fn house_at(port: SocketAddr) -> House {
    House::start(&format!(
        "admin: {{ bind: \"{port}\", state_file: state.json }}\n"
    ))
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let scratch = Scratch::new("manual");
    let done = run(&mut ajpgate(scratch.path(), &["man", "pages"]));
    assert_eq!(done.code, Some(0), "{done:?}");
    for page in ["ajpgate", "ajpgate-run", "ajpgate-drain", "ajpgate-status"] {
        let page = scratch.path().join(format!("pages/{page}.1"));
        let text = std::fs::read_to_string(&page).unwrap();
        assert!(
            text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"),
            "{text}"
        );
    }
    assert!(!scratch.path().join("pages/ajpgate-man.1").exists());
}
