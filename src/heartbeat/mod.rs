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

#[cfg(test)]
mod tests;

use core::net::IpAddr;
use std::fmt;
use std::time::Duration;

pub use parse::{LONGEST_DATAGRAM, LONGEST_LINE, datagram, storage};

/// The load report of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Number of further requests that it could take now.
    pub ready: u32,
    /// Number of requests under way.
    pub busy: u32,
    /// The port of its connector. Tomcat sends it; mod_heartbeat does not, and mod_heartmonitor then writes 80.
    pub port: Option<u16>,
}

/// A line of a storage file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored<'a> {
    /// The host that sent the report: an address, or the text that a script wrote.
    pub host: &'a str,
    /// The report.
    pub report: Report,
    /// The report's age when the file was written (`lastseen`, whole seconds). The reader must add the age of the file;
    /// httpd does not, and takes old files for new ones.
    pub age: Duration,
}

/// Why a datagram or a line is not a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Malformed {
    /// Longer than [`LONGEST_DATAGRAM`] or [`LONGEST_LINE`].
    TooLong,
    /// It is not ASCII.
    NotAscii,
    /// A datagram without `v=1`.
    Version,
    /// `ready` or `busy` is missing, or not a number below 2³².
    Number,
    /// `port` is not a number from 0 to 65535.
    Port,
    /// A line without a host, or without a space after it.
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
