//! What EndpointSlices (`discovery.k8s.io/v1`) mean: which pods are members, and what is said of them. Pure: no clock, no I/O.
//!
//! A pod may stand in several slices: one for each address family, and two while it moves from one to another. Of two of one
//! family the newer slice counts. An address may stand there for two pods for a while, one of which is gone: the one that
//! takes requests counts.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use ajpgate_config::defaults::MOST_MEMBERS;
use ajpgate_config::{KubernetesService, PodPort, RouteRule, Standing, is_route};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};

use super::trouble::Trouble;
use crate::discovery::address::{of_a_host, route_of};
use crate::discovery::answer::Found;

/// The label that names the service of a slice.
const SERVICE: &str = "kubernetes.io/service-name";

/// Most slices of a service that are kept. One has up to 100 endpoints, unless the cluster is set up otherwise.
const MOST_SLICES: usize = 1_024;

/// Most endpoints of all slices together: members of two families, as many that end, and doubles.
const MOST_ENDPOINTS: usize = 8 * MOST_MEMBERS;

/// The slices of a service, as far as they concern its members.
#[derive(Debug, Default)]
pub(super) struct Slices {
    of: BTreeMap<String, Slice>,
    /// How many slices have come so far.
    arrived: u64,
}

#[derive(Debug)]
struct Slice {
    age: Age,
    pods: Vec<Pod>,
}

/// Which of two slices is newer. The API writes a later version of any object as a larger number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Age {
    version: u64,
    arrived: u64,
}

/// An endpoint that can be a member.
#[derive(Debug, Clone)]
struct Pod {
    /// What tells it from other pods, also from one of the same name before it.
    key: String,
    /// Its name, where it is known.
    name: Option<String>,
    at: SocketAddr,
    standing: Standing,
}

impl Slices {
    /// Takes up a slice that is new or has changed. A slice of another service is dropped, also when
    /// it belonged to this service before.
    pub(super) fn set(
        &mut self,
        service: &KubernetesService,
        namespace: &str,
        slice: EndpointSlice,
    ) {
        let Some(name) = slice.metadata.name.clone() else {
            return;
        };
        if !is_of(&slice, service, namespace) {
            self.of.remove(&name);
            return;
        }
        self.arrived += 1;
        let version = slice.metadata.resource_version.as_ref();
        let age = Age {
            version: version.and_then(|it| it.parse().ok()).unwrap_or_default(),
            arrived: self.arrived,
        };
        let pods = pods(&service.port, slice);
        self.of.insert(name, Slice { age, pods });
    }

    /// Drops a slice that there is no longer.
    pub(super) fn remove(&mut self, slice: &EndpointSlice) {
        if let Some(name) = &slice.metadata.name {
            self.of.remove(name);
        }
    }

    /// # Errors
    /// There are more slices or endpoints than are kept.
    pub(super) fn within_bounds(&self) -> Result<(), Trouble> {
        let endpoints: usize = self.of.values().map(|it| it.pods.len()).sum();
        if self.of.len() > MOST_SLICES {
            return Err(Trouble::TooMany(format!("{MOST_SLICES} slices")));
        }
        match endpoints > MOST_ENDPOINTS {
            true => Err(Trouble::TooMany(format!("{MOST_ENDPOINTS} endpoints"))),
            false => Ok(()),
        }
    }

    /// The members that the slices name. `known` are those that are known from this source: a pod with addresses of two families
    /// stays with the one that it began with, else its IPv4 address counts.
    pub(super) fn members(
        &self,
        service: &KubernetesService,
        route: RouteRule,
        known: &[Found],
    ) -> Vec<Found> {
        let mut pods: BTreeMap<(&str, bool), (Age, &Pod)> = BTreeMap::new();
        for slice in self.of.values() {
            for pod in &slice.pods {
                let place = pods
                    .entry((&pod.key, pod.at.is_ipv6()))
                    .or_insert((slice.age, pod));
                if slice.age > place.0 {
                    *place = (slice.age, pod);
                }
            }
        }
        let mut at: BTreeMap<SocketAddr, (Age, &Pod)> = BTreeMap::new();
        for ((key, is_six), (age, pod)) in &pods {
            let other = pods.get(&(*key, !is_six)).map(|(_, pod)| *pod);
            if other.is_some_and(|other| !is_preferred(pod, other, known)) {
                continue;
            }
            let place = at.entry(pod.at).or_insert((*age, pod));
            let rank = |(age, pod): (Age, &Pod)| (Reverse(silence(pod.standing)), age);
            if rank((*age, pod)) > rank(*place) {
                *place = (*age, pod);
            }
        }
        at.into_values()
            .map(|(_, pod)| found(pod, service, route))
            .collect()
    }
}

