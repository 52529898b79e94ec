//! A gateway in front of two nodes, whose configuration can be changed.

use std::net::SocketAddr;

use serde_json::Value;

use crate::cluster::Node;
use crate::support::Scratch;
use crate::support::http::{ask, get};
use crate::support::program::{Program, ajpgate};

const RELOAD: &str = "/api/v1/reload";

/// A gateway whose configuration file can be replaced.
pub(crate) struct House {
    pub(crate) gateway: Program,
    pub(crate) front: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) nodes: [Node; 2],
    pub(crate) scratch: Scratch,
}

impl House {
    pub(crate) fn start(more: &str) -> Self {
        let scratch = Scratch::new("reload");
        let nodes = ["node1", "node2"].map(|route| Node::start(&scratch, route, None));
        let file = file(&nodes, 2, more);
        scratch.write("ajpgate.yaml", &file);
        let mut gateway = Program::start(&mut ajpgate(scratch.path(), &["run"]));
        Self {
            front: gateway.front(),
            admin: gateway.admin(),
            gateway,
            nodes,
            scratch,
        }
    }

    /// Replaces the file by one with this number of members.
    pub(crate) fn write(&self, members: usize, more: &str) {
        let file = file(&self.nodes, members, more);
        self.scratch.write("ajpgate.yaml", &file);
    }

    pub(crate) fn reload(&self) -> (u16, Value) {
        let answer = ask(self.admin, "POST", RELOAD, "");
        (answer.status, serde_json::from_str(&answer.body).unwrap())
    }

    pub(crate) fn members(&self) -> Vec<Value> {
        let answer = get(self.admin, "/api/v1/balancers/shop", "");
        let shop: Value = serde_json::from_str(&answer.body).unwrap();
        shop["members"].as_array().unwrap().clone()
    }

    pub(crate) fn reloads(&self, result: &str) -> u64 {
        let metrics = get(self.admin, "/metrics", "").body;
        let series = format!("ajpgate_config_reloads_total{{result=\"{result}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap().parse().unwrap()
    }

    /// Sends SIGKILL to the gateway and starts it again.
    pub(crate) fn kill_and_start(&mut self) {
        self.gateway.signal("KILL");
        // Its ports are free then.
        self.gateway.code();
        self.gateway = Program::start(&mut ajpgate(self.scratch.path(), &["run"]));
        self.front = self.gateway.front();
        self.admin = self.gateway.admin();
    }
}

/// A configuration whose balancer `shop` has this number of members.
pub(crate) fn file(nodes: &[Node; 2], members: usize, more: &str) -> String {
    let members: String = ["node1", "node2"]
        .iter()
        .zip(nodes)
        .take(members)
        .map(|(route, node)| {
            let address = node.address;
            format!("      - {{ url: \"ajp://{address}\", route: {route} }}\n")
        })
        .collect();
    let admin = match more.contains("admin:") {
        true => "",
        false => "admin: { bind: \"127.0.0.1:0\" }\n",
    };
    let access_log = match more.contains("access_log:") {
        true => "",
        false => "access_log: { format: off }\n",
    };
    format!(
        "listeners: [{{ bind: \"127.0.0.1:0\" }}]\n\
         balancers:\n  shop:\n    members:\n{members}\
         proxy_pass: [{{ path: /, to: \"balancer://shop/\" }}]\n\
         {access_log}{admin}{more}"
    )
}
