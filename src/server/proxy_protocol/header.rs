//! What a PROXY header of either version says.

use std::net::SocketAddr;

/// What a header says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Header {
    /// The client, and the address that it connected to. `None` where the header names none: those of the socket count.
    pub(crate) addresses: Option<[SocketAddr; 2]>,
    /// The client speaks TLS with the load balancer (SSL record of version 2).
    pub(crate) is_secure: bool,
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
}
