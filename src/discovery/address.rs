//! Addresses of members.

use std::net::IpAddr;

/// Whether an address can be that of one host: nobody is at the unspecified one, which would mean this machine.
pub(super) fn is_of_a_host(address: IpAddr) -> bool {
    let is_broadcast = match address {
        IpAddr::V4(address) => address.is_broadcast(),
        // Such an address says nothing without the interface.
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !address.is_unspecified() && !address.is_multicast() && !is_broadcast
}

/// A route made of an address: dots and colons as dashes.
pub(super) fn route_of(address: IpAddr) -> String {
    address.to_string().replace(['.', ':'], "-")
}
