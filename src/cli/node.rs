//! `ajpgate node`.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;

use super::arguments::parse_bind;
use super::process::{block_on, print};
use super::signals::Signals;
use crate::node::{Node, NodeOptions};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Address to listen on; port 0 means any free port
    #[arg(long, value_name = "ADDR", value_parser = parse_bind)]
    bind: SocketAddr,
    /// The jvmRoute at the end of its session ids
    #[arg(long, value_name = "NAME")]
    route: String,
    /// The secret that every request must have
    #[arg(long, value_name = "S", env = "AJP_SECRET", hide_env_values = true)]
    secret: Option<String>,
}

/// Runs one node until a signal stops it.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    block_on(async {
        let mut signals = Signals::new()?;
        let options = NodeOptions {
            bind: arguments.bind,
            route: arguments.route.clone(),
            secret: arguments.secret.clone().filter(|secret| !secret.is_empty()),
        };
        let node = Node::start(options)
            .await
            .with_context(|| format!("cannot listen on {}", arguments.bind))?;
        print(&format!(
            "node {} on ajp://{}\n",
            arguments.route,
            node.address()
        ))?;
        signals.stop().await;
        node.stop().await;
        Ok(ExitCode::SUCCESS)
    })?
}
