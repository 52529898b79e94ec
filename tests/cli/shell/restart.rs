//! `drain --wait` while the gateway is restarted, or another program takes over from it.

use super::{NO_DRAIN, command, house_at, wait};
use crate::handover::Succession;
use crate::house::file;
use crate::support::http::{ask, get};
use crate::support::program::Program;
use crate::support::until;

const NODE2: &str = "/api/v1/balancers/shop/members/node2";

#[test]
fn the_wait_outlives_a_restart_of_the_gateway() {
    let port = crate::support::ReservedPort::new();
    let mut house = house_at(port.addr());
    let waiting = wait(&house);
    house.kill_and_start();
    until("the gateway is back", || {
        std::net::TcpStream::connect(port.addr()).ok()
    });
    assert_eq!(house.members()[0]["status"]["drain"], true);
    assert_eq!(
        ask(house.admin, "PATCH", super::NODE1, NO_DRAIN).status,
        200
    );
    assert_eq!(waiting.ended().code, Some(1));
}

/// The program after a hand-over may not know the member at first, as when its source has not answered yet.
#[test]
fn a_program_that_has_just_taken_over_and_does_not_know_the_member_ends_no_wait() {
    let more = "admin: { bind: \"127.0.0.1:0\", state_file: state.json }\n";
    let mut gateway = Succession::start(more);
    get(gateway.front, "/", "Cookie: JSESSIONID=A.node2\r\n");
    let mut waiting = Program::start(&mut command(
        gateway.admin,
        &["drain", "shop", "node2", "--wait"],
    ));
    let mut says = |text: &str| {
        waiting.prints(text, |it| it.stdout().contains(text).then_some(()));
    };
    says("drains: 1 session left");
    let without = file(&gateway.nodes, 1, more);
    gateway.scratch.write("ajpgate.yaml", &without);
    gateway.hand_over();
    says("is not known to the gateway that has started");
    gateway.configure(more);
    gateway.signal("HUP");
    says("drains: no session seen since the gateway started");
    assert_eq!(ask(gateway.admin, "PATCH", NODE2, NO_DRAIN).status, 200);
    let done = waiting.ended();
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.stdout.ends_with("(node2) was undone\n"), "{done:?}");
}
