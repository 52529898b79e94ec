//! Does what signals ask `ajpgate run` for.

use tokio::sync::Notify;

use super::replace::{Outcome, replace};
use super::signals::{Asked, Signals};
use crate::gateway::Gateway;
use crate::handover::Program;

/// Why a gateway is to end.
#[derive(Debug)]
pub(super) enum End {
    /// It was told to.
    Stop,
    /// Another process serves in its place.
    Replaced,
}

/// Does what the signals ask for until the gateway is to end. A reload that is still running delays nothing.
pub(super) async fn obey(signals: &mut Signals, gateway: &Gateway, program: &Program) -> End {
    let reload = Notify::new();
    let reloads = async {
        loop {
            reload.notified().await;
            gateway.reload().await;
        }
    };
    let asked = async {
        loop {
            match signals.next().await {
                Asked::Stop => return End::Stop,
                Asked::Reload => reload.notify_one(),
                Asked::Replace => match replace(signals, gateway, program).await {
                    Outcome::Replaced => return End::Replaced,
                    Outcome::Stopped => return End::Stop,
                    Outcome::GoesOn { reload: false } => {}
                    Outcome::GoesOn { reload: true } => reload.notify_one(),
                },
            }
        }
    };
    tokio::select! {
        end = asked => end,
        end = reloads => end,
    }
}
