//! A configuration that is read again, or changed through the API: the gateway then behaves as one that has started with
//! it.

use crate::support::container::{Container, Wire};
use crate::support::gateway::{ConfigFile, Running, ask};
use crate::support::origin::Origin;
use crate::support::{Gate, soon, until};

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

/// Requests of three sessions of a member, named by `field`, go to it.
async fn sessions_go_to(gateway: &Running, node: &str, field: &str) {
    for _ in 0..3 {
        let answer = gateway.get("/", &format!("{field}\r\n")).await;
        assert_eq!(answer.field("x-node"), Some(node), "{field}");
    }
}

/// An AJP member makes its balancer sticky, as in a file that has the member.
#[tokio::test]
async fn an_ajp_member_that_is_added_makes_its_balancer_sticky() {
    let origins = [Origin::hello("n1").await, Origin::hello("n2").await];
    let gateway = Running::before_http(&[&origins[0], &origins[1]], "", "");
    let tomcat = Container::hello("n3").await;
    let keys = format!(
        "{{\"url\": \"ajp://{}\", \"route\": \"n3\"}}",
        tomcat.address
    );
    let added = ask(&gateway, "POST", "/api/v1/balancers/test/members", &keys).await;
    assert_eq!(added.status, 201, "{}", added.text());
    for node in ["n1", "n2", "n3"] {
        sessions_go_to(&gateway, node, &format!("Cookie: JSESSIONID=x.{node}")).await;
    }
    // Without the member the balancer is as before.
    let path = "/api/v1/balancers/test/members/n3";
    assert_eq!(ask(&gateway, "DELETE", path, "").await.status, 204);
    let shown = ask(&gateway, "GET", "/api/v1/balancers/test", "").await;
    assert!(
        shown.text().contains("\"stickysession\":\"\""),
        "{}",
        shown.text()
    );
}

#[tokio::test]
async fn the_separator_of_the_file_counts_for_names_that_are_set_by_hand() {
    let origins = [Origin::hello("n1").await, Origin::hello("n2").await];
    let keys = "stickysession: \"\"\nstickysessionsep: \"-\"";
    let gateway = Running::before_http(&[&origins[0], &origins[1]], keys, "");
    let balancer = "/api/v1/balancers/test";
    let changed = ask(&gateway, "PATCH", balancer, "{\"stickysession\": \"SID\"}").await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    for node in ["n1", "n2"] {
        sessions_go_to(&gateway, node, &format!("Cookie: SID=x.y-{node}")).await;
    }
}

/// A configuration may not have such names either.
#[tokio::test]
async fn no_change_gives_the_session_cookie_the_name_of_the_gateways_cookie() {
    let origin = Origin::hello("n1").await;
    let keys = "sticky_cookie: { name: JSESSIONID }";
    let gateway = Running::before_http(&[&origin], keys, "");
    let balancer = "/api/v1/balancers/test";
    let names = "{\"stickysession\": \"JSESSIONID|id\"}";
    let refused = ask(&gateway, "PATCH", balancer, names).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert!(refused.text().contains("stickysession: sticky_cookie has"));
    let keys = "{\"url\": \"ajp://tomcat.invalid\"}";
    let refused = ask(&gateway, "POST", &format!("{balancer}/members"), keys).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert!(refused.text().contains("url: an AJP member makes"));
}

#[tokio::test]
async fn a_member_at_the_same_place_is_not_added_again() {
    let gateway = Running::over(&["ajp://tomcat.invalid:8009".to_owned()], "", "");
    let keys = "{\"url\": \"ajp://tomcat.invalid\"}";
    let refused = ask(&gateway, "POST", "/api/v1/balancers/test/members", keys).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
}

#[tokio::test]
async fn a_reload_changes_the_shutdown_timeout() {
    let container = Container::start(|_, mut wire: Wire| async move {
        wire.request().await;
        wire.until_closed().await;
    })
    .await;
    let yaml = |timeout: &str| {
        format!(
            "shutdown_timeout: {timeout}\nproxy_pass: [{{ path: /, to: \"ajp://{}/\" }}]\n",
            container.address
        )
    };
    let file = ConfigFile::new("shutdown-timeout", &yaml("1h"));
    let gateway = Running::start_from(&file);
    file.write(&yaml("200ms"));
    let reloaded = ask(&gateway, "POST", "/api/v1/reload", "").await;
    assert_eq!(reloaded.status, 200, "{}", reloaded.text());
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("the request is under way", async || {
        container.connections() == 1
    })
    .await;
    let all_completed = soon("the gateway ends", gateway.shutdown()).await;
    assert!(!all_completed);
}

/// A listener that is no longer in the file answers the requests under way, and the first one of a connection that has had
/// none.
#[tokio::test]
async fn connections_of_a_listener_that_is_gone_are_closed() {
    let gate = Gate::new();
    let (quick, slow) = (Container::hello("n1").await, Container::gated(&gate).await);
    let yaml = |listeners: &str| {
        format!(
            "listeners: [{listeners}]\nproxy_pass: [{{ path: /, to: \"ajp://{}/\" }}, {{ path: /slow, to: \"ajp://{}/\" }}]\n",
            quick.address, slow.address
        )
    };
    let file = ConfigFile::new("gone-listener", &yaml("{ bind: \"127.0.0.1:0\" }"));
    let gateway = Running::start_from(&file);
    let [mut idle, mut busy, mut fresh] = [
        gateway.client().await,
        gateway.client().await,
        gateway.client().await,
    ];
    gateway
        .metric_becomes("ajpgate_client_connections", &[], 3.0)
        .await;
    assert_eq!(idle.get("/", "").await.status, 200);
    busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    gateway
        .metric_becomes("ajpgate_requests_in_flight", &[], 1.0)
        .await;
    file.write(&yaml("{ bind: \"[::1]:0\" }"));
    let reloaded = ask(&gateway, "POST", "/api/v1/reload", "").await;
    assert_eq!(reloaded.status, 200, "{}", reloaded.text());
    assert!(idle.is_closed().await);
    gate.open();
    fresh.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    for mut client in [busy, fresh] {
        let answer = client.answer().await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.field("connection"), Some("close"));
        assert!(client.is_closed().await);
    }
}
