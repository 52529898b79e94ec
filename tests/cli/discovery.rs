//! Members from lists: what the log says of them.

use std::ops::RangeInclusive;
use std::process::Command;

use serde_json::Value;

use crate::house::House;
use crate::support::http::get;
use crate::support::program::{Program, ajpgate};
use crate::support::{Scratch, until};

/// A gateway whose balancer `shop` has two lists of members.
fn with_lists(scratch: &Scratch) -> Command {
    scratch.write(
        "ajpgate.yaml",
        "listeners: [{ bind: \"127.0.0.1:0\" }]\n\
         admin: { bind: \"127.0.0.1:0\" }\n\
         balancers:\n\
         \x20 shop:\n\
         \x20   discover:\n\
         \x20     - { file: one.yaml, interval: 100ms }\n\
         \x20     - { file: two.yaml, interval: 100ms }\n\
         proxy_pass: [{ path: /, to: \"balancer://shop/\" }]\n",
    );
    ajpgate(scratch.path(), &["run"])
}

/// Writes a list of members that nobody asks anything.
fn write(scratch: &Scratch, file: &str, members: RangeInclusive<u16>) {
    let line = |number: u16| {
        let [high, low] = number.to_be_bytes();
        format!("- {{ url: \"ajp://127.1.{high}.{low}\", route: n{number} }}\n")
    };
    let list: String = members.map(line).collect();
    let new = scratch.write("new", &list);
    std::fs::rename(new, scratch.path().join(file)).unwrap();
}

