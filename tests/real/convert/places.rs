//! What stands for the names between `@` in the files of a configuration.

use crate::support::port::ReservedPort;
use crate::support::tls::{Authority, TlsClient};

use super::nodes::Node;

/// The names that the certificate of the front ends has.
const NAMES: [&str; 4] = [
    "localhost",
    "shop.example.com",
    "*.example.com",
    "example.com",
];

/// The ports, backends and certificates that all configurations of a test share. One configuration runs at a time.
pub(super) struct Places {
    ports: [ReservedPort; 2],
    /// Nobody listens there.
    dead: ReservedPort,
    ajp: [Node; 3],
    http: [Node; 2],
    authority: Authority,
}

impl Places {
    /// Starts the backends.
    pub(super) async fn new() -> Self {
        let authority = Authority::new();
        authority.server("front", &NAMES);
        Self {
            ports: [ReservedPort::new(), ReservedPort::new()],
            dead: ReservedPort::new(),
            ajp: [
                Node::ajp("n1").await,
                Node::ajp("n2").await,
                Node::ajp("n3").await,
            ],
            http: [Node::http("h1").await, Node::http("h2").await],
            authority,
        }
    }

    /// The text with ports and addresses in place of their names. `@ROOT@` stays.
    ///
    /// `@PORT@`, `@PORT2@`: where the front end listens; `@N1@` to `@N3@`: containers; `@H1@`, `@H2@`: HTTP servers; with
    /// `PORT` behind the name only the port; `@DEAD@`: nobody; `@CERT@`, `@KEY@`: a certificate and its key.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let mut put = |name: &str, value: &str| text = text.replace(&format!("@{name}@"), value);
        for (port, name) in self.ports.iter().zip(["PORT", "PORT2"]) {
            put(name, &port.addr().port().to_string());
        }
        let nodes = self.ajp.iter().chain(&self.http);
        for (node, name) in nodes.zip(["N1", "N2", "N3", "H1", "H2"]) {
            put(name, &node.address.to_string());
            put(&format!("{name}PORT"), &node.address.port().to_string());
        }
        put("DEAD", &self.dead.addr().to_string());
        put("DEADPORT", &self.dead.addr().port().to_string());
        put("CERT", &self.authority.file("front.pem"));
        put("KEY", &self.authority.file("front.key"));
        text
    }

    /// Where a front end listens.
    pub(super) fn front(&self, second: bool) -> std::net::SocketAddr {
        self.ports[usize::from(second)].addr()
    }

    /// A client that trusts the certificate of the front ends.
    pub(super) fn tls(&self, host: &str) -> TlsClient {
        self.authority.client().named(host)
    }
}
