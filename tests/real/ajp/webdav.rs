//! WebDAV through a mapping whose path is another one on Tomcat.

use std::net::SocketAddr;

use crate::support::ajpgate::{Ajpgate, member};
use crate::support::probe;
use crate::support::tomcat::{Tomcat, TomcatOptions};

/// Sends a request to a file below `/dav` and returns the status and the body.
async fn ask(
    front: SocketAddr,
    method: &str,
    file: &str,
    fields: &[(&str, &str)],
    body: &[u8],
) -> (u16, String) {
    let target = format!("/dav/{file}");
    let reply = probe::request(front, method, &target, fields, body).await;
    let reply = reply.unwrap_or_else(|error| panic!("{method} {target}: {error}"));
    (reply.status, reply.text())
}

/// Tomcat's WebdavServlet refuses a `Destination` outside its context, so one that were not mapped would be 403.
#[tokio::test]
async fn copy_and_move_reach_the_destination_that_the_client_names() {
    let tomcat = Tomcat::start(TomcatOptions::new("node1").webdav()).await;
    let gateway = Ajpgate::start(&format!(
        "balancers: {{ t: {{ members: [{{ {} }}] }} }}
proxy_pass: [{{ path: /dav, to: \"balancer://t/files/\" }}]
",
        member(&tomcat)
    ))
    .await;
    let front = gateway.front();
    assert_eq!(ask(front, "PUT", "a.txt", &[], b"hello").await.0, 201);

    let copy = format!("http://{front}/dav/copy.txt");
    let copied = ask(front, "COPY", "a.txt", &[("Destination", &copy)], b"").await;
    assert_eq!(copied.0, 201, "{copied:?}");
    let moved = [("Destination", "/dav/moved%20here.txt")];
    let moved = ask(front, "MOVE", "a.txt", &moved, b"").await;
    assert_eq!(moved.0, 201, "{moved:?}");

    assert_eq!(ask(front, "GET", "a.txt", &[], b"").await.0, 404);
    for file in ["copy.txt", "moved%20here.txt"] {
        let got = ask(front, "GET", file, &[], b"").await;
        assert_eq!(got, (200, "hello".to_owned()), "{file}");
    }
}
