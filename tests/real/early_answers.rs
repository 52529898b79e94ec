//! Answers that a real Tomcat gives without reading the body of the request arrive whole, at a client that sends all of its
//! body before it reads anything, as Java's HttpURLConnection does.

use std::time::Duration;

use crate::support::ajpgate::{Ajpgate, http_member, member};
use crate::support::client::{Answer, Client};
use crate::support::soon;
use crate::support::tomcat::{Tomcat, TomcatOptions};
use crate::support::wait::pause;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// More than the systems on both sides buffer.
const LARGE: usize = 2_000_000;

/// A Tomcat whose connectors are members at `/ajp` and `/http`.
async fn tomcat_and_gateway() -> (Tomcat, Ajpgate) {
    let tomcat = Tomcat::start(TomcatOptions::new("node1").http_connector()).await;
    let gateway = Ajpgate::start(&format!(
        "balancers:
  ajp: {{ members: [{{ {} }}] }}
  http: {{ members: [{{ {} }}] }}
proxy_pass:
  - {{ path: /ajp, to: \"balancer://ajp/app\" }}
  - {{ path: /http, to: \"balancer://http/app\" }}
",
        member(&tomcat),
        http_member(&tomcat)
    ))
    .await;
    (tomcat, gateway)
}

/// Sends a request whose body comes in this number of pieces, each after a pause.
async fn send(gateway: &Ajpgate, head: &str, piece: &[u8], count: usize, wait: u64) -> Client {
    let mut stream = TcpStream::connect(gateway.front()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..count {
        if wait > 0 {
            pause(Duration::from_millis(wait)).await;
        }
        let sent = stream.write_all(piece);
        soon("the gateway reads on", sent).await.unwrap();
    }
    Client::over(stream)
}

fn head(path: &str, status: u16, framing: &str) -> String {
    format!("POST {path}/status?code={status} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n")
}

/// The connection takes another request, or ends where the answer says so.
async fn goes_on_as_said(client: &mut Client, answer: &Answer, path: &str) {
    match answer.field("connection") {
        None => {
            let next = client.get(&format!("{path}/echo"), "").await;
            assert_eq!(next.status, 200, "{path}");
        }
        Some(option) => {
            assert_eq!(option, "close");
            assert!(client.is_closed().await, "{path}");
        }
    }
}

#[tokio::test]
async fn a_413_in_front_of_two_megabytes_arrives_12_times_of_12() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    for path in ["/ajp", "/http"] {
        for time in 1..=12 {
            let head = head(path, 413, &format!("Content-Length: {LARGE}"));
            let mut client = send(&gateway, &head, &[b'x'; LARGE], 1, 0).await;
            let answer = client.answer().await;
            assert_eq!(
                (answer.status, answer.complete),
                (413, true),
                "{path}, time {time}"
            );
            goes_on_as_said(&mut client, &answer, path).await;
        }
    }
}

#[tokio::test]
async fn answers_of_every_kind_arrive_in_front_of_chunks() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    let chunk = [&b"3e8\r\n"[..], &[b'x'; 1000], b"\r\n"].concat();
    for path in ["/ajp", "/http"] {
        for status in [200, 302, 401, 404, 413, 503] {
            let head = head(path, status, "Transfer-Encoding: chunked");
            let mut client = send(&gateway, &head, &chunk, LARGE / 1000, 0).await;
            let answer = client.answer().await;
            assert_eq!(
                (answer.status, answer.complete),
                (status, true),
                "{path} {status}"
            );
        }
    }
}

#[tokio::test]
async fn a_slow_client_gets_its_answer_and_its_connection_goes_on() {
    let (_tomcat, gateway) = tomcat_and_gateway().await;
    for path in ["/ajp", "/http"] {
        // 60 kB within 4 s, and 600 kB within 1.5 s.
        let short = head(path, 413, "Content-Length: 60000");
        let mut client = send(&gateway, &short, &[b'x'; 1000], 60, 65).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.complete), (413, true), "{path}");
        goes_on_as_said(&mut client, &answer, path).await;
        let long = head(path, 413, "Content-Length: 600000");
        let mut client = send(&gateway, &long, &[b'x'; 10_000], 60, 25).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.complete), (413, true), "{path}");
        goes_on_as_said(&mut client, &answer, path).await;
    }
}
