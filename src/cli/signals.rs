//! What a signal does.
//!
//! | Signal | `ajpgate run` while it runs | while a new program starts | while it stops |
//! |---|---|---|---|
//! | SIGTERM, SIGINT (Ctrl-C) | stops: `/readyz` says 503, `shutdown_delay` passes, the listeners close, requests under way are answered for up to `shutdown_timeout`, exit code 0 | ends the new program, and stops | cuts what is under way |
//! | SIGHUP | reads the configuration again, and opens the access log again | goes to the new program when it has taken over, else reads the configuration again then | nothing |
//! | SIGUSR2 | starts the new program, hands it the listening sockets,  and ends when it serves; refused where the end of this process would end both (`replace`) | nothing, but a line in the log | nothing |
//!
//! `obey` does so. The other commands end on SIGTERM and SIGINT (`ping` with its summary), and ignore SIGHUP and SIGUSR2. SIGPIPE is ignored: writing to a
//! client that has gone is an error like others. All other signals have the effect that the system gives them.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that this program handles, from the creation of this value on.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    user2: Signal,
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Stop,
    Reload,
    Replace,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            user2: signal(SignalKind::user_defined2())?,
        })
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            // Whoever stops a program does not want what was asked for at the same time.
            biased;
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hangup.recv() => Asked::Reload,
            _ = self.user2.recv() => Asked::Replace,
        }
    }

    /// Waits for SIGTERM or SIGINT; the others do nothing.
    pub(super) async fn stop(&mut self) {
        while self.next().await != Asked::Stop {}
    }
}
