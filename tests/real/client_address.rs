//! Who the client is, as a servlet on a real Tomcat sees it, in every combination of peers, PROXY headers and fields; and
//! behind Debian's HAProxy and nginx.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::ajpgate::Ajpgate;
use crate::support::authority::Authority;
use crate::support::load_balancer::LoadBalancer;
use crate::support::tomcat::{Tomcat, TomcatOptions};

/// Tomcat, which writes whole URLs into its redirects.
async fn tomcat() -> Tomcat {
    Tomcat::start(TomcatOptions::new("node1").context("useRelativeRedirects", "false")).await
}

/// A gateway that trusts these networks.
async fn gateway(tomcat: &Tomcat, trusted: &str, proxy_protocol: bool) -> Ajpgate {
    Ajpgate::before(&[tomcat])
        .key(&format!("trusted_proxies: [{trusted}]"))
        .key(&format!(
            "listeners: [{{ bind: \"127.0.0.1:0\", proxy_protocol: {proxy_protocol} }}]"
        ))
        .start()
        .await
}

/// What the gateway knows of the connection.
#[derive(Debug, Clone, Copy)]
struct Connection {
    /// `None`: no header, so that the peer is the client.
    header: Option<Header>,
    /// Whether whoever the client of the connection is, is a trusted proxy.
    trusted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header {
    V1,
    V2,
    V2Ssl,
}

impl Header {
    /// The header of a client at this address of IPv4, port 4711.
    fn bytes(self, client: [u8; 4]) -> Vec<u8> {
        let [a, b, c, d] = client;
        if self == Self::V1 {
            return format!("PROXY TCP4 {a}.{b}.{c}.{d} 198.51.100.80 4711 443\r\n").into_bytes();
        }
        let record: &[u8] = match self {
            Self::V2Ssl => b"\x20\x00\x05\x01\0\0\0\0",
            _ => b"",
        };
        let length = u16::try_from(12 + record.len()).unwrap().to_be_bytes();
        let addresses = [&client[..], &[198, 51, 100, 80], &[0x12, 0x67, 0x01, 0xbb]].concat();
        let signature = b"\r\n\r\n\0\r\nQUIT\n\x21\x11";
        [&signature[..], &length, &addresses, record].concat()
    }
}

/// Fields, and what they say to whoever believes them.
struct Fields {
    text: &'static str,
    client: Option<(&'static str, u16)>,
    https: Option<bool>,
    /// Name, and port where there is one.
    host: Option<(&'static str, Option<u16>)>,
    port: Option<u16>,
}

const NOTHING: Fields = Fields {
    text: "",
    client: None,
    https: None,
    host: None,
    port: None,
};

const FIELDS: [Fields; 9] = [
    NOTHING,
    Fields {
        text: "X-Forwarded-For: 192.0.2.66, 198.51.100.9, 10.0.0.8\r\n",
        client: Some(("198.51.100.9", 0)),
        ..NOTHING
    },
    Fields {
        text: "X-Forwarded-For: 192.0.2.66, unknown, 2001:db8::9\r\n",
        client: Some(("2001:db8::9", 0)),
        ..NOTHING
    },
    Fields {
        text: "X-Forwarded-Proto: https\r\n",
        https: Some(true),
        ..NOTHING
    },
    Fields {
        text: "X-Forwarded-Proto: https, http\r\n",
        https: Some(false),
        ..NOTHING
    },
    Fields {
        text: "X-Forwarded-Host: www.example.com\r\n",
        host: Some(("www.example.com", None)),
        ..NOTHING
    },
    Fields {
        text: "X-Forwarded-Port: 8443\r\n",
        port: Some(8443),
        ..NOTHING
    },
    Fields {
        text: "X-Forwarded-For: 198.51.100.9\r\nX-Forwarded-Proto: https\r\n\
               X-Forwarded-Host: www.example.com:9443\r\nX-Forwarded-Port: 443\r\n",
        client: Some(("198.51.100.9", 0)),
        https: Some(true),
        host: Some(("www.example.com", Some(9443))),
        port: Some(443),
    },
    Fields {
        text: "Forwarded: for=192.0.2.66, for=\"[2001:db8::9]:4712\";proto=https;host=\"www.example.com:9443\"\r\n",
        client: Some(("2001:db8::9", 4712)),
        https: Some(true),
        host: Some(("www.example.com", Some(9443))),
        port: None,
    },
];

/// What the servlet is to see.
#[derive(Debug)]
struct Expected {
    address: String,
    port: u16,
    https: bool,
    server: &'static str,
    server_port: u16,
}

impl Expected {
    /// `client` is that of the connection; the Host is `shop.example.com:8080`.
    fn of(connection: Connection, client: (String, u16), fields: &Fields) -> Self {
        let Connection { header, trusted } = connection;
        let fields = if trusted { fields } else { &NOTHING };
        let said = fields
            .client
            .map(|(address, port)| (address.to_owned(), port));
        let (address, port) = said.unwrap_or(client);
        let https = fields.https.unwrap_or(header == Some(Header::V2Ssl));
        let (server, host_port) = fields.host.unwrap_or(("shop.example.com", Some(8080)));
        let default = if https { 443 } else { 80 };
        Self {
            address,
            port,
            https,
            server,
            server_port: fields.port.or(host_port).unwrap_or(default),
        }
    }

    fn location(&self) -> String {
        let Self { server, https, .. } = self;
        match (https, self.server_port) {
            (false, 80) => format!("http://{server}/app/there"),
            (true, 443) => format!("https://{server}/app/there"),
            (false, port) => format!("http://{server}:{port}/app/there"),
            (true, port) => format!("https://{server}:{port}/app/there"),
        }
    }

    fn check(&self, echo: &Value, redirect: &str, what: &str) {
        for (key, expected) in [
            ("remoteAddr", json!(self.address)),
            ("remotePort", json!(self.port)),
            ("scheme", json!(if self.https { "https" } else { "http" })),
            ("secure", json!(self.https)),
            ("serverName", json!(self.server)),
            ("serverPort", json!(self.server_port)),
        ] {
            assert_eq!(echo[key], expected, "{key}: {what}");
        }
        let location = format!("\r\nLocation: {}\r\n", self.location());
        assert!(redirect.contains(&location), "{what}: {redirect}");
    }
}

/// Sends these bytes and reads to the end of the connection.
async fn exchange(stream: &mut TcpStream, bytes: &[u8]) -> String {
    stream.write_all(bytes).await.unwrap();
    let mut answer = String::new();
    // The gateway resets the connection of a peer that may not connect.
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

async fn check(front: SocketAddr, connection: Connection, fields: &Fields) {
    let said = match connection.trusted {
        true => [10, 0, 0, 7],
        false => [203, 0, 113, 9],
    };
    let mut answers = Vec::new();
    let mut own = 0;
    for target in ["/app/echo", "/app/redirect?to=/app/there"] {
        let mut stream = TcpStream::connect(front).await.unwrap();
        own = match target {
            "/app/echo" => stream.local_addr().unwrap().port(),
            _ => own,
        };
        let header = connection.header.map(|header| header.bytes(said));
        let more = fields.text;
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: shop.example.com:8080\r\nConnection: close\r\n{more}\r\n"
        );
        let bytes = [header.unwrap_or_default(), request.into_bytes()].concat();
        answers.push(exchange(&mut stream, &bytes).await);
    }
    let client = match connection.header {
        None => ("127.0.0.1".to_owned(), own),
        Some(_) => (said.map(|part| part.to_string()).join("."), 4711),
    };
    let what = format!("{connection:?} {:?}", fields.text);
    let body = answers[0].split_once("\r\n\r\n").expect(&what).1;
    let echo: Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("{what}: {e}: {body}"));
    Expected::of(connection, client, fields).check(&echo, &answers[1], &what);
}

#[tokio::test]
async fn a_servlet_sees_the_client_in_every_combination() {
    let tomcat = tomcat().await;
    let everybody = "127.0.0.1, 10.0.0.0/8";
    let (plain, plain_trusting, proxied, strict) = tokio::join!(
        gateway(&tomcat, "10.0.0.0/8", false),
        gateway(&tomcat, everybody, false),
        gateway(&tomcat, everybody, true),
        gateway(&tomcat, "10.0.0.0/8", true),
    );
    let mut rows = 0;
    for fields in &FIELDS {
        for (gateway, trusted) in [(&plain, false), (&plain_trusting, true)] {
            let connection = Connection {
                header: None,
                trusted,
            };
            check(gateway.front(), connection, fields).await;
            rows += 1;
        }
        for header in [Header::V1, Header::V2, Header::V2Ssl] {
            for trusted in [false, true] {
                let connection = Connection {
                    header: Some(header),
                    trusted,
                };
                check(proxied.front(), connection, fields).await;
                rows += 1;
            }
            // Who may not send a header may not connect.
            let mut stream = TcpStream::connect(strict.front()).await.unwrap();
            let request = b"GET /app/echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
            let bytes = [&header.bytes([10, 0, 0, 7])[..], request].concat();
            assert_eq!(exchange(&mut stream, &bytes).await, "");
        }
    }
    assert_eq!(rows, 72);
}

/// Address of the client, scheme, and the port and the address that the client connected to.
fn told(echo: &Value) -> (&Value, &Value, &Value, &Value) {
    let keys = ["remoteAddr", "scheme", "serverPort", "localAddr"];
    let [address, scheme, port, local] = keys.map(|key| &echo[key]);
    (address, scheme, port, local)
}

#[tokio::test]
async fn behind_haproxy_and_nginx_with_proxy_headers() {
    let tomcat = tomcat().await;
    let gateway = gateway(&tomcat, "127.0.0.1", true).await;
    let authority = Authority::new();
    let (certificate, key) = authority.issue("localhost");
    let both = [certificate, key].map(|file| std::fs::read_to_string(file).unwrap());
    let pem = authority.file("both.pem");
    std::fs::write(&pem, both.concat()).unwrap();
    let ssl = format!("ssl crt {pem}");
    for (bind, server, scheme) in [
        ("", "send-proxy", "http"),
        ("", "send-proxy-v2", "http"),
        ("", "send-proxy-v2-ssl", "http"),
        (&*ssl, "send-proxy", "http"),
        (&*ssl, "send-proxy-v2-ssl", "https"),
        (
            &*ssl,
            "send-proxy-v2-ssl-cn proxy-v2-options unique-id,authority",
            "https",
        ),
    ] {
        let words = ["tcp", bind, server];
        let lines = "  unique-id-format %ci:%cp";
        let balancer = LoadBalancer::haproxy(gateway.front(), words, lines).await;
        let port = balancer.addr().port();
        let outside = if bind.is_empty() { "http" } else { "https" };
        // The client has another address than HAProxy.
        let url = format!("{outside}://localhost:{port}/app/echo");
        let echo = curl_from("127.0.0.9", &url);
        let local = json!("127.0.0.1");
        let expected = (&json!("127.0.0.9"), &json!(scheme), &json!(port), &local);
        assert_eq!(told(&echo), expected, "{bind} {server}");
    }
    let nginx = LoadBalancer::nginx(gateway.front()).await;
    let port = nginx.addr().port();
    let echo = curl_from("127.0.0.9", &format!("http://127.0.0.1:{port}/app/echo"));
    assert_eq!(echo["remoteAddr"], "127.0.0.9");
    let counted = gateway
        .count("proxy_headers_total", &[("result", "broken")])
        .await;
    assert_eq!(counted, 0);
}

/// What the servlet sees of a client at this address, through a load balancer.
fn curl_from(address: &str, url: &str) -> Value {
    let output = Command::new("curl")
        .args(["-sSk4", "--max-time", "30", "--interface", address, url])
        .output()
        .expect("curl");
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{url}: {e}: {said}"))
}

#[tokio::test]
async fn behind_haproxy_with_forwarding_fields() {
    let tomcat = tomcat().await;
    let gateway = gateway(&tomcat, "127.0.0.1", false).await;
    let lines = "  option forwardfor
  http-request set-header X-Forwarded-Proto https
  http-request set-header X-Forwarded-Host shop.example.com
  http-request set-header X-Forwarded-Port 443";
    let balancer = LoadBalancer::haproxy(gateway.front(), ["http", "", ""], lines).await;
    let url = format!("http://{}/app/echo", balancer.addr());
    let echo = curl_from("127.0.0.9", &url);
    for (key, expected) in [
        ("remoteAddr", json!("127.0.0.9")),
        ("scheme", json!("https")),
        ("serverName", json!("shop.example.com")),
        ("serverPort", json!(443)),
    ] {
        assert_eq!(echo[key], expected, "{key}");
    }
}
