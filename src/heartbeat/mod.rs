//! What backends report of their load, for `lbmethod: heartbeat`: the datagrams of mod_heartbeat and of Tomcat's
//! HeartbeatListener, and the file that mod_heartmonitor writes.
//!
//! Sources: `modules/cluster/mod_heartbeat.c: hb_monitor()`, `mod_heartmonitor.c: hm_processmsg(),
//! hm_file_update_stats()`, `mod_lbmethod_heartbeat.c: readfile_heartbeats()`; Tomcat,
//! `org.apache.catalina.ha.backend.HeartbeatListener`.
//!
//! Reports are not authenticated: whoever can send to the address can send traffic to any member, and can keep it away
//! by reporting no free slots. They cannot name a member that is not in the configuration.

mod parse;

#[cfg(test)]
mod tests;

use core::net::IpAddr;
use std::fmt;
use std::time::Duration;

pub use parse::{LONGEST_DATAGRAM, LONGEST_LINE, datagram, storage};

/// What a backend says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Requests that it could take now.
    pub ready: u32,
    /// Requests that it is working on.
    pub busy: u32,
    /// The port of its connector. Tomcat says it; mod_heartbeat does not, and mod_heartmonitor then writes 80.
    pub port: Option<u16>,
}

/// A line of a storage file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored<'a> {
    /// Where the report came from: an address, or whatever a script has written.
    pub host: &'a str,
    /// What was reported.
    pub report: Report,
    /// How long ago, when the file was written (`lastseen`; whole seconds). Whoever reads the file adds its age: httpd
    /// does not, and takes an abandoned file for news.
    pub age: Duration,
}

/// Why a datagram or a line says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Malformed {
    /// Longer than [`LONGEST_DATAGRAM`] or [`LONGEST_LINE`].
    TooLong,
    /// Not ASCII.
    NotAscii,
    /// A datagram without `v=1`.
    Version,
    /// `ready` or `busy` is missing, or not a number below 2³².
    Number,
    /// `port` is not one.
    Port,
    /// A line without a host or a space behind it.
    NoHost,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "it is too long",
            Self::NotAscii => "it is not plain text",
            Self::Version => "it is not of version 1",
            Self::Number => "ready or busy is not a number",
            Self::Port => "port is not a port",
            Self::NoHost => "it does not begin with a host",
        })
    }
}

impl std::error::Error for Malformed {}

/// Which of `members` (host and port, in order) a report from this host is of.
///
/// Those with its host and port; or, where the port is nobody's, all with its host. httpd looks at the host's text
/// alone. Addresses are compared as addresses, names without case.
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

/// An address, with or without the brackets of a URL; one of IPv4 in the clothes of IPv6 is one of IPv4.
fn address(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    bare.parse()
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}
