//! The embedded AJP13 node in a process of its own: a backend that starts within milliseconds.

use super::process::{Process, Signal};
use super::scratch::Scratch;
use super::wait;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ajpgate");
const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// A running node. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Node {
    address: SocketAddr,
    _process: Process,
    _folder: Scratch,
}

impl Node {
    /// Starts a node whose session ids end with `route`.
    pub(crate) async fn start(route: &str) -> Self {
        let folder = Scratch::new(route);
        let mut command = Command::new(PROGRAM);
        command.args(["node", "--bind", "127.0.0.1:0", "--route", route]);
        let process = Process::spawn(&command, Signal::Kill, &folder.path().join("console.log"));
        let address = wait::until(STARTS_WITHIN, async || address(&process.log())).await;
        Self {
            address: address.unwrap_or_else(|| panic!("no node starts\n{}", process.log())),
            _process: process,
            _folder: folder,
        }
    }

    /// The address that it listens on.
    pub(crate) fn ajp_addr(&self) -> SocketAddr {
        self.address
    }
}

/// The address in the line `node node1 on ajp://ADDRESS`; `None` while the line is incomplete.
fn address(log: &str) -> Option<SocketAddr> {
    let (_, rest) = log.split_once(" on ajp://")?;
    let (address, _) = rest.split_once('\n')?;
    address.parse().ok()
}
