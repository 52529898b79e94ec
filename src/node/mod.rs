//! The embedded AJP13 node: the container's end of the protocol, for demos, trials and tests.
//!
//! A node checks requests as a careful servlet container does, keeps sessions whose ids end with its route, and serves a
//! few pages.

mod app;
mod connection;
mod engine;
mod exchange;
mod request;
mod sessions;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::engine::Engine;
use self::sessions::Sessions;

/// The settings of a node.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// The address to listen on; port 0 means any free port.
    pub bind: SocketAddr,
    /// Its jvmRoute.
    pub route: String,
    /// The secret that every request must have.
    pub secret: Option<String>,
}

/// A running node. Dropping it stops the node.
#[derive(Debug)]
pub struct Node {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Node {
    /// Binds the address and serves. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// The error of binding the address.
    pub async fn start(options: NodeOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(options.bind).await?;
        let node = Self {
            address: listener.local_addr()?,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let NodeOptions { route, secret, .. } = options;
        let engine = Arc::new(Engine {
            sessions: Sessions::new(&route),
            route,
            secret,
        });
        let (stop, tasks) = (node.stop.clone(), node.tasks.clone());
        node.tasks.spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = stop.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                let Ok((stream, _)) = accepted else {
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                };
                let (engine, stop) = (Arc::clone(&engine), stop.clone());
                tasks.spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = connection::serve(stream, &engine) => {}
                    }
                });
            }
        });
        Ok(node)
    }

    /// The address that the node listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the listener and every connection.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
