//! Reports, and why a text is none.

use std::fmt;
use std::time::Duration;

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
    /// Longer than [`LONGEST_DATAGRAM`](super::LONGEST_DATAGRAM) or [`LONGEST_LINE`](super::LONGEST_LINE).
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
