//! The embedded AJP13 node: the codec's other side, for demos, trials and tests.
//!
//! It is a small servlet container in behaviour, not in power: it checks the secret and everything else that
//! a careful container checks, keeps sessions with its route behind their ids, and serves a few pages.

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

/// What a node is told.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// Where it listens; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Its jvmRoute.
    pub route: String,
    /// The secret that every request must bring.
    pub secret: Option<String>,
}

/// A running node. Dropped, it stops.
#[derive(Debug)]
pub struct Node {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Node {
    /// Binds and serves. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be bound.
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

    /// Where it listens.
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
