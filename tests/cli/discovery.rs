//! Members from lists: what the log says of them.

use std::ops::RangeInclusive;
use std::process::Command;

use serde_json::Value;

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
