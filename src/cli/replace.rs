//! SIGUSR2: another program takes over from this one.
//!
//! Until the new program serves, this one serves as before, but refuses changes by hand and reloads: the new program has
//! read the configuration and the state file already.

use std::pin::pin;

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
    info!(file = %program.file().display(), "starting a new program to take over");
    let started = gateway.stand_still();
    let started = started.and_then(|sockets| Successor::start(program, sockets));
    let mut successor = match started {
        Ok(successor) => successor,
        Err(error) => {
            gateway.go_on();
            error!(%error, "the new program cannot be started: this one goes on");
            return Outcome::GoesOn { reload: false };
        }
    };
    let mut reload = false;
    let taken_over = {
        let mut takes_over = pin!(successor.takes_over());
        loop {
            tokio::select! {
                taken_over = &mut takes_over => break Some(taken_over),
                asked = signals.next() => match asked {
                    Asked::Stop => break None,
                    Asked::Reload => reload = true,
                    Asked::Replace => warn!("a new program is being started already"),
                },
            }
        }
    };
    match taken_over {
        None => {
            info!("told to stop: the new program is ended");
            successor.end().await;
            Outcome::Stopped
        }
        Some(Ok(())) => {
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
        Some(Err(reason)) => {
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
