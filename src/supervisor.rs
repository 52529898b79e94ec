//! What is told to the service manager, systemd: states, and that the program still works (watchdog messages).
//!
//! Source: `sd_notify(3)`, `sd_watchdog_enabled(3)`. Without `NOTIFY_SOCKET` in the environment nothing is told.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::cores::Cores;

/// The state for people while requests are answered.
pub(crate) const RUNNING: &str = "running";

/// The service manager that has started this process, if there is one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Supervisor {
    listens: Arc<AtomicBool>,
}

impl Supervisor {
    /// The one that the environment names.
    pub(crate) fn of_environment() -> Self {
        let listens = std::env::var_os("NOTIFY_SOCKET").is_some();
        Self {
            listens: Arc::new(AtomicBool::new(listens)),
        }
    }

    /// Tells it that requests are answered, and a line for people.
    pub(crate) fn ready(&self, status: &str) {
        self.tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// Tells it that the configuration is read again. [`ready`](Self::ready) is to follow.
    pub(crate) fn reloading(&self) {
        let status = NotifyState::Status("reading the configuration again");
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now, status]),
            // Without the time it would wait for a reload that it believes to be an older one.
            Err(_) => self.tell(&[status]),
        }
    }

    /// Tells it that the process ends, in at most this time.
    pub(crate) fn stopping(&self, within: Duration) {
        let status = NotifyState::Status("stopping: the last requests are being answered");
        let within = u32::try_from(within.as_micros()).unwrap_or(u32::MAX);
        let more = NotifyState::ExtendTimeoutUsec(within);
        self.tell(&[NotifyState::Stopping, more, status]);
    }

    /// Tells people what is being done.
    pub(crate) fn status(&self, status: &str) {
        self.tell(&[NotifyState::Status(status)]);
    }

    /// Tells it that another process is the main one now, and from then on nothing more.
    pub(crate) fn replaced_by(&self, process: u32) {
        self.tell(&[NotifyState::MainPid(process)]);
        self.listens.store(false, Ordering::Relaxed);
    }

    fn tell(&self, state: &[NotifyState<'_>]) {
        if self.listens.load(Ordering::Relaxed)
            && let Err(error) = notify(state)
        {
            warn!(%error, "the service manager cannot be told the state of the program");
        }
    }

    /// Sends watchdog messages until `ended`, if the service manager wants them: at half of its time, each after all threads that
    /// serve clients have shown that they run.
    pub(crate) async fn notify_watchdog(&self, cores: &Cores, ended: CancellationToken) {
        let Some(period) = sd_notify::watchdog_enabled().map(|longest| longest / 2) else {
            return;
        };
        if period.is_zero() || !self.listens.load(Ordering::Relaxed) {
            return;
        }
        info!(?period, "signs of life for the service manager");
        let mut rounds = interval(period);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = ended.cancelled() => return,
                _ = rounds.tick() => {}
            }
            match timeout(period, cores.all_run()).await {
                Ok(()) => self.tell(&[NotifyState::Watchdog]),
                Err(_) => {
                    warn!(
                        "a thread of the clients hangs: the service manager gets no sign of life"
                    );
                }
            }
        }
    }
}

/// Sends states to the socket that the environment names. A name that begins with `@` is that of an abstract socket
/// (`sd_notify(3)`), which the crate does not know.
fn notify(state: &[NotifyState<'_>]) -> io::Result<()> {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else {
        return Ok(());
    };
    let Some(name) = socket.as_bytes().strip_prefix(b"@") else {
        return sd_notify::notify(state);
    };
    let lines: String = state.iter().map(|state| format!("{state}\n")).collect();
    let address = SocketAddr::from_abstract_name(name)?;
    UnixDatagram::unbound()?.send_to_addr(lines.as_bytes(), &address)?;
    Ok(())
}
