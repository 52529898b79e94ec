//! Looks after the files of a listener that speaks TLS: changed ones are read again, and expiry is shown and logged.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{error, info, warn};

use super::server::{Refreshed, Server};
use crate::revision::Revision;
use crate::telemetry::metrics::{CertificateExpiries, ExpiriesOfListener};

/// The interval between two looks at the files. A change is acted on when two looks find the same.
const LOOK: Duration = Duration::from_secs(5);

/// The interval between two warnings of the same doubt.
const REMIND: Duration = Duration::from_secs(86_400);

/// A task that looks after a [`Server`] until this is dropped.
#[derive(Debug)]
pub(crate) struct Renewal {
    _running: DropGuard,
}

impl Renewal {
    /// Shows the certificates in the metrics, and starts the task. Must be called inside a tokio runtime. `listener` is
    /// named in the log; `revision` rises when other clients are let in than before.
    pub(crate) fn start(
        server: &Arc<Server>,
        listener: SocketAddr,
        revision: &Arc<Revision>,
        expiries: &CertificateExpiries,
    ) -> Self {
        let shown = expiries.of_listener();
        shown.show(&server.expiries());
        let ended = CancellationToken::new();
        let keeper = Keeper {
            server: Arc::clone(server),
            listener,
            revision: Arc::clone(revision),
            shown,
            reminded: None,
        };
        tokio::spawn(keeper.run(ended.clone()));
        Self {
            _running: ended.drop_guard(),
        }
    }
}

struct Keeper {
    server: Arc<Server>,
    listener: SocketAddr,
    /// Of who is let in.
    revision: Arc<Revision>,
    shown: ExpiriesOfListener,
    /// When the doubts were logged last.
    reminded: Option<Instant>,
}

impl Keeper {
    async fn run(mut self, ended: CancellationToken) {
        loop {
            let Some(keeper) = self.look().await else {
                return;
            };
            self = keeper;
            tokio::select! {
                () = ended.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
                () = self.server.obtained.notified() => {}
            }
        }
    }

    /// Looks at the files, in a thread for blocking work, and logs what there is to say.
    async fn look(mut self) -> Option<Self> {
        let is_due = self.reminded.is_none_or(|last| last.elapsed() >= REMIND);
        let server = Arc::clone(&self.server);
        let looked = tokio::task::spawn_blocking(move || {
            let refreshed = server.refresh();
            let is_due = is_due || matches!(refreshed, Refreshed::Changed { .. });
            let doubts = is_due.then(|| server.doubts(Timestamp::now().as_second()));
            (refreshed, doubts)
        });
        let listener = self.listener;
        let (refreshed, doubts) = looked
            .await
            .inspect_err(
                |error| error!(%listener, %error, "certificates are not looked after any more"),
            )
            .ok()?;
        match refreshed {
            Refreshed::AsBefore => {}
            Refreshed::Changed { clients } => {
                if clients {
                    self.revision.rise();
                }
                info!(%listener, "certificates, keys or revocation lists read again");
                self.shown.show(&self.server.expiries());
            }
            Refreshed::Failed(error) => {
                error!(%listener, %error, "changed files of TLS cannot be used: all stays as it was");
            }
        }
        if let Some(doubts) = doubts {
            self.reminded = Some(Instant::now());
            for doubt in doubts {
                warn!(%listener, "{doubt}");
            }
        }
        Some(self)
    }
}
