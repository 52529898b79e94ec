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
use hickory_resolver::proto::ProtoError;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use hickory_resolver::{Resolver, TokioResolver};

use super::heard::{Addresses, Heard, Record};
use crate::discovery::address::of_a_host;

/// How many names are asked for at a time.
const AT_A_TIME: usize = 16;

/// How long one try at a name server may take, where `resolver` names it.
const TRY: Duration = Duration::from_secs(2);

/// How long the family of addresses that is slower is waited for.
const SLOWER: Duration = Duration::from_secs(3);

/// How many aliases of a name with SRV records are followed.
const ALIASES: usize = 8;

/// Asks the name servers of one source.
pub(super) struct Names {
    resolver: TokioResolver,
    /// The domains that a name is looked for in, in this order.
    search: Vec<Name>,
    /// A name with so many dots is first looked for as it is.
    dots: usize,
}

impl Names {
    /// Asks this server, or those of the system as it is set up now.
    ///
    /// # Errors
    /// Why the system's settings cannot be used.
    pub(super) fn of(server: Option<SocketAddr>) -> Result<Self, String> {
        let (config, mut options) = match server {
            None => read_system_conf()
                .map_err(|error| format!("the system's resolver cannot be used: {error}"))?,
            Some(server) => {
                let mut options = ResolverOpts::default();
                options.timeout = TRY;
                options.use_hosts_file = ResolveHosts::Never;
                (only(server), options)
            }
        };
        // The interval says how often there is a question.
        options.cache_size = 0;
        let mut search = config.search().to_vec();
        if search.is_empty() {
            search.extend(config.domain().cloned());
        }
        let dots = options.ndots;
        let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        let resolver = builder.build().map_err(|error| error.to_string())?;
        Ok(Self {
            resolver,
            search,
            dots,
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

    /// The addresses of a name. Those of both families are from one domain: the first that has any.
    pub(super) async fn addresses(&self, name: &str) -> Addresses {
        let nobody = |why: Heard| Addresses {
            four: why.clone(),
            six: why,
        };
        let names = match self.whole_names(name) {
            Ok(names) => names,
            Err(why) => return nobody(Err(why)),
        };
        let mut failed = None;
        for name in &names {
            let heard = self.of_both_families(name).await;
            if heard.has_any() {
                return heard;
            }
            if heard.four.is_err() || heard.six.is_err() {
                failed.get_or_insert(heard);
            }
        }
        failed.unwrap_or_else(|| nobody(Ok(BTreeSet::new())))
    }

    /// Both families are asked for at once; where one of them is much slower, it has failed.
    async fn of_both_families(&self, name: &Name) -> Addresses {
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

    async fn family(&self, name: &Name, family: RecordType) -> Heard {
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

    /// The SRV records of a name, from the first domain that has any.
    ///
    /// # Errors
    /// Why there was no answer.
    pub(super) async fn services(&self, name: &str) -> Result<Vec<Record>, String> {
        let mut failed = None;
        for name in self.whole_names(name)? {
            match self.services_of(name).await {
                Ok(records) if records.is_empty() => {}
                Ok(records) => return Ok(records),
                Err(why) => {
                    failed.get_or_insert(why);
                }
            }
        }
        failed.map_or(Ok(Vec::new()), Err)
    }

    /// The SRV records of a whole name. The resolver follows no aliases of services, so that this does.
    async fn services_of(&self, mut name: Name) -> Result<Vec<Record>, String> {
        for _ in 0..ALIASES {
            let records = self.records(&name, RecordType::SRV).await?;
            let records = records.into_iter().filter_map(service);
            let records: Vec<Record> = records.take(MOST_MEMBERS * 2).collect();
            if !records.is_empty() {
                return Ok(records);
            }
            let aliases = self.records(&name, RecordType::CNAME).await?;
            let mut targets = aliases.into_iter().filter_map(|record| match record {
                RData::CNAME(target) => Some(target.0),
                _ => None,
            });
            match targets.next() {
                Some(target) => name = target,
                None => break,
            }
        }
        Ok(Vec::new())
    }

    /// The whole names that a name may stand for, in the order in which they are asked for.
    fn whole_names(&self, text: &str) -> Result<Vec<Name>, String> {
        let whole = whole_name(text).map_err(|error| format!("{text} is not a name: {error}"))?;
        if text.ends_with('.') || self.search.is_empty() {
            return Ok(vec![whole]);
        }
        let in_domain = |domain: &Name| whole.clone().append_name(domain).ok();
        let mut names: Vec<Name> = self.search.iter().filter_map(in_domain).collect();
        let first = text.matches('.').count() >= self.dots;
        names.insert(if first { 0 } else { names.len() }, whole.clone());
        for name in &mut names {
            name.set_fqdn(true);
        }
        Ok(names)
    }

    /// The records of a name; none where it does not exist.
    async fn records(&self, name: &Name, kind: RecordType) -> Result<Vec<RData>, String> {
        match self.resolver.lookup(name.clone(), kind).await {
            Ok(lookup) => {
                let records = lookup.answers().iter();
                Ok(records.map(|record| record.data.clone()).collect())
            }
            Err(error) if is_nobody(&error) => Ok(Vec::new()),
            Err(error) => Err(format!("{kind} {name}: {error}")),
        }
    }
}

/// A name as it is, without the system's domains. Letters of ASCII count as they are: hickory would refuse `_`, which name servers allow
/// everywhere in a name.
fn whole_name(text: &str) -> Result<Name, ProtoError> {
    let labels = text.strip_suffix('.').unwrap_or(text);
    let mut name = match text.is_ascii() {
        true => Name::from_labels(labels.split('.').map(str::as_bytes))?,
        false => Name::from_utf8(labels)?,
    };
    name.set_fqdn(true);
    Ok(name)
}

/// A record that names a service. A target of "." means that there is no such service.
fn service(record: RData) -> Option<Record> {
    let RData::SRV(srv) = record else {
        return None;
    };
    let target = srv.target.to_ascii();
    let target = target.trim_end_matches('.').to_ascii_lowercase();
    (!target.is_empty()).then_some(Record {
        priority: srv.priority,
        weight: srv.weight,
        port: srv.port,
        target,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(search: &[&str], dots: usize) -> Names {
        let mut names = Names::of(Some(([127, 0, 0, 1], 53).into())).unwrap();
        names.search = search.iter().map(|it| whole_name(it).unwrap()).collect();
        names.dots = dots;
        names
    }

    #[test]
    fn a_name_is_looked_for_in_each_domain_in_the_order_of_the_system() {
        let search = ["shop.svc", "corp.x"];
        let rows: [(&str, &[&str], usize, &[&str]); 6] = [
            ("web", &search, 1, &["web.shop.svc.", "web.corp.x.", "web."]),
            ("web.", &search, 1, &["web."]),
            ("a.b", &search, 1, &["a.b.", "a.b.shop.svc.", "a.b.corp.x."]),
            ("a.b", &search, 5, &["a.b.shop.svc.", "a.b.corp.x.", "a.b."]),
            ("web", &[], 1, &["web."]),
            ("foo_bar._x", &[], 1, &["foo_bar._x."]),
        ];
        for (name, search, dots, expected) in rows {
            let whole = names(search, dots).whole_names(name).unwrap();
            let whole: Vec<String> = whole.iter().map(Name::to_ascii).collect();
            assert_eq!(whole, expected, "{name} {dots}");
        }
        assert!(names(&[], 1).whole_names("a..b").is_err());
    }
}
