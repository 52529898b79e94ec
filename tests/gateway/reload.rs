//! A configuration that is read again, or changed through the API: what was in force before stays in force where
//! nothing about it has changed.

use crate::support::client::{Answer, Client};
use crate::support::gateway::{ConfigFile, Running};
use crate::support::origin::Origin;

async fn ask(gateway: &Running, method: &str, path: &str, body: &str) -> Answer {
    let mut client = Client::connect(gateway.admin).await;
    let length = body.len();
    let admin = gateway.admin;
    client
        .send(format!(
            "{method} {path} HTTP/1.1\r\nHost: {admin}\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
        .await;
    client.answer().await
}

/// Two HTTP members with routes `n1` and `n2`, and only the gateway's own cookie to stick by.
async fn two_members(test: &str) -> ([Origin; 2], ConfigFile, Running) {
    let origins = [Origin::hello("n1").await, Origin::hello("n2").await];
    let yaml = format!(
        "balancers:\n\
         \x20 test:\n\
         \x20   sticky_cookie: {{ name: ROUTEID }}\n\
         \x20   members:\n\
         \x20     - {{ url: \"http://{}\", route: n1 }}\n\
         \x20     - {{ url: \"http://{}\", route: n2 }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://test/\" }}]\n",
        origins[0].address, origins[1].address
    );
    let file = ConfigFile::new(test, &yaml);
    let gateway = Running::start_from(&file);
    (origins, file, gateway)
}

/// Requests of four sessions of each member go to it, and none gets a new cookie.
async fn sessions_stick(gateway: &Running) {
    for node in ["n1", "n2"] {
        for id in ["a", "b", "c", "d"] {
            let cookie = format!("Cookie: ROUTEID={id}.{node}\r\n");
            let answer = gateway.get("/", &cookie).await;
            assert_eq!(answer.field("x-node"), Some(node), "{id}");
            assert_eq!(answer.field("set-cookie"), None, "{id}");
        }
    }
}

#[tokio::test]
async fn sessions_of_the_gateways_cookie_stick_after_a_reload() {
    let (_origins, _file, gateway) = two_members("sticky-reload").await;
    sessions_stick(&gateway).await;
    let reloaded = ask(&gateway, "POST", "/api/v1/reload", "").await;
    assert_eq!(reloaded.status, 200, "{}", reloaded.text());
    sessions_stick(&gateway).await;
}

#[tokio::test]
async fn sessions_of_the_gateways_cookie_stick_after_a_change_of_the_balancer() {
    let (_origins, _file, gateway) = two_members("sticky-balancer").await;
    let balancer = "/api/v1/balancers/test";
    let changed = ask(&gateway, "PATCH", balancer, "{\"maxattempts\": 1}").await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    sessions_stick(&gateway).await;
}

#[tokio::test]
async fn sessions_of_the_gateways_cookie_stick_after_a_change_of_a_member() {
    let (_origins, _file, gateway) = two_members("sticky-member").await;
    let member = "/api/v1/balancers/test/members/n1";
    let changed = ask(&gateway, "PATCH", member, "{\"lbset\": 1}").await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    sessions_stick(&gateway).await;
}

#[tokio::test]
async fn sessions_of_the_gateways_cookie_stick_after_a_member_is_added() {
    let (_origins, _file, gateway) = two_members("sticky-added").await;
    let third = Origin::hello("n3").await;
    let keys = format!(
        "{{\"url\": \"http://{}\", \"route\": \"n3\"}}",
        third.address
    );
    let added = ask(&gateway, "POST", "/api/v1/balancers/test/members", &keys).await;
    assert_eq!(added.status, 201, "{}", added.text());
    sessions_stick(&gateway).await;
}
