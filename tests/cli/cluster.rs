//! Two `ajpgate node`s behind `ajpgate run`, each a program of its own.

use std::net::SocketAddr;

use crate::support::http::{Answer, get};
use crate::support::program::{Done, Program, ajpgate};
use crate::support::{ReservedPort, Scratch};
use crate::support::{address_after, until};

/// A node and its address.
pub(crate) struct Node {
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
    /// Keeps other programs from the port when the node has ended.
    _port: ReservedPort,
}

impl Node {
    pub(crate) fn start(scratch: &Scratch, route: &str, secret: Option<&str>) -> Self {
        let port = ReservedPort::new();
        let bind = port.addr().to_string();
        let mut command = ajpgate(scratch.path(), &["node", "--bind", &bind]);
        command.args(["--route", route]);
        command.args(secret.iter().flat_map(|secret| ["--secret", secret]));
        let mut program = Program::start(&mut command);
        let address = program.prints("the node's address", |node| {
            address_after(&node.stdout(), "ajp://")
        });
        Self {
            program,
            address,
            _port: port,
        }
    }
}

/// A gateway in front of `node1` and `node2`.
pub(crate) struct Cluster {
    pub(crate) gateway: Program,
    pub(crate) front: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) nodes: [Node; 2],
    pub(crate) scratch: Scratch,
}

impl Cluster {
    /// Starts a gateway with these lines at the end of its configuration.
    pub(crate) fn start(more: &str) -> Self {
        let scratch = Scratch::new("cluster");
        let nodes = ["node1", "node2"].map(|route| Node::start(&scratch, route, Some("s3cret")));
        scratch.write("ajpgate.yaml", &configuration(&nodes, more));
        let mut gateway = Program::start(&mut ajpgate(scratch.path(), &["run"]));
        Self {
            front: gateway.front(),
            admin: gateway.admin(),
            gateway,
            nodes,
            scratch,
        }
    }

    pub(crate) fn get(&self, target: &str, fields: &str) -> Answer {
        get(self.front, target, fields)
    }

    /// Waits until this number of requests is being answered.
    pub(crate) fn in_flight(&self, wanted: &str) {
        until(&format!("{wanted} requests in flight"), || {
            let metrics = get(self.admin, "/metrics", "").body;
            let line = metrics
                .lines()
                .find(|line| line.starts_with("ajpgate_requests_in_flight{"))?
                .to_owned();
            (line.rsplit(' ').next() == Some(wanted)).then_some(())
        });
    }

    /// Ends the gateway with SIGTERM.
    pub(crate) fn stop(self) -> Done {
        self.gateway.stop()
    }
}

/// A usual configuration for two nodes.
fn configuration(nodes: &[Node; 2], more: &str) -> String {
    let [one, two] = nodes.each_ref().map(|node| node.address);
    let admin = match more.contains("admin:") {
        true => "",
        false => "admin: { bind: \"127.0.0.1:0\" }\n",
    };
    format!(
        "listeners: [{{ bind: \"127.0.0.1:0\" }}]\n\
         balancers:\n\
         \x20 shop:\n\
         \x20   members:\n\
         \x20     - {{ url: \"ajp://{one}\", route: node1, secret: s3cret }}\n\
         \x20     - {{ url: \"ajp://{two}\", route: node2, secret: s3cret }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://shop/\" }}]\n\
         {admin}{more}"
    )
}

#[test]
fn a_session_stays_on_its_node() {
    let cluster = Cluster::start("");
    let first = cluster.get("/", "");
    let cookie = first.cookie().expect("a session");
    assert!(cookie.ends_with(&format!(".{}", first.node())), "{cookie}");
    for visit in 2..=6 {
        let answer = cluster.get("/", &format!("Cookie: {cookie}\r\n"));
        assert_eq!(answer.node(), first.node());
        assert!(
            answer.body.contains(&format!("was here {visit} times")),
            "{answer:?}"
        );
    }
    let other = cluster.get("/", "");
    assert_ne!(
        other.node(),
        first.node(),
        "without a session the nodes take turns"
    );

    let metrics = get(cluster.admin, "/metrics", "").body;
    let hits = format!(
        "ajpgate_sticky_requests_total{{balancer=\"shop\",route=\"{}\",result=\"hit\"}} 5\n",
        first.node()
    );
    assert!(metrics.contains(&hits), "{metrics}");
    cluster.stop();
}

#[test]
fn a_session_in_the_path_stays_on_its_node() {
    let cluster = Cluster::start("");
    for route in ["node2", "node1", "node1", "node2"] {
        assert_eq!(
            cluster
                .get(&format!("/page;jsessionid=ABC.{route}"), "")
                .node(),
            route
        );
        assert_eq!(
            cluster
                .get(&format!("/page?jsessionid=ABC.{route}"), "")
                .node(),
            route
        );
    }
    cluster.stop();
}

#[test]
fn sessions_of_a_stopped_node_continue_on_the_other() {
    let mut cluster = Cluster::start("");
    let cookie = "Cookie: JSESSIONID=ABC.node1\r\n";
    assert_eq!(cluster.get("/", cookie).node(), "node1");
    cluster.nodes[0].program.signal("KILL");
    for _ in 0..4 {
        let answer = cluster.get("/", cookie);
        assert_eq!((answer.status, answer.node()), (200, "node2"));
    }
    let done = cluster.stop();
    assert!(
        done.stderr.contains("WARN"),
        "the log says that a member is out: {done:?}"
    );
}
