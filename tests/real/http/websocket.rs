//! WebSocket through the gateway to the Tomcat that has the session: to an HTTP member, and to an AJP member with
//! `upgrade`, whose upgrades go to Tomcat's HTTP connector.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::ajpgate::{Ajpgate, http_member, member};
use crate::support::browser::Browser;
use crate::support::payload::parsed;
use crate::support::soon;
use crate::support::tomcat::{Tomcat, TomcatOptions};

const TEXT: u8 = 1;
const CLOSE: u8 = 8;

/// The client of a WebSocket (RFC 6455), as far as an echo needs it.
struct WebSocket(TcpStream);

impl WebSocket {
    async fn open(front: SocketAddr, target: &str, session: &str) -> Self {
        let mut stream = TcpStream::connect(front).await.unwrap();
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: {front}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: {session}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let byte = soon("the answer's head", stream.read_u8()).await.unwrap();
            answer.push(byte);
        }
        let answer = String::from_utf8(answer).unwrap().to_ascii_lowercase();
        assert!(answer.starts_with("http/1.1 101 "), "{answer}");
        // The accept key of RFC 6455 section 1.3.
        assert!(answer.contains("s3pplmbitxaq9kygzzhzrbk+xoo="), "{answer}");
        Self(stream)
    }

    /// Sends one frame, masked with zeros.
    async fn send(&mut self, kind: u8, payload: &[u8]) {
        let mut frame = vec![0x80 | kind];
        match u16::try_from(payload.len()).expect("no longer than 64 KiB") {
            length @ 0..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
            length => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&length.to_be_bytes());
            }
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        self.0.write_all(&frame).await.unwrap();
    }

    /// The next frame.
    async fn receive(&mut self) -> (u8, Vec<u8>) {
        let receive = async {
            let kind = self.0.read_u8().await.unwrap() & 0x0F;
            let length = match self.0.read_u8().await.unwrap() {
                126 => self.0.read_u16().await.unwrap().into(),
                length => usize::from(length),
            };
            let mut payload = vec![0; length];
            self.0.read_exact(&mut payload).await.unwrap();
            (kind, payload)
        };
        soon("a frame", receive).await
    }

    async fn receive_text(&mut self) -> String {
        let (kind, payload) = self.receive().await;
        assert_eq!(kind, TEXT);
        String::from_utf8(payload).unwrap()
    }
}

#[tokio::test]
async fn a_websocket_opens_on_the_node_of_its_session() {
    let node = |route| Tomcat::start(TomcatOptions::new(route).websocket());
    let (one, two) = tokio::join!(node("node1"), node("node2"));
    let gateway = Ajpgate::start(&format!(
        "balancers: {{ tomcats: {{ members: [{{ {}, upgrade_url: \"http://{}\" }}, {{ {} }}] }} }}
proxy_pass: [{{ path: /shop, to: \"balancer://tomcats/app\" }}]
",
        member(&one),
        one.http_addr(),
        http_member(&two)
    ))
    .await;
    let front = gateway.front();
    let mut sockets = Vec::new();
    for _ in 0..6 {
        let mut browser = Browser::new(front);
        let page = parsed(&browser.get("/shop/session").await);
        let session = browser.session.clone().unwrap();
        let mut socket = WebSocket::open(front, "/shop/socket", &session).await;
        let home = format!("{} {}", page["node"], page["id"]).replace('"', "");
        assert_eq!(socket.receive_text().await, home);
        sockets.push(socket);
        // Requests of the same session succeed at the same time.
        assert_eq!(parsed(&browser.get("/shop/session").await)["hits"], 2);
    }
    for (number, socket) in sockets.iter_mut().enumerate() {
        for length in [0, 1, 125, 126, 8000] {
            let text = format!("{number}").repeat(length);
            socket.send(TEXT, text.as_bytes()).await;
            assert_eq!(socket.receive_text().await, text);
        }
    }
    for route in ["node1", "node2"] {
        gateway.counts("member_busy", &[("route", route)], 3).await;
    }
    for mut socket in sockets {
        socket.send(CLOSE, &1000_u16.to_be_bytes()).await;
        assert_eq!(socket.receive().await.0, CLOSE);
    }
    gateway.quiet().await;
    for route in ["node1", "node2"] {
        let hits = [("route", route), ("result", "hit")];
        gateway.counts("sticky_requests_total", &hits, 6).await;
    }
    assert_eq!(gateway.count("member_errors_total", &[]).await, 0);
}
