//! Members from DNS: the addresses of a name, or its SRV records.
//!
//! Neither order nor TTL means anything: the question is asked in the interval, whatever the TTL. A name that does not exist and
//! one without records are the same: nobody is named.

mod addresses;
mod heard;
mod names;
mod srv;

use std::time::Duration;

use ajpgate_config::{Discover, DiscoverFrom, DnsName};
use tokio::time::{sleep, timeout};

use self::names::Names;
use super::answer::{Found, Listener, SourceAnswer};

/// How long one question may take, with everything that it leads to.
const LONGEST: Duration = Duration::from_secs(60);

/// Asks in the interval, until it is dropped.
pub(super) async fn follow(source: &Discover, listener: &impl Listener) {
    loop {
        // The system's settings may have changed since the last question.
        let known = listener.known().await;
        let answer = match timeout(LONGEST, ask(source, &known)).await {
            Ok(answer) => answer,
            Err(_) => SourceAnswer::Failed(format!("no answer within {}s", LONGEST.as_secs())),
        };
        listener.hear(answer).await;
        sleep(source.interval).await;
    }
}

/// Asks once. `known` are the members that are known from this source.
pub(super) async fn ask(source: &Discover, known: &[Found]) -> SourceAnswer {
    let (DiscoverFrom::Dns(name) | DiscoverFrom::Srv(name)) = &source.from else {
        return SourceAnswer::Empty;
    };
    let DnsName { url, resolver, .. } = name;
    let names = match Names::of(*resolver) {
        Ok(names) => names,
        Err(why) => return SourceAnswer::Failed(why),
    };
    match source.from {
        DiscoverFrom::Srv(_) => {
            let records = match names.services(&url.host).await {
                Ok(records) => records,
                Err(why) => return SourceAnswer::Failed(why),
            };
            let targets = names.all(srv::targets(&records)).await;
            srv::answer(url, &records, &targets, known, source.route)
        }
        _ => addresses::answer(url, names.addresses(&url.host).await, source.route),
    }
}
