//! Unexpected behaviour of a real Tomcat. The client gets its own answer, an error or a reset, but never another client's
//! answer, and never waits without end.

use std::time::{Duration, Instant};

use crate::support::ajpgate::Ajpgate;
use crate::support::browser::{Browser, Outcome};
use crate::support::client::{self, Answer, Client};
use crate::support::tomcat::{Tomcat, TomcatOptions};
use crate::support::wait::pause;
use serde_json::Value;
use tokio::task::JoinSet;

/// The `timeout` of the members.
const TIMEOUT: Duration = Duration::from_secs(1);

/// One Tomcat and a gateway in front of it.
async fn tomcat_and_gateway() -> (Tomcat, Ajpgate) {
    let tomcat = Tomcat::start(TomcatOptions::new("node1").secret("s3cret")).await;
    let gateway = Ajpgate::before(&[&tomcat])
        .member("timeout: 1s")
        .start()
        .await;
    (tomcat, gateway)
}

async fn get(gateway: &Ajpgate, target: &str) -> Answer {
    client::get(gateway.front(), target, "").await
}

/// Checks that the next requests get their own answers.
async fn next_requests_are_fine(gateway: &Ajpgate) {
    let mut client = Client::connect(gateway.front()).await;
    for number in 0..5 {
        let answer = client.get(&format!("/app/echo/{number}"), "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let seen: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(seen["pathInfo"], format!("/{number}"));
    }
}

/// Tomcat 10.1.60 then sends no END_RESPONSE and keeps the connection open. 10.1.52 flushes and sends END_RESPONSE without
/// reuse.
#[tokio::test]
async fn an_exception_after_the_head_resets_the_client_and_closes_the_connection() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    let asked = Instant::now();
    let outcome = Browser::new(gateway.front())
        .request("GET", "/app/fault?kind=exception-after-commit", "", b"")
        .await;
    // Head, data and reset may come at the same time; then the client may not read the data any more.
    assert!(
        matches!(outcome, Outcome::Torn(_) | Outcome::Lost),
        "{outcome:?}"
    );
    println!("reset after {:.2?}", asked.elapsed());
    assert_eq!(gateway.connections_given_up().await, 1);
    let kind = match asked.elapsed() >= TIMEOUT {
        true => "timeout",
        false => "closed",
    };
    let errors = gateway
        .count("member_errors_total", &[("kind", kind)])
        .await;
    assert_eq!(errors, 1, "{kind}");
    next_requests_are_fine(&gateway).await;
    assert_eq!(gateway.connections_given_up().await, 1);
}

/// Tomcat 10.1.60 logs that it closes the connection, but sends nothing and keeps it open. 10.1.52 sends a head without
/// the value, which is a malformed packet.
#[tokio::test]
async fn an_answer_whose_head_fits_no_packet_is_an_error_of_the_gateway() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    for (given_up, target) in [
        (1, "/app/fault?kind=oversize-header"),
        (2, "/app/headers?big=9000"),
    ] {
        let status = get(&gateway, target).await.status;
        assert!(matches!(status, 502 | 504), "{target}: {status}");
        assert_eq!(gateway.connections_given_up().await, given_up, "{target}");
    }
    next_requests_are_fine(&gateway).await;
}

/// Tomcat 10.1.60 sends line ends as they are, and the gateway refuses the answer. 10.1.52 replaces them by spaces.
#[tokio::test]
async fn line_ends_in_a_header_inject_nothing() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    for bad in [
        "X-Bad:a%0D%0AInjected:%20yes",
        "X-Bad:a%0Ab",
        "X-Bad:a%00b",
        "X%20Bad:a",
    ] {
        let answer = get(&gateway, &format!("/app/headers?h={bad}")).await;
        assert_eq!(answer.field("injected"), None, "{answer:?}");
        assert!(!answer.text().contains("Injected"), "{answer:?}");
        let harmless = |value: &str| {
            value
                .bytes()
                .all(|byte| byte == b' ' || byte.is_ascii_graphic())
        };
        match answer.status {
            200 => assert!(answer.field("x-bad").is_some_and(harmless), "{answer:?}"),
            status => assert_eq!(status, 502, "{answer:?}"),
        }
    }
    next_requests_are_fine(&gateway).await;
}

