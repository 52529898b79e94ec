//! Changes by an operator while the gateway serves requests.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::Gate;
use crate::support::client::get;
use crate::support::container::{Container, Wire};
use crate::support::gateway::{Running, ask};
use crate::support::soon;

const MEMBERS: &str = "/api/v1/balancers/test/members";

async fn metrics(gateway: &Running) -> String {
    get(gateway.admin, "/metrics", "").await.text().to_owned()
}

#[tokio::test]
async fn a_removed_member_completes_its_requests_and_leaves_no_series() {
    let gate = Gate::new();
    let container = Container::gated(&gate).await;
    let gateway = Running::before(&[&container], "", "");
    let url = format!("ajp://{}", container.address);
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    gateway
        .metric_becomes("ajpgate_member_busy", &[], 1.0)
        .await;

    // The last member of its balancer can be removed too.
    let removed = ask(&gateway, "DELETE", &format!("{MEMBERS}/n1"), "").await;
    assert_eq!((removed.status, removed.text()), (204, ""));
    assert_eq!(gateway.get("/", "").await.status, 503);
    assert_eq!(get(gateway.admin, "/readyz", "").await.status, 503);
    gate.open();
    assert_eq!(client.answer().await.text(), "at last");
    gateway
        .metric_becomes("ajpgate_requests_in_flight", &[], 0.0)
        .await;
    let text = metrics(&gateway).await;
    assert!(
        !text.contains(&url) && !text.contains("route=\"n1\""),
        "{text}"
    );
    // Requests without a member are still counted.
    let nobody = [("balancer", "test"), ("member", ""), ("code", "5xx")];
    assert_eq!(gateway.metric("ajpgate_requests_total", &nobody).await, 1.0);

    // The member comes back, and its counters begin at 0, as after a start: series of members that come and go must not pile up.
    let keys = json!({ "url": url, "route": "n1" }).to_string();
    assert_eq!(ask(&gateway, "POST", MEMBERS, &keys).await.status, 201);
    assert_eq!(gateway.get("/", "").await.text(), "at last");
    for total in ["ajpgate_member_elected_total", "ajpgate_requests_total"] {
        gateway
            .metric_becomes(total, &[("member", &url)], 1.0)
            .await;
    }
}

#[tokio::test]
async fn an_existing_member_cannot_be_added_and_a_removed_one_not_removed() {
    let nodes = [Container::hello("n1").await, Container::hello("n2").await];
    let gateway = Running::before(&[&nodes[0], &nodes[1]], "", "");
    let url = format!("ajp://{}", nodes[0].address);
    let keys = json!({ "url": url, "route": "n9" }).to_string();
    let again = ask(&gateway, "POST", MEMBERS, &keys).await;
    assert_eq!(again.status, 409);
    assert!(again.text().contains("url"), "{}", again.text());
    // Another spelling of the URL is the same member.
    let keys = json!({ "url": format!("{url}/") }).to_string();
    assert_ne!(ask(&gateway, "POST", MEMBERS, &keys).await.status, 201);
    let path = format!("{MEMBERS}/{}", url.replace(':', "%3A").replace('/', "%2F"));
    assert_eq!(ask(&gateway, "DELETE", &path, "").await.status, 204);
    assert_eq!(ask(&gateway, "DELETE", &path, "").await.status, 404);
    let stopped = json!({ "url": url, "route": "n1", "status": ["stopped"] }).to_string();
    let added = ask(&gateway, "POST", MEMBERS, &stopped).await;
    assert_eq!(added.status, 201);
    let member: Value = serde_json::from_str(added.text()).unwrap();
    assert_eq!(
        (&member["usable"], &member["status"]["stopped"]),
        (&json!(false), &json!(true))
    );
}

/// No series is left of a renamed route, also of sessions that other members issued with it.
#[tokio::test]
async fn no_series_names_a_route_that_no_longer_exists() {
    let issues_n2 = |_, mut wire: Wire| async move {
        while wire.next_request().await.is_some() {
            wire.respond(200, &[("Set-Cookie", "JSESSIONID=a.n2")], b"")
                .await;
        }
    };
    let nodes = [
        Container::start(issues_n2).await,
        Container::hello("n2").await,
    ];
    let gateway = Running::before(&[&nodes[0], &nodes[1]], "", "");
    gateway.get("/", "Cookie: JSESSIONID=a.n1\r\n").await;
    assert!(metrics(&gateway).await.contains("issued=\"n2\""));
    let renamed = ask(
        &gateway,
        "PATCH",
        &format!("{MEMBERS}/n2"),
        "{\"route\": \"blue\"}",
    )
    .await;
    assert_eq!(renamed.status, 200);
    let text = metrics(&gateway).await;
    assert!(
        text.contains("route=\"blue\"") && !text.contains("\"n2\""),
        "{text}"
    );
}

/// After ten seconds the answer is an error, and nothing is changed.
#[tokio::test]
async fn a_body_that_does_not_come_is_an_error_after_ten_seconds() {
    let node = Container::hello("n1").await;
    let gateway = Running::before(&[&node], "", "");
    let mut slow = TcpStream::connect(gateway.admin).await.unwrap();
    let head = format!(
        "PATCH {MEMBERS}/n1 HTTP/1.1\r\nHost: {}\r\nContent-Length: 100\r\n\r\n{{\"lbset\"",
        gateway.admin
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    soon("it is answered", slow.read_exact(&mut answer))
        .await
        .unwrap();
    assert_eq!(answer, b"HTTP/1.1 408");
    let member = get(gateway.admin, &format!("{MEMBERS}/n1"), "").await;
    assert!(member.text().contains("\"lbset\":0"));
}

/// A client from a network that is not allowed gets 403, and takes no connection from those that are allowed.
#[tokio::test]
async fn clients_that_are_not_allowed_do_not_block_an_operator() {
    let node = Container::hello("n1").await;
    let gateway = Running::start(&format!(
        "admin: {{ bind: \"127.0.0.1:0\", allow: [127.0.0.2] }}\n\
         proxy_pass: [{{ path: /, to: \"ajp://{}/\" }}]\n",
        node.address
    ));
    let refused = get(gateway.admin, "/healthz", "").await;
    assert_eq!(refused.status, 403);
    let mut strangers = Vec::new();
    for _ in 0..100 {
        strangers.push(TcpStream::connect(gateway.admin).await.unwrap());
    }
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 2], 0).into()).unwrap();
    let mut operator = socket.connect(gateway.admin).await.unwrap();
    operator
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let mut answer = vec![0; 12];
    soon("the operator is answered", operator.read_exact(&mut answer))
        .await
        .unwrap();
    assert_eq!(answer, b"HTTP/1.1 200");
}
