//! Programs for the benchmarks, beside wrk: a scripted backend that uses little processor time, and clients that wrk does
//! not have.
//!
//! ```text
//! bench-backend serve                           nodes that speak AJP13 and HTTP/1.1
//! bench-backend check ADDRESS /1k               compares the answers of a proxy with those of the nodes
//! bench-backend get ADDRESS /1k --count 1000    one request after the other
//! bench-backend rate ADDRESS /1k --rate 1000    requests at fixed times
//! bench-backend idle ADDRESS /1k                idle connections
//! bench-backend ports 5                         free ports
//! ```
#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test program that prints results"
)]

mod ajp;
mod answers;
mod check;
mod client;
mod http1;
mod load;
mod serve;
mod stream;
mod upload;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use ajp13::PacketSize;
use clap::Parser;

use crate::client::Request;

/// Scripted backend and clients of the benchmarks.
#[derive(Debug, Parser)]
enum Command {
    /// Serves nodes until it is ended. Each line of its output is a node, a protocol and a port.
    Serve {
        /// Number of nodes: node1, node2, …
        #[arg(long, default_value_t = 2)]
        nodes: u16,
        /// Longest AJP13 packet, in bytes.
        #[arg(long, default_value_t = PacketSize::DEFAULT.bytes())]
        packet_size: usize,
        /// Write each packet on its own, as Tomcat does, whatever the path.
        #[arg(long)]
        split: bool,
    },
    /// Fails when an answer to a session of any node is not the answer of that node.
    Check {
        address: SocketAddr,
        #[command(flatten)]
        request: Request,
    },
    /// Sends requests one after the other.
    Get {
        address: SocketAddr,
        #[command(flatten)]
        request: Request,
        #[arg(long)]
        count: u32,
    },
    /// Opens connections, says `ready`, waits for a line of its standard input, sends requests at a fixed rate, and prints
    /// what load.lua prints. Ends with its standard input.
    Rate {
        address: SocketAddr,
        #[command(flatten)]
        request: Request,
        /// Requests per second, over all connections.
        #[arg(long)]
        rate: u32,
        #[arg(long, default_value_t = 64)]
        connections: u32,
        #[arg(long, default_value_t = 4)]
        seconds: u32,
    },
    /// Opens connections, sends a request on each, says so, and keeps them until its standard input ends.
    Idle {
        address: SocketAddr,
        #[command(flatten)]
        request: Request,
        #[arg(long, default_value_t = 2000)]
        connections: u32,
    },
    /// Prints ports that are free now.
    Ports { count: usize },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    match Command::parse() {
        Command::Serve {
            nodes,
            packet_size,
            split,
        } => {
            let packet_size = PacketSize::new(packet_size)
                .ok_or_else(|| io::Error::other("packet sizes are 8192 to 65536"))?;
            serve::run(nodes, packet_size, split).await
        }
        Command::Check { address, request } => check::run(address, &request).await,
        Command::Get {
            address,
            request,
            count,
        } => load::get(address, &request, count).await,
        Command::Rate {
            address,
            request,
            rate,
            connections,
            seconds,
        } => {
            let length = Duration::from_secs(seconds.into());
            load::rate(address, &request, rate, connections, length).await
        }
        Command::Idle {
            address,
            request,
            connections,
        } => load::idle(address, &request, connections).await,
        Command::Ports { count } => ports(count),
    }
}

/// All are bound at the same time, so that they differ.
fn ports(count: usize) -> io::Result<()> {
    let listeners = (0..count)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<io::Result<Vec<_>>>()?;
    for listener in listeners {
        println!("{}", listener.local_addr()?.port());
    }
    Ok(())
}
