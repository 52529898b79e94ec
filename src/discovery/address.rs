//! Addresses of members.

use std::net::IpAddr;

/// The address of one host. An IPv4-mapped address (RFC 4291, section 2.5.5.2) is the IPv4 address: both lead to the same host. `None`
/// where nobody is: at the unspecified address, which would mean this machine, and at those of many.
pub(super) fn of_a_host(address: IpAddr) -> Option<IpAddr> {
    let address = address.to_canonical();
    is_of_a_host(address).then_some(address)
}

fn is_of_a_host(address: IpAddr) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_has_one_address_and_nobody_is_at_some() {
        for (address, expected) in [
            ("10.0.0.1", Some("10.0.0.1")),
            ("::ffff:10.0.0.1", Some("10.0.0.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("::1", Some("::1")),
            ("0.0.0.0", None),
            ("::", None),
            ("::ffff:0.0.0.0", None),
            ("255.255.255.255", None),
            ("::ffff:255.255.255.255", None),
            ("224.0.0.1", None),
            ("::ffff:224.0.0.1", None),
            ("ff02::1", None),
            ("fe80::1", None),
        ] {
            let expected = expected.map(|it| it.parse().unwrap());
            assert_eq!(of_a_host(address.parse().unwrap()), expected, "{address}");
        }
    }
}
