//! Signals: SIGTERM and SIGINT stop, SIGHUP is to reload.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that this program listens to, from the moment they are made.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits until the program is to stop, and calls `hangup` for each SIGHUP. Whatever that takes, it does not keep
    /// the program from stopping.
    pub(super) async fn stop(&mut self, hangup: impl AsyncFn()) {
        let Self {
            terminate,
            interrupt,
            hangup: hung_up,
        } = self;
        let hangups = async {
            while hung_up.recv().await.is_some() {
                hangup().await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = hangups => {}
        }
    }
}
