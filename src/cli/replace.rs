//! SIGUSR2: another program takes over from this one.
//!
//! Until the new program serves, this one serves as before, but refuses changes by hand and reloads: the new program has
//! read the configuration and the state file already.

use std::env;
use std::pin::pin;
use std::process;

use tracing::{error, info, warn};

use super::signals::{Asked, Signals};
use crate::gateway::Gateway;
use crate::handover::{Program, Successor};

/// How it has ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It serves.
    Replaced,
    /// It was broken off, because the gateway is to stop.
    Stopped,
    /// The new program does not serve; the log says why.
    GoesOn {
        /// A reload was asked for meanwhile.
        reload: bool,
    },
}

/// Starts the file that this program was started from, as it is now, and waits until it serves.
pub(super) async fn replace(
    signals: &mut Signals,
    gateway: &Gateway,
    program: &Program,
) -> Outcome {
    if let Some(obstacle) = obstacle() {
        error!("no new program is started: {obstacle}");
        return Outcome::GoesOn { reload: false };
    }
    info!(file = %program.file().display(), "starting a new program to take over");
    let started = gateway.stand_still();
    let mut successor = match started.and_then(|estate| Successor::start(program, estate)) {
        Ok(successor) => successor,
        Err(error) => {
            gateway.go_on();
            error!(%error, "the new program cannot be started: this one goes on");
            return Outcome::GoesOn { reload: false };
        }
    };
    match wait(signals, &mut successor).await {
        (Waited::Stopped, _) => {
            info!("told to stop: the new program is ended");
            successor.end().await;
            Outcome::Stopped
        }
        (Waited::Serves, reload) => {
            if reload {
                successor.reload();
            }
            let process = successor.id();
            info!(
                process,
                "the new program serves: this one answers its last requests"
            );
            // The new process tells systemd something when it knows, by the end of the connection, that it is believed.
            gateway.replaced_by(process);
            drop(successor);
            Outcome::Replaced
        }
        (Waited::Failed(reason), reload) => {
            successor.end().await;
            gateway.go_on();
            error!(
                reason,
                "the new program does not take over: this one goes on"
            );
            Outcome::GoesOn { reload }
        }
    }
}

/// Why the end of this process would end the new one too.
fn obstacle() -> Option<&'static str> {
    let own = process::id();
    if own == 1 {
        return Some("a container ends with its first process, so start another container");
    }
    // `systemd.exec(5)`: the process that systemd has started.
    let main = env::var("SYSTEMD_EXEC_PID").ok();
    let is_main = main.and_then(|main| main.parse().ok()) == Some(own);
    (is_main && env::var_os("NOTIFY_SOCKET").is_none())
        .then_some("systemd ends a service with its main process, unless its unit has Type=notify")
}

/// What has happened first.
#[derive(Debug)]
enum Waited {
    Serves,
    Failed(String),
    Stopped,
}

/// Waits until the new program serves or fails, or the gateway is to stop. Returns also whether a reload was asked for.
async fn wait(signals: &mut Signals, successor: &mut Successor) -> (Waited, bool) {
    let mut reload = false;
    let mut takes_over = pin!(successor.takes_over());
    loop {
        tokio::select! {
            taken_over = &mut takes_over => {
                let waited = taken_over.map_or_else(Waited::Failed, |()| Waited::Serves);
                return (waited, reload);
            }
            asked = signals.next() => match asked {
                Asked::Stop => return (Waited::Stopped, reload),
                Asked::Reload => reload = true,
                Asked::Replace => warn!("a new program is being started already"),
            },
        }
    }
}
