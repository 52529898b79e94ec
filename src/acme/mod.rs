//! Certificates that the gateway gets itself from an authority (ACME, RFC 8555), by answering its connections with
//! tls-alpn-01 (RFC 8737).
//!
//! Each name has a certificate of its own, so that a name that the authority refuses takes no other away. `plan` says when
//! a certificate is ordered, `order` talks with the authority, `store` keeps what has come, and `task` does one order after
//! the other. Listeners read the certificates from the folder where they are kept ([`crate::tls`]).

mod http;
mod order;
mod plan;
mod store;
mod task;

use std::sync::Arc;

use tokio::sync::watch;

use self::task::Task;
use crate::telemetry::metrics::AcmeCounters;
use crate::tls::{Challenges, Server};

/// Gets certificates until this is dropped.
#[derive(Debug)]
pub(crate) struct Acme(watch::Sender<Vec<Arc<Server>>>);

impl Acme {
    /// Starts the task, which ends with `ended` at the latest. Must be called inside a tokio runtime.
    pub(crate) fn start(
        challenges: &Challenges,
        counters: &AcmeCounters,
        ended: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let (wanted, follow) = watch::channel(Vec::new());
        let task = Task::new(challenges.clone(), counters.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = task.run(follow) => {}
                () = ended => {}
            }
        });
        Self(wanted)
    }

    /// Looks after the certificates of these listeners from now on, and of no others.
    pub(crate) fn follow(&self, servers: Vec<Arc<Server>>) {
        self.0.send_replace(servers);
    }
}
