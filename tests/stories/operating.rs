//! What an operator does to a gateway that is at work, and who cannot keep them from it.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::Gate;
use crate::support::client::{Answer, Client, get};
use crate::support::container::{Container, Wire};
use crate::support::gateway::Running;
use crate::support::soon;

const MEMBERS: &str = "/api/v1/balancers/test/members";

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

async fn metrics(gateway: &Running) -> String {
    get(gateway.admin, "/metrics", "").await.text().to_owned()
}

/// A container that answers when its gate is opened, once for each request.
async fn gated(gate: &Gate) -> Container {
    let gate = gate.clone();
    Container::start(move |_, mut wire: Wire| {
        let gate = gate.clone();
        async move {
            while wire.next_request().await.is_some() {
                gate.opened(1).await;
                wire.respond(200, &[], b"at last").await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_removed_member_completes_what_it_serves_and_leaves_no_series() {
    let gate = Gate::new();
    let container = gated(&gate).await;
    let gateway = Running::before(&[&container], "", "");
    let url = format!("ajp://{}", container.address);
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    gateway
        .metric_becomes("ajpgate_member_busy", &[], 1.0)
        .await;

    // The last one of its balancer, too.
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
    // Nobody answered, and that is still told.
    let nobody = [("balancer", "test"), ("member", ""), ("code", "5xx")];
    assert_eq!(gateway.metric("ajpgate_requests_total", &nobody).await, 1.0);

    // It comes back, and counts where it was: no counter ever falls or stands still.
    let keys = json!({ "url": url, "route": "n1" }).to_string();
    assert_eq!(ask(&gateway, "POST", MEMBERS, &keys).await.status, 201);
    assert_eq!(gateway.get("/", "").await.text(), "at last");
    for total in ["ajpgate_member_elected_total", "ajpgate_requests_total"] {
        gateway
            .metric_becomes(total, &[("member", &url)], 2.0)
            .await;
    }
}

#[tokio::test]
async fn a_member_that_is_there_cannot_be_added_and_one_that_is_gone_cannot_be_removed() {
    let nodes = [Container::hello("n1").await, Container::hello("n2").await];
    let gateway = Running::before(&[&nodes[0], &nodes[1]], "", "");
    let url = format!("ajp://{}", nodes[0].address);
    let keys = json!({ "url": url, "route": "n9" }).to_string();
    let again = ask(&gateway, "POST", MEMBERS, &keys).await;
    assert_eq!(again.status, 409);
    assert!(again.text().contains("url"), "{}", again.text());
    // Written in another way it is the same.
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

/// Nothing is left of a route that was renamed, nor of what others issued under it.
#[tokio::test]
async fn no_series_names_a_route_that_is_gone() {
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

/// Ten seconds, then the answer says so and nothing is changed.
#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
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

/// Whoever may not ask gets a 403 and cannot take the place of those who may.
#[tokio::test]
async fn strangers_do_not_keep_an_operator_out() {
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
