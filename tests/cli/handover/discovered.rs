//! Members that a source has named, and that the next program must know: the source may not name them any more.

use std::fs;

use serde_json::Value;

use super::succession::{Succession, gone};
use crate::support::http::get;
use crate::support::until;

const MEMBERS: &str = "/api/v1/balancers/shop";

/// A gateway whose members stand in a list.
fn with_list(more: &str) -> Succession {
    Succession::start_by(more, |command| {
        let folder = command.get_current_dir().unwrap().to_owned();
        let file = folder.join("ajpgate.yaml");
        let text = fs::read_to_string(&file).unwrap();
        let is_member = |line: &&str| line.starts_with("      - {");
        let list: String = text
            .lines()
            .filter(is_member)
            .map(|line| format!("{}\n", line.trim_start()))
            .collect();
        fs::write(folder.join("list.yaml"), list).unwrap();
        let others = text.lines().filter(|line| !is_member(line));
        let others: String = others.map(|line| format!("{line}\n")).collect();
        let discover = "    discover: [{ file: list.yaml, interval: 100ms }]\n";
        fs::write(file, others.replace("    members:\n", discover)).unwrap();
        command
    })
}

/// Leaves a member out of the list, and waits until it drains.
fn leave_out(gateway: &Succession, route: &str) {
    let folder = gateway.scratch.path();
    let list = fs::read_to_string(folder.join("list.yaml")).unwrap();
    let rest = list.lines().filter(|line| !line.contains(route));
    let rest: String = rest.map(|line| format!("{line}\n")).collect();
    let new = gateway.scratch.write("new.yaml", &rest);
    fs::rename(new, folder.join("list.yaml")).unwrap();
    until("it drains", || {
        (member(gateway, route)?["status"]["drain"] == true).then_some(())
    });
}

fn member(gateway: &Succession, route: &str) -> Option<Value> {
    let answer = get(gateway.admin, MEMBERS, "");
    let shop: Value = serde_json::from_str(&answer.body).unwrap();
    let members = shop["members"].as_array().unwrap();
    members.iter().find(|it| it["route"] == route).cloned()
}

#[test]
fn a_member_that_vanished_keeps_its_sessions_over_hand_overs() {
    let mut gateway = with_list("");
    let session = "Cookie: JSESSIONID=ABC.node1\r\n";
    assert_eq!(get(gateway.front, "/", session).node(), "node1");
    leave_out(&gateway, "node1");
    for _ in 0..2 {
        gone(gateway.hand_over());
        for _ in 0..4 {
            assert_eq!(get(gateway.front, "/", session).node(), "node1");
            assert_eq!(get(gateway.front, "/", "").node(), "node2");
        }
        let drains = member(&gateway, "node1").unwrap();
        assert_eq!(drains["status"]["drain"], true, "{drains}");
    }
    // It is as it was when it is named again.
    let address = gateway.nodes[0].address;
    let list = format!("- {{ url: \"ajp://{address}\", route: node1 }}\n");
    gateway.scratch.write("list.yaml", &list);
    until("it takes new sessions", || {
        (get(gateway.front, "/", "").node() == "node1").then_some(())
    });
}

#[test]
fn a_member_whose_source_a_reload_has_removed_keeps_its_sessions_over_hand_overs() {
    let mut gateway = with_list("");
    let session = "Cookie: JSESSIONID=ABC.node1\r\n";
    assert_eq!(get(gateway.front, "/", session).node(), "node1");
    // Now the file has the second node as a member, and no source.
    gateway.configure("");
    let file = gateway.scratch.path().join("ajpgate.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let rest = text.lines().filter(|line| !line.contains("route: node1"));
    let rest: String = rest.map(|line| format!("{line}\n")).collect();
    fs::write(&file, rest).unwrap();
    gateway.signal("HUP");
    gateway.logs("configuration reloaded");
    for _ in 0..2 {
        let drains = member(&gateway, "node1").unwrap();
        assert_eq!(drains["status"]["drain"], true, "{drains}");
        for _ in 0..4 {
            assert_eq!(get(gateway.front, "/", session).node(), "node1");
            assert_eq!(get(gateway.front, "/", "").node(), "node2");
        }
        gone(gateway.hand_over());
    }
}
