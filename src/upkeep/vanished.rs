//! Members that no source names any more: they go once nobody needs them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ajpgate_config::{MemberUrl, Standing};
use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::pause::pause;
use crate::backend::{ConnectError, FailureKind, Question};
use crate::state::{EditError, LiveBalancer, LiveMember, Shared};

/// The time from one look at these members to the next.
const INTERVAL: Duration = Duration::from_secs(1);

/// How many of them are connected to at a time.
const AT_A_TIME: usize = 64;

/// Removes members that no source names: when their requests are done and their sessions have ended, or `drain_timeout` is
/// over, or they cannot be connected to.
pub(super) async fn look_after(shared: Arc<Shared>, ended: CancellationToken) {
    while pause(INTERVAL, &ended).await {
        let balancers = shared.snapshot.load_full().balancers.clone();
        for balancer in &balancers {
            let gone = gone(balancer).await;
            if gone.is_empty() {
                continue;
            }
            let removed = shared
                .edit()
                .forget_vanished(balancer.name(), &gone, Instant::now());
            match removed {
                Ok(()) | Err(EditError::Replaced) => {}
                Err(error) => {
                    let balancer = balancer.name();
                    warn!(balancer, %error, "members that vanished cannot be removed");
                }
            }
        }
    }
}

/// The members of a balancer that nobody needs any more.
async fn gone(balancer: &Arc<LiveBalancer>) -> Vec<MemberUrl> {
    let vanished: Vec<Arc<LiveMember>> = balancer
        .members
        .iter()
        .filter(|member| member.config.origin.standing == Standing::Vanished)
        .cloned()
        .collect();
    let asked = vanished
        .into_iter()
        .map(|member| unneeded(Arc::clone(balancer), member));
    let asked = futures_util::stream::iter(asked).buffer_unordered(AT_A_TIME);
    asked.filter_map(std::future::ready).collect().await
}

/// The url of a member that can go; `None` while it is needed.
async fn unneeded(balancer: Arc<LiveBalancer>, member: Arc<LiveMember>) -> Option<MemberUrl> {
    let limit = member.config.connectiontimeout;
    let why = match balancer.is_unneeded(&member, Instant::now()) {
        true => "it has no request and no session, or drain_timeout is over",
        false => match member.backend.check(Question::Tcp, limit).await {
            // This process may open no more files, which says nothing of the member.
            Ok(_) | Err(FailureKind::Connect(ConnectError::NoDescriptor(_))) => return None,
            Err(_) => "it cannot be connected to",
        },
    };
    let balancer = balancer.name();
    info!(balancer, member = %member.url, why, "a member that vanished is removed");
    Some(member.config.url.clone())
}