/// Of two addresses of a pod, one of each family: whether the first one counts.
fn is_preferred(pod: &Pod, other: &Pod, known: &[Found]) -> bool {
    let is_known = |pod: &Pod| {
        let mut known = known.iter();
        known.any(|it| it.url.host.parse() == Ok(pod.at.ip()))
    };
    match (is_known(pod), is_known(other)) {
        (true, false) => true,
        (false, true) => false,
        _ => pod.at.is_ipv4(),
    }
}

/// The rank of a standing: 0 takes requests, the highest takes none.
const fn silence(standing: Standing) -> u8 {
    match standing {
        Standing::Ready => 0,
        Standing::Ending => 1,
        _ => 2,
    }
}

fn found(pod: &Pod, service: &KubernetesService, route: RouteRule) -> Found {
    Found {
        url: service.url.at(pod.at),
        member: None,
        route: match route {
            RouteRule::Learn => None,
            RouteRule::Label => pod.name.clone().filter(|name| is_route(name)),
            RouteRule::Address => Some(route_of(pod.at.ip())),
        },
        loadfactor: None,
        lbset: None,
        standing: pod.standing,
        // A list of slices is answered as a whole or not at all.
        part: String::new(),
    }
}

fn is_of(slice: &EndpointSlice, service: &KubernetesService, namespace: &str) -> bool {
    let labels = slice.metadata.labels.as_ref();
    let named = labels.and_then(|labels| labels.get(SERVICE));
    let at_home = slice.metadata.namespace.as_ref();
    named == Some(&service.name) && at_home.is_none_or(|it| it == namespace)
}

/// The endpoints of a slice that can be members. A slice of names (`FQDN`) has none, nor one without the port.
fn pods(port: &PodPort, slice: EndpointSlice) -> Vec<Pod> {
    let is_six = match slice.address_type.as_str() {
        "IPv4" => false,
        "IPv6" => true,
        _ => return Vec::new(),
    };
    let Some(port) = number(port, slice.ports.as_deref().unwrap_or_default()) else {
        return Vec::new();
    };
    let pods = slice.endpoints.into_iter();
    let pods = pods.filter_map(|it| pod(it, port, is_six));
    // One more than is allowed, so that it is noticed.
    pods.take(MOST_ENDPOINTS + 1).collect()
}

/// The number of a port. TCP is what a port has that says nothing else.
fn number(port: &PodPort, ports: &[EndpointPort]) -> Option<u16> {
    match port {
        PodPort::Number(number) => Some(*number),
        PodPort::Name(name) => {
            let is_tcp = |it: &&EndpointPort| it.protocol.as_deref().is_none_or(|it| it == "TCP");
            let mut named = ports.iter().filter(is_tcp);
            let named = named.find(|it| it.name.as_ref() == Some(name))?;
            u16::try_from(named.port?).ok().filter(|port| *port > 0)
        }
    }
}

/// Addresses of an endpoint behind the first one mean nothing, as its description says.
fn pod(endpoint: Endpoint, port: u16, is_six: bool) -> Option<Pod> {
    let address: IpAddr = endpoint.addresses.first()?.parse().ok()?;
    let address = of_a_host(address).filter(|_| address.is_ipv6() == is_six)?;
    let target = endpoint.target_ref.unwrap_or_default();
    let is_pod = target.kind.as_deref() == Some("Pod");
    let named = target.name.filter(|name| is_pod && !name.is_empty());
    let key = target.uid.filter(|uid| is_pod && !uid.is_empty());
    let key = key.or_else(|| named.clone());
    Some(Pod {
        key: key.unwrap_or_else(|| address.to_string()),
        // What is no pod may have a name beside its address.
        name: named.or(endpoint.hostname),
        at: SocketAddr::new(address, port),
        standing: standing(&endpoint.conditions.unwrap_or_default()),
    })
}

/// What the conditions of an endpoint say of it. Those that are missing say that it is ready.
const fn standing(conditions: &EndpointConditions) -> Standing {
    match conditions {
        EndpointConditions {
            terminating: Some(true),
            serving: Some(false),
            ..
        } => Standing::EndingNotReady,
        EndpointConditions {
            terminating: Some(true),
            ..
        } => Standing::Ending,
        EndpointConditions {
            ready: Some(false), ..
        } => Standing::NotReady,
        _ => Standing::Ready,
    }
}

#[cfg(test)]
mod tests;
