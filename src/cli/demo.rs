//! `ajpgate demo`: two nodes in this process and the gateway in front of them.

mod certificate;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use ajpgate_config::{Config, Level};

use self::certificate::Certificate;
use super::arguments::parse_bind;
use super::process::{block_on, print};
use super::signals::Signals;
use crate::gateway::Gateway;
use crate::node::{Node, NodeOptions};
use crate::telemetry::trace;

/// The AJP13 secret of the nodes. It never leaves this process.
const SECRET: &str = "demo";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Address for clients; if the port is taken, a free one is used. Default: 127.0.0.1:8080, with --tls 127.0.0.1:8443
    #[arg(long, value_name = "ADDR", value_parser = parse_bind)]
    bind: Option<SocketAddr>,
    /// Speak TLS with a certificate made on the spot, which is gone with the demo
    #[arg(long)]
    tls: bool,
    /// Address for metrics, health and manager; if the port is taken, a free one is used
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9404", value_parser = parse_bind)]
    admin: SocketAddr,
}

/// Runs the demo until a signal stops it.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    trace::start(Level::Warn, false);
    block_on(async {
        let mut signals = Signals::new()?;
        let nodes = [start_node("node1").await?, start_node("node2").await?];
        let front = Front::new(arguments)?;
        let gateway = start_gateway(&front, arguments.admin, &nodes)?;
        print(&guide(&gateway, &front, &nodes))?;
        signals.stop().await;
        print("\nbye\n")?;
        let again = signals.stop();
        gateway.shutdown_before(again).await;
        for node in nodes {
            node.stop().await;
        }
        Ok(ExitCode::SUCCESS)
    })?
}

/// Where clients connect, and how.
struct Front {
    bind: SocketAddr,
    certificate: Option<Certificate>,
}

impl Front {
    fn new(arguments: &Arguments) -> anyhow::Result<Self> {
        let port = if arguments.tls { 8443 } else { 8080 };
        let bind = arguments.bind;
        let bind = bind.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], port)));
        let certificate = arguments.tls.then(|| Certificate::new(bind.ip()));
        Ok(Self {
            bind,
            certificate: certificate.transpose()?,
        })
    }

    const fn scheme(&self) -> &'static str {
        match self.certificate {
            Some(_) => "https",
            None => "http",
        }
    }

    /// The keys of the listener behind `bind`.
    fn tls(&self) -> String {
        self.certificate.as_ref().map_or_else(String::new, |it| {
            let (certificate, key) = (it.certificate(), it.private_key());
            format!(", tls: {{ certificate: {certificate:?}, private_key: {key:?} }}")
        })
    }

    /// The command that sends requests.
    fn curl(&self) -> String {
        match &self.certificate {
            Some(it) => format!("curl -s --cacert {}", it.certificate().display()),
            None => "curl -s".to_owned(),
        }
    }
}

async fn start_node(route: &str) -> anyhow::Result<Node> {
    let options = NodeOptions {
        bind: SocketAddr::from(([127, 0, 0, 1], 0)),
        route: route.to_owned(),
        secret: Some(SECRET.to_owned()),
    };
    Ok(Node::start(options).await?)
}

/// Starts on the given ports, or on free ones if these are taken.
fn start_gateway(front: &Front, admin: SocketAddr, nodes: &[Node; 2]) -> anyhow::Result<Gateway> {
    let any = |address: SocketAddr| SocketAddr::new(address.ip(), 0);
    let bind = front.bind;
    let mut last = None;
    for (bind, admin) in [
        (bind, admin),
        (bind, any(admin)),
        (any(bind), admin),
        (any(bind), any(admin)),
    ] {
        match Gateway::start(&config(bind, &front.tls(), admin, nodes)?) {
            Ok(gateway) => return Ok(gateway),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| anyhow::anyhow!("no address to listen on")))
}

/// The demo's configuration.
fn config(
    bind: SocketAddr,
    tls: &str,
    admin: SocketAddr,
    nodes: &[Node; 2],
) -> anyhow::Result<Config> {
    let [node1, node2] = nodes.each_ref().map(Node::address);
    let text = format!(
        "listeners:\n\
         \x20 - {{ bind: \"{bind}\"{tls} }}\n\
         balancers:\n\
         \x20 demo:\n\
         \x20   members:\n\
         \x20     - {{ url: \"ajp://{node1}\", route: node1, secret: {SECRET} }}\n\
         \x20     - {{ url: \"ajp://{node2}\", route: node2, secret: {SECRET} }}\n\
         proxy_pass:\n\
         \x20 - {{ path: /, to: \"balancer://demo/\" }}\n\
         access_log: {{ format: off }}\n\
         admin: {{ bind: \"{admin}\" }}\n"
    );
    match ajpgate_config::parse(&text, Path::new("demo.yaml"), &|_| None) {
        Ok(loaded) => Ok(loaded.config),
        // This is an address other than loopback, for which no free port is tried.
        Err(problems) => anyhow::bail!("{problems}"),
    }
}

fn guide(gateway: &Gateway, front: &Front, nodes: &[Node; 2]) -> String {
    let (scheme, curl) = (front.scheme(), front.curl());
    let front = gateway
        .addresses()
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    let admin = gateway
        .admin_address()
        .map(|address| address.to_string())
        .unwrap_or_default();
    let [node1, node2] = nodes.each_ref().map(Node::address);
    format!(
        "ajpgate demo: a gateway and two AJP13 nodes in this process\n\
         \n\
         \x20 node1     ajp://{node1}\n\
         \x20 node2     ajp://{node2}\n\
         \x20 gateway   {scheme}://{front}/\n\
         \x20 metrics   http://{admin}/metrics\n\
         \x20 manager   http://{admin}/balancer-manager\n\
         \n\
         Without a cookie, requests alternate between the nodes:\n\
         \n\
         \x20 for i in 1 2 3 4; do {curl} {scheme}://{front}/; done\n\
         \n\
         With a cookie, a session stays on its node, because its id ends with the node's route:\n\
         \n\
         \x20 jar=$(mktemp); for i in 1 2 3 4; do {curl} -b $jar -c $jar {scheme}://{front}/; done\n\
         \n\
         The results of all requests, by the route that their session asked for:\n\
         \n\
         \x20 curl -s http://{admin}/metrics | grep sticky_requests\n\
         \n\
         Press Ctrl-C to stop.\n"
    )
}
