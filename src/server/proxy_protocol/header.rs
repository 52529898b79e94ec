//! What a PROXY header of either version says.

use std::net::SocketAddr;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) source: Source,
    /// The client speaks TLS with the load balancer (SSL record of version 2).
    pub(crate) is_secure: bool,
}

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// From this client, which connected to the second address.
    Client([SocketAddr; 2]),
    /// From the load balancer itself, for example to see whether the gateway lives (`LOCAL`).
    Balancer,
    /// From somebody whom the load balancer does not name (`UNKNOWN`, `UNSPEC`), or names by a socket of its own machine
    /// (`AF_UNIX`).
    Unknown,
}

/// Why bytes are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    #[error("no PROXY header")]
    Signature,
    #[error("malformed PROXY header of version 1")]
    Line,
    #[error("PROXY header too long")]
    TooLong,
    #[error("PROXY header of version 2 with an unknown version, command or protocol")]
    Unknown,
    #[error("PROXY header of version 2 whose lengths do not fit")]
    Lengths,
    #[error("PROXY header of version 2 with a wrong checksum")]
    Checksum,
}
