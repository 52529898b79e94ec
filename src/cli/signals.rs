//! Signals: SIGTERM and SIGINT stop the program, SIGHUP reloads.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that this program handles, from the creation of this value on.
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

    /// Waits for SIGTERM or SIGINT, and calls `hangup` for each SIGHUP. A `hangup` that is still running does not delay
    /// the stop.
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
