//! HTTP/2 with clients.

mod floods;
mod members;
mod requests;
mod spec;
mod times;

use crate::support::container::Container;
use crate::support::gateway::Running;

/// A gateway with HTTP/2 beside HTTP/1.1, before these containers; `keys` at the top of its configuration.
fn before(containers: &[&Container], keys: &str) -> Running {
    let members = containers.iter().enumerate().map(|(index, container)| {
        format!(
            "      - {{ url: \"ajp://{}\", route: n{} }}\n",
            container.address,
            index + 1
        )
    });
    Running::start(&format!(
        "listeners: [{{ bind: \"127.0.0.1:0\", http2: true }}]\n{keys}\
         balancers:\n  test:\n    members:\n{}\
         proxy_pass: [{{ path: /, to: \"balancer://test/\" }}]\n",
        members.collect::<String>()
    ))
}
