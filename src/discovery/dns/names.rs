//! Questions to name servers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ajpgate_config::defaults::MOST_MEMBERS;
use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::{Resolver, TokioResolver};

use super::heard::{Addresses, Heard, Record};
use crate::discovery::address::of_a_host;

/// How many names are asked for at a time.
const AT_A_TIME: usize = 16;

/// How long one try at a name server may take, where `resolver` names it.
const TRY: Duration = Duration::from_secs(2);

/// How long the family of addresses that is slower is waited for.
const SLOWER: Duration = Duration::from_secs(3);

/// Asks the name servers of one source.
pub(super) struct Names {
    resolver: TokioResolver,
    /// Whether a name is taken as it is, without the system's search domains.
    is_absolute: bool,
}

impl Names {
    /// Asks this server, or those of the system as it is set up now.
    ///
    /// # Errors
    /// Why the system's settings cannot be used.
    pub(super) fn of(server: Option<SocketAddr>) -> Result<Self, String> {
        let mut builder = match server {
            None => TokioResolver::builder_tokio()
                .map_err(|error| format!("the system's resolver cannot be used: {error}"))?,
            Some(server) => {
                let mut builder =
                    Resolver::builder_with_config(only(server), TokioRuntimeProvider::default());
                let options: &mut ResolverOpts = builder.options_mut();
                options.timeout = TRY;
                options.use_hosts_file = ResolveHosts::Never;
                builder
            }
        };
        // The interval says how often there is a question.
        builder.options_mut().cache_size = 0;
        let resolver = builder.build().map_err(|error| error.to_string())?;
        Ok(Self {
            resolver,
            is_absolute: server.is_some(),
        })
    }

    /// The addresses of several names.
    pub(super) async fn all(&self, names: BTreeSet<String>) -> BTreeMap<String, Addresses> {
        let asked = names.into_iter().map(|name| async move {
            // Targets are whole names.
            let addresses = self.addresses(&format!("{name}.")).await;
            (name, addresses)
        });
        let asked = futures_util::stream::iter(asked).buffer_unordered(AT_A_TIME);
        asked.collect().await
    }

    /// The addresses of a name. Both families are asked for at once; where one of them is much slower, it has failed.
    pub(super) async fn addresses(&self, name: &str) -> Addresses {
        let four = Box::pin(self.family(name, RecordType::A));
        let six = Box::pin(self.family(name, RecordType::AAAA));
        let late = |_| Err("no answer in time".to_owned());
        match select(four, six).await {
            Either::Left((four, six)) => Addresses {
                four,
                six: tokio::time::timeout(SLOWER, six).await.unwrap_or_else(late),
            },
            Either::Right((six, four)) => Addresses {
                six,
                four: tokio::time::timeout(SLOWER, four)
                    .await
                    .unwrap_or_else(late),
            },
        }
    }

    async fn family(&self, name: &str, family: RecordType) -> Heard {
        let records = self.records(name, family).await?;
        let addresses = records.into_iter().filter_map(|record| match record {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        });
        // A server may answer with what was not asked for.
        let is_six = family == RecordType::AAAA;
        let addresses = addresses.filter(|it| it.is_ipv6() == is_six);
        let addresses = addresses.filter_map(of_a_host);
        Ok(addresses.take(MOST_MEMBERS * 2).collect())
    }

    /// The SRV records of a name.
    ///
    /// # Errors
    /// Why there was no answer.
    pub(super) async fn services(&self, name: &str) -> Result<Vec<Record>, String> {
        let records = self.records(name, RecordType::SRV).await?;
        let records = records.into_iter().filter_map(|record| match record {
            RData::SRV(srv) => Some(Record {
                priority: srv.priority,
                weight: srv.weight,
                port: srv.port,
                target: srv
                    .target
                    .to_ascii()
                    .trim_end_matches('.')
                    .to_ascii_lowercase(),
            }),
            _ => None,
        });
        // A target of "." means that there is no such service.
        let records = records.filter(|record| !record.target.is_empty());
        Ok(records.take(MOST_MEMBERS * 2).collect())
    }

    /// The records of a name; none where it does not exist.
    async fn records(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, String> {
        let name = match self.is_absolute && !name.ends_with('.') {
            true => format!("{name}."),
            false => name.to_owned(),
        };
        match self.resolver.lookup(name.as_str(), kind).await {
            Ok(lookup) => {
                let records = lookup.answers().iter();
                Ok(records.map(|record| record.data.clone()).collect())
            }
            Err(error) if is_nobody(&error) => Ok(Vec::new()),
            Err(error) => Err(format!("{kind} {name}: {error}")),
        }
    }
}

fn only(server: SocketAddr) -> ResolverConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    let mut config = NameServerConfig::udp_and_tcp(server.ip());
    config.connections = connections.into();
    ResolverConfig::from_name_servers(vec![config])
}

/// Whether the answer is that there is no such name, or no such record.
fn is_nobody(error: &NetError) -> bool {
    error.is_no_records_found()
}
