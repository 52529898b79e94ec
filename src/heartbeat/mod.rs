//! Load reports of backends, for `lbmethod: heartbeat`: datagrams of mod_heartbeat and of Tomcat's HeartbeatListener, and
//! the file that mod_heartmonitor writes.
//!
//! Sources: `modules/cluster/mod_heartbeat.c: hb_monitor()`, `mod_heartmonitor.c: hm_processmsg(),
//! hm_file_update_stats()`, `mod_lbmethod_heartbeat.c: readfile_heartbeats()`; Tomcat,
//! `org.apache.catalina.ha.backend.HeartbeatListener`.
//!
//! Reports are not authenticated. Everyone who can send to the address can attract traffic to any member of the
//! configuration, or keep it away by reporting no free slots.

mod parse;
mod report;

#[cfg(test)]
mod tests;

use core::net::IpAddr;

pub use parse::{LONGEST_DATAGRAM, LONGEST_LINE, datagram, storage};
pub use report::{Malformed, Report, Stored};

/// The indices of the `members` (host and port) that a report from this host is about.
///
/// These are the members with its host and port or, if no member has the port, all members with its host. httpd compares
/// the text of the host alone. Addresses are compared as addresses, names without case.
pub fn addressees<'a>(
    host: &'a str,
    port: Option<u16>,
    members: impl Iterator<Item = (&'a str, u16)> + Clone,
) -> impl Iterator<Item = usize> {
    let same_host = move |other: &str| match (address(host), address(other)) {
        (Some(one), Some(other)) => one == other,
        (None, None) => host.eq_ignore_ascii_case(other),
        _ => false,
    };
    let exact = members
        .clone()
        .any(|(other, its_port)| Some(its_port) == port && same_host(other));
    members
        .enumerate()
        .filter(move |(_, (other, its_port))| {
            same_host(other) && (!exact || Some(*its_port) == port)
        })
        .map(|(index, _)| index)
}

/// An address, with or without the brackets of a URL. An IPv4-mapped IPv6 address is its IPv4 address.
fn address(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    bare.parse()
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}
