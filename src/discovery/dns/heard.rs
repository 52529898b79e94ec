//! What name servers say: addresses and records.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ajpgate_config::MemberUrl;

/// What is known of the addresses of one family: none where the name has none, or does not exist; or why there was no answer.
pub(super) type Heard = Result<BTreeSet<IpAddr>, String>;

/// The addresses of a name: IPv4, IPv6.
#[derive(Debug, Clone)]
pub(super) struct Addresses {
    pub(super) four: Heard,
    pub(super) six: Heard,
}

impl Addresses {
    /// Whether there is any address.
    pub(super) fn has_any(&self) -> bool {
        let mut families = [&self.four, &self.six].into_iter();
        families.any(|heard| heard.as_ref().is_ok_and(|it| !it.is_empty()))
    }
}

/// A record, its target in lower case and without the dot at its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Record {
    pub(super) priority: u16,
    pub(super) target: String,
    pub(super) port: u16,
    pub(super) weight: u16,
}

/// The member at an address, with the scheme and path of the source.
pub(super) fn url_at(url: &MemberUrl, address: IpAddr, port: u16) -> MemberUrl {
    url.at((address, port).into())
}