/// An attribute that the connector does not allow is refused with END_RESPONSE reuse=0. Tomcat leaves the connection open,
/// and would read the next bytes on it as a request.
#[tokio::test]
async fn a_refused_attribute_closes_the_connection() {
    let tomcat = Tomcat::start(TomcatOptions::new("node1")).await;
    let setup = Ajpgate::before(&[&tomcat]);
    let gateway = setup
        .mapping("request_attributes: { surprise: yes }")
        .start()
        .await;
    for request in 1..=3 {
        assert_eq!(get(&gateway, "/app/echo").await.status, 403);
        assert_eq!(gateway.connections_given_up().await, request);
    }
}

#[tokio::test]
async fn an_allowed_attribute_arrives() {
    let options = TomcatOptions::new("node1").connector("allowedRequestAttributesPattern", "wel.*");
    let tomcat = Tomcat::start(options).await;
    let setup = Ajpgate::before(&[&tomcat]);
    let gateway = setup
        .mapping("request_attributes: { welcome: \"%{BALANCER_NAME}e\" }")
        .start()
        .await;
    let seen: Value =
        serde_json::from_slice(&get(&gateway, "/app/echo?attribute=welcome").await.body).unwrap();
    assert_eq!(seen["attributes"]["welcome"], "balancer://tomcats");
}

#[tokio::test]
async fn a_body_shorter_than_announced_never_looks_complete() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    let mut browser = Browser::new(gateway.front());
    let outcome = browser
        .request("GET", "/app/fault?kind=content-length-too-long", "", b"")
        .await;
    // The whole answer comes at once, so the gateway may notice before it has sent the head.
    assert!(
        matches!(outcome, Outcome::Torn(_) | Outcome::Lost),
        "{outcome:?}"
    );
    next_requests_are_fine(&gateway).await;
}

/// On one connection: surplus bytes would be read as the next answer.
#[tokio::test]
async fn a_body_longer_than_announced_is_cut() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    let mut client = Client::connect(gateway.front()).await;
    let answer = client
        .get("/app/fault?kind=content-length-too-short", "")
        .await;
    assert_eq!((answer.text(), answer.complete), ("too ", true));
    assert_eq!(client.get("/app/status?body=mine", "").await.text(), "mine");
    next_requests_are_fine(&gateway).await;
}

#[tokio::test]
async fn a_head_that_fits_no_packet_never_reaches_tomcat() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    next_requests_are_fine(&gateway).await;
    for (name, large) in [("header", 9000), ("cookie", 20_000)] {
        let field = format!("{name}: {}\r\n", "x".repeat(large));
        let answer = client::get(gateway.front(), "/app/echo", &field).await;
        assert_eq!(answer.status, 431, "{name}");
    }
    next_requests_are_fine(&gateway).await;
    assert_eq!(gateway.connections_given_up().await, 0);
}

/// Tomcat answers 500 to a request of more than 100 fields, although the client is at fault.
#[tokio::test]
async fn a_hundred_fields_arrive_and_more_are_431() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    let fields = |count: usize| -> String {
        (1..=count)
            .map(|number| format!("X-Field-{number}: {number}\r\n"))
            .collect()
    };
    // With the Host that the client of the test sends. The forwarding fields of the gateway are left out, for Tomcat takes
    // no more than 100.
    let mut client = Client::connect(gateway.front()).await;
    let most = client.get("/app/echo", &fields(99)).await;
    let seen: Value = serde_json::from_slice(&most.body).unwrap();
    assert_eq!(seen["headers"].as_array().unwrap().len(), 100);
    let more = client.get("/app/echo", &fields(100)).await;
    assert_eq!(more.status, 431);
    let answer = get(&gateway, "/app/headers?many=100").await;
    assert_eq!(
        answer
            .fields
            .iter()
            .filter(|(name, _)| name.to_ascii_lowercase().starts_with("x-many-"))
            .count(),
        100
    );
    assert_eq!(gateway.count("requests_total", &[("code", "5xx")]).await, 0);
}

