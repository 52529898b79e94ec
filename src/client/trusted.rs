//! `trusted_proxies`: the networks whose PROXY headers and forwarding fields are believed.

use std::net::IpAddr;

use ipnet::IpNet;

/// A list of networks. IPv4-mapped addresses are IPv4: the configuration has no network of such.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trusted(Box<[IpNet]>);

impl Trusted {
    pub(crate) fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    /// Whether an address is in one of the networks.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether nobody is trusted.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
