//! `trusted_proxies`: the networks whose PROXY headers and forwarding fields are believed.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// A list of networks. An IPv6 network of IPv4-mapped addresses (`::ffff:10.0.0.0/104`) is the IPv4 network, because such
/// addresses count as IPv4.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trusted(Box<[IpNet]>);

impl Trusted {
    pub(crate) fn new(networks: &[IpNet]) -> Self {
        Self(networks.iter().map(|network| canonical(*network)).collect())
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

fn canonical(network: IpNet) -> IpNet {
    let mapped = match network {
        IpNet::V6(v6) => v6.addr().to_ipv4_mapped(),
        IpNet::V4(_) => None,
    };
    let bits = network.prefix_len().checked_sub(96);
    let v4 = mapped
        .zip(bits)
        .map(|(address, bits)| Ipv4Net::new(address, bits));
    match v4 {
        Some(Ok(v4)) => v4.trunc().into(),
        _ => network,
    }
}
