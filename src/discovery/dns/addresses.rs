//! The addresses of a name: a member for each.

use ajpgate_config::{MemberUrl, RouteRule, Standing};

use super::heard::{Addresses, url_at};
use crate::discovery::address::route_of;
use crate::discovery::answer::{Found, SourceAnswer};

/// The members at these addresses. A family that has failed leaves its members as they are.
pub(super) fn answer(url: &MemberUrl, addresses: Addresses, route: RouteRule) -> SourceAnswer {
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for (part, heard) in [("A", addresses.four), ("AAAA", addresses.six)] {
        match heard {
            Ok(addresses) => found.extend(addresses.into_iter().map(|address| Found {
                url: url_at(url, address, url.port),
                member: None,
                route: (route == RouteRule::Address).then(|| route_of(address)),
                loadfactor: None,
                lbset: None,
                standing: Standing::Ready,
                part: part.to_owned(),
            })),
            Err(why) => failed.push((part.to_owned(), why)),
        }
    }
    SourceAnswer::of(found, failed)
}
