//! The admin listener.

use crate::support::client::{Client, get};
use crate::support::container::Container;
use crate::support::gateway::Running;

/// The request and the end of the client's sending side come at the same time.
#[tokio::test]
async fn a_client_that_closes_its_sending_side_gets_its_answer() {
    let gateway = Running::start("");
    for _ in 0..50 {
        let mut client = Client::connect(gateway.admin).await;
        client
            .send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await;
        client.finish().await;
        assert_eq!(client.answer().await.status, 200);
    }
}

#[tokio::test]
async fn health_is_open_and_metrics_need_what_is_configured() {
    let container = Container::hello("n1").await;
    let gateway = Running::start(&format!(
        "admin: {{ bind: \"127.0.0.1:0\", auth: {{ user: admin, password: s3cret }} }}\n\
         proxy_pass: [{{ path: /, to: \"ajp://{}/\" }}]\n",
        container.address
    ));
    assert_eq!(get(gateway.admin, "/healthz", "").await.status, 200);
    assert_eq!(get(gateway.admin, "/readyz", "").await.status, 200);
    let refused = get(gateway.admin, "/metrics", "").await;
    assert_eq!(refused.status, 401);
    assert!(
        refused
            .field("www-authenticate")
            .unwrap()
            .starts_with("Basic")
    );
    let wrong = get(
        gateway.admin,
        "/metrics",
        "Authorization: Basic YWRtaW46d3Jvbmc=\r\n",
    )
    .await;
    assert_eq!(wrong.status, 401);
    let right = get(
        gateway.admin,
        "/metrics",
        "Authorization: Basic YWRtaW46czNjcmV0\r\n",
    )
    .await;
    assert_eq!(right.status, 200);
    assert!(
        right
            .field("content-type")
            .unwrap()
            .starts_with("text/plain; version=0.0.4")
    );
    assert!(right.text().contains("ajpgate_build_info{version="));
    assert_eq!(get(gateway.admin, "/secret", "").await.status, 401);
}

#[tokio::test]
async fn networks_that_are_not_allowed_get_403() {
    let container = Container::hello("n1").await;
    let gateway = Running::start(&format!(
        "admin: {{ bind: \"127.0.0.1:0\", allow: [10.0.0.0/8] }}\nproxy_pass: [{{ path: /, to: \"ajp://{}/\" }}]\n",
        container.address
    ));
    for path in ["/metrics", "/healthz", "/"] {
        assert_eq!(get(gateway.admin, path, "").await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn readiness_names_the_balancer_without_a_usable_member() {
    let container = Container::hello("n1").await;
    let address = container.address;
    let gateway = Running::before(&[&container], "", "retry: 1h");
    assert_eq!(get(gateway.admin, "/readyz", "").await.status, 200);
    drop(container);
    assert_eq!(gateway.get("/", "").await.status, 503);
    let answer = get(gateway.admin, "/readyz", "").await;
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("test"), "{}", answer.text());
    let back = Container::at(address, |_, wire| {
        crate::support::container::hello("n1", wire)
    });
    assert_eq!(gateway.get("/", "").await.status, 200);
    assert_eq!(get(gateway.admin, "/readyz", "").await.status, 200);
    drop(back);
}

/// A gateway that a load balancer takes out for a drain would lose the sessions which the drain lets end.
#[tokio::test]
async fn a_gateway_whose_members_all_drain_is_ready() {
    let container = Container::hello("n1").await;
    let gateway = Running::before(&[&container], "", "status: [drain]");
    assert_eq!(gateway.get("/", "").await.status, 503);
    let session = gateway.get("/", "Cookie: JSESSIONID=s.n1\r\n").await;
    assert_eq!(session.status, 200);
    assert_eq!(get(gateway.admin, "/readyz", "").await.status, 200);
    // Without sessions no request gets there.
    let gateway = Running::before(&[&container], "stickysession: \"\"", "status: [drain]");
    assert_eq!(get(gateway.admin, "/readyz", "").await.status, 503);
}

#[tokio::test]
async fn only_known_paths_and_reading_methods_are_answered() {
    let container = Container::hello("n1").await;
    let gateway = Running::before(&[&container], "", "");
    assert_eq!(get(gateway.admin, "/nothing", "").await.status, 404);
    let mut client = Client::connect(gateway.admin).await;
    client
        .send("POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        .await;
    assert_eq!(client.answer().await.status, 405);
}

#[tokio::test]
async fn requests_are_counted_once_under_the_member_that_answered() {
    let container = Container::hello("n1").await;
    let gateway = Running::start(&format!(
        "balancers: {{ b: {{ members: [{{ url: \"ajp://{}\", route: n1 }}] }} }}\n\
         proxy_pass: [{{ path: /app, to: \"balancer://b/app\" }}]\n",
        container.address
    ));
    assert_eq!(gateway.get("/app", "").await.status, 200);
    assert_eq!(gateway.get("/nowhere", "").await.status, 404);
    let total = "ajpgate_requests_total";
    let member = format!("ajp://{}", container.address);
    let answered = [
        ("balancer", "b"),
        ("member", member.as_str()),
        ("route", "n1"),
        ("code", "2xx"),
    ];
    assert_eq!(gateway.metric(total, &answered).await, 1.0);
    let unanswered = [
        ("balancer", ""),
        ("member", ""),
        ("route", ""),
        ("code", "4xx"),
    ];
    assert_eq!(gateway.metric(total, &unanswered).await, 1.0);
    assert_eq!(gateway.metric(total, &[]).await, 2.0);
    for histogram in [
        "ajpgate_request_duration_seconds_count",
        "ajpgate_backend_duration_seconds_count",
    ] {
        assert_eq!(
            gateway.metric(histogram, &[("balancer", "b")]).await,
            1.0,
            "{histogram}"
        );
    }
    assert_eq!(
        gateway
            .metric("ajpgate_member_elected_total", &[("member", &member)])
            .await,
        1.0
    );
}

/// Clients cannot create series: two hundred unknown routes, methods and paths change nothing.
#[tokio::test]
async fn series_come_from_the_configuration_alone() {
    let container = Container::start(|_, mut wire: crate::support::container::Wire| async move {
        let mut number = 0;
        while wire.next_request().await.is_some() {
            number += 1;
            let cookie = format!("JSESSIONID=x.made-up-{number}; Path=/");
            wire.respond(200, &[("Set-Cookie", &cookie)], b"").await;
        }
    })
    .await;
    let gateway = Running::before(&[&container], "", "");
    let mut client = gateway.client().await;
    client.get("/", "Cookie: JSESSIONID=a.n1\r\n").await;
    let series = async || {
        let text = get(gateway.admin, "/metrics", "").await;
        text.text()
            .lines()
            .filter(|line| !line.starts_with('#'))
            .count()
    };
    let before = series().await;
    for number in 0..200 {
        let fields = format!("Cookie: JSESSIONID=a.route-{number}\r\n");
        client.get(&format!("/path-{number}"), &fields).await;
    }
    assert_eq!(series().await, before);
    let unknown = [("issued", "unknown")];
    assert_eq!(
        gateway
            .metric("ajpgate_sticky_route_mismatch_total", &unknown)
            .await,
        201.0
    );
}