#[tokio::test]
async fn an_impossible_status_is_502() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    for status in [100, 101, 103, 199] {
        let answer = get(&gateway, &format!("/app/status?code={status}")).await;
        assert_eq!(answer.status, 502, "{status}");
    }
    next_requests_are_fine(&gateway).await;
}

/// Bytes that come after the timeout belong to a request that has ended.
#[tokio::test]
async fn the_rest_of_a_late_answer_reaches_no_client() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    let mut client = Client::connect(gateway.front()).await;
    client
        .send("GET /app/fault?kind=hang-after-commit&ms=2000 HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    client.raw_until("begun\n").await;
    assert!(client.ended_by_reset().await);
    let until = Instant::now() + Duration::from_millis(1500);
    while Instant::now() < until {
        next_requests_are_fine(&gateway).await;
    }
    let patient = get(&gateway, "/app/fault?kind=hang-after-commit&ms=500").await;
    assert_eq!((patient.text(), patient.complete), ("begun\nended\n", true));
}

#[tokio::test]
async fn a_request_that_kills_its_tomcat_is_not_repeated_on_another() {
    let node = |route| Tomcat::start(TomcatOptions::new(route));
    let (one, two) = tokio::join!(node("node1"), node("node2"));
    let gateway = Ajpgate::before(&[&one, &two]).start().await;
    let mut browser = Browser::new(gateway.front());
    browser.session = Some("JSESSIONID=a.node1".to_owned());
    let outcome = browser
        .request("POST", "/app/fault?kind=halt-before-commit", "", b"")
        .await;
    assert_eq!(
        outcome.expect_answer().status,
        502,
        "it may have been acted on"
    );
    let next = browser.get("/app/session").await;
    assert_eq!((next.status, next.field("x-node")), (200, Some("node2")));
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_of_an_answer_resets_its_client() {
    let node = |route| Tomcat::start(TomcatOptions::new(route));
    let (one, two) = tokio::join!(node("node1"), node("node2"));
    let gateway = Ajpgate::before(&[&one, &two]).start().await;
    let mut client = Client::connect(gateway.front()).await;
    client
        .send("GET /app/fault?kind=halt-after-commit HTTP/1.1\r\nHost: a\r\nCookie: JSESSIONID=a.node1\r\n\r\n")
        .await;
    let torn = client.try_answer("GET").await.expect("a head");
    assert_eq!(
        (torn.field("x-node"), torn.complete),
        (Some("node1"), false)
    );
    let next = client::get(
        gateway.front(),
        "/app/session",
        "Cookie: JSESSIONID=a.node1\r\n",
    )
    .await;
    assert_eq!((next.status, next.field("x-node")), (200, Some("node2")));
}

/// Tomcat closes idle connections after two seconds, and the next requests come at that moment.
#[tokio::test]
async fn connections_that_tomcat_has_closed_are_not_used() {
    const KEPT: Duration = Duration::from_secs(2);
    let options = TomcatOptions::new("node1").connector("keepAliveTimeout", "2000");
    let tomcat = Tomcat::start(options).await;
    let gateway = Ajpgate::before(&[&tomcat]).start().await;
    for method in ["GET", "POST"] {
        let mut clients = JoinSet::new();
        for number in 0..20 {
            let front = gateway.front();
            clients.spawn(async move {
                let mut browser = Browser::new(front);
                browser.get("/app/slow?ms=100").await;
                // GETs come while connections are being closed. A POST at that moment may have been executed, and would be
                // answered with 502; so POSTs come when all connections are closed.
                let late = if method == "GET" {
                    number * 2
                } else {
                    500 + number
                };
                pause(KEPT + Duration::from_millis(late)).await;
                let outcome = browser.request(method, "/app/slow?ms=100", "", b"").await;
                assert_eq!(
                    outcome.expect_answer().status,
                    200,
                    "{method} {late} ms late"
                );
            });
        }
        clients.join_all().await;
    }
}