/// The numbers of the members that take new sessions.
fn usable(gateway: &mut Program) -> Vec<u16> {
    let answer = get(gateway.admin(), "/api/v1/balancers/shop", "");
    let shop: Value = serde_json::from_str(&answer.body).unwrap();
    let members = shop["members"].as_array().unwrap().iter();
    let living = members.filter(|it| it["status"]["drain"] == false);
    let number = |member: &Value| member["route"].as_str()?.strip_prefix('n')?.parse().ok();
    let mut numbers: Vec<u16> = living.filter_map(number).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn of_too_many_members_of_several_lists_the_first_stay_and_the_log_names_the_rest() {
    let scratch = Scratch::new("crowd");
    write(&scratch, "one.yaml", 1..=1000);
    write(&scratch, "two.yaml", 2001..=2030);
    let mut gateway = Program::start(&mut with_lists(&scratch));
    gateway.logs("at most 1024 members");
    gateway.logs("left_out=6 ");
    let known: Vec<u16> = (1..=1000).chain(2001..=2024).collect();
    assert_eq!(usable(&mut gateway), known);
    // A longer first list takes nobody's place.
    write(&scratch, "one.yaml", 1..=1010);
    gateway.logs("left_out=10 ");
    assert_eq!(usable(&mut gateway), known);
    // Each answer of a list is the same by now, and the log has one line for each list.
    let admin = gateway.admin();
    let answered = || {
        let metrics = get(admin, "/metrics", "").body;
        let series = "ajpgate_discovery_total{balancer=\"shop\",source=\"file\",result=\"ok\"} ";
        let line = metrics.lines().find_map(|line| line.strip_prefix(series));
        line.unwrap().parse::<u64>().unwrap()
    };
    let before = answered();
    until("more answers", || (answered() > before + 4).then_some(()));
    let log = gateway.stderr();
    assert_eq!(log.matches("at most 1024 members").count(), 2, "{log}");
    // Who is gone makes room.
    write(&scratch, "one.yaml", 1..=990);
    until("the second list has room", || {
        let usable = usable(&mut gateway);
        (usable.last() == Some(&2030) && usable.len() == 1020).then_some(())
    });
}

/// The state file has the keys of members of lists, for the list has those of this one no more.
#[test]
fn a_member_that_vanished_keeps_its_sessions_over_a_restart_with_a_state_file() {
    let more = "admin: { bind: \"127.0.0.1:0\", state_file: state.json }\n";
    let mut house = House::start(more);
    let [one, two] = [0, 1].map(|at| house.nodes[at].address);
    let line = |address, route| format!("- {{ url: \"ajp://{address}\", route: {route} }}\n");
    let both = [line(one, "node1"), line(two, "node2")].concat();
    house.scratch.write("list.yaml", &both);
    let file = house.scratch.path().join("ajpgate.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let is_member = |line: &&str| line.starts_with("      - {");
    let others = text.lines().filter(|line| !is_member(line));
    let others: String = others.map(|line| format!("{line}\n")).collect();
    let discover = "    discover: [{ file: list.yaml, interval: 100ms }]\n";
    std::fs::write(file, others.replace("    members:\n", discover)).unwrap();
    assert_eq!(house.reload().0, 200);
    let session = "Cookie: JSESSIONID=ABC.node1\r\n";
    assert_eq!(get(house.front, "/", session).node(), "node1");
    let state = house.scratch.path().join("state.json");
    until("the state file has the members", || {
        let text = std::fs::read_to_string(&state).ok()?;
        text.contains(&one.to_string()).then_some(())
    });
    house.scratch.write("list.yaml", &line(two, "node2"));
    until("it drains", || {
        let members = house.members();
        let one = members.iter().find(|it| it["route"] == "node1")?;
        (one["status"]["drain"] == true).then_some(())
    });
    for _ in 0..2 {
        house.kill_and_start();
        for _ in 0..4 {
            assert_eq!(get(house.front, "/", session).node(), "node1");
            assert_eq!(get(house.front, "/", "").node(), "node2");
        }
        // A list that cannot be read names nobody, and those who are known stay.
        house.scratch.write("list.yaml", "- {");
    }
}

/// Of several files of a list one is broken: the log says why, with its line.
#[test]
fn the_log_says_why_a_part_of_a_source_cannot_be_used() {
    let scratch = Scratch::new("partly");
    let mut command = with_lists(&scratch);
    let file = scratch.path().join("ajpgate.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, text.replace("one.yaml", "\"o*.yaml\"")).unwrap();
    write(&scratch, "one.yaml", 1..=2);
    scratch.write("other.yaml", "- { url: \"ajp://192.0.2.1:9\", rout: x }\n");
    let mut gateway = Program::start(&mut command);
    gateway.logs("a source of members does not say all");
    gateway.logs("other.yaml:1:");
    assert_eq!(usable(&mut gateway), [1, 2]);
}

#[test]
fn a_route_that_several_members_have_is_told_when_it_begins_and_shown() {
    let scratch = Scratch::new("shared-route");
    let list = |file: &str, host: &str, route: &str, factor: u32| {
        let new = scratch.write(
            "new",
            &format!("- {{ url: \"ajp://{host}\", route: {route}, loadfactor: {factor} }}\n"),
        );
        std::fs::rename(new, scratch.path().join(file)).unwrap();
    };
    list("one.yaml", "192.0.2.1", "n1", 1);
    list("two.yaml", "192.0.2.2", "n2", 1);
    let mut gateway = Program::start(&mut with_lists(&scratch));
    let admin = gateway.admin();
    // Host, factor, and whether it shares its route, but for those that drain.
    let becomes = |expected: &[&str]| {
        until(&format!("{expected:?}"), || {
            let answer = get(admin, "/api/v1/balancers/shop", "");
            let shop: Value = serde_json::from_str(&answer.body).unwrap();
            let members = shop["members"].as_array().unwrap().iter();
            let living = members.filter(|it| it["status"]["drain"] == false);
            let shown = living.map(|it| {
                let factor = it["loadfactor"].as_f64().unwrap();
                format!(
                    "{} {factor} {}",
                    it["url"].as_str().unwrap(),
                    it["shares_route"]
                )
            });
            (shown.collect::<Vec<_>>() == expected).then_some(())
        });
    };
    becomes(&["ajp://192.0.2.1 1 false", "ajp://192.0.2.2 1 false"]);
    list("two.yaml", "192.0.2.2", "n1", 1);
    becomes(&["ajp://192.0.2.1 1 true", "ajp://192.0.2.2 1 true"]);
    let page = get(admin, "/balancer-manager", "").body;
    assert_eq!(page.matches("also another member").count(), 2, "{page}");
    // As long as it lasts it is told once.
    list("two.yaml", "192.0.2.2", "n1", 2);
    becomes(&["ajp://192.0.2.1 1 true", "ajp://192.0.2.2 2 true"]);
    list("two.yaml", "192.0.2.2", "n2", 2);
    becomes(&["ajp://192.0.2.1 1 false", "ajp://192.0.2.2 2 false"]);
    // A pod that takes the place of another one has its route.
    list("one.yaml", "192.0.2.3", "n1", 1);
    becomes(&["ajp://192.0.2.3 1 false", "ajp://192.0.2.2 2 false"]);
    gateway.logs("route=\"n1\" members=2 first=\"ajp://192.0.2.1, ajp://192.0.2.2\"");
    let log = gateway.stderr();
    assert_eq!(
        log.matches("several members have one route").count(),
        1,
        "{log}"
    );
}
