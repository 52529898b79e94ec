//! Redirects and fixed answers.

use std::path::PathBuf;
use std::sync::Arc;

/// The scheme that a client spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientScheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
}

impl ClientScheme {
    /// `http` or `https`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// `redirect`
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redirect {
    /// Where it leads.
    pub to: RedirectTo,
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
}

/// `redirect.to`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedirectTo {
    /// The same URL over TLS.
    Https,
    /// Another URL. What is made of captures, its query, and what stands behind `#`, are in
    /// [`Rewriting`](super::Rewriting).
    Url {
        /// `https://new.example.com`, or empty for a path on the same host.
        origin: String,
        /// Empty, or `/new`, with its escapes.
        path: String,
    },
}

/// `respond`
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Respond {
    /// From 200 to 599.
    pub status: u16,
    /// The body; `None` for a status that has none, and where nothing was written.
    pub body: Option<Arc<[u8]>>,
    /// The file that the body was read from.
    pub file: Option<PathBuf>,
    /// The type of the body; `None`: what the name of the file says, else text.
    pub content_type: Option<String>,
}

/// `max_body` of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxBody {
    /// 0: no limit.
    Unlimited,
    /// Most bytes.
    Bytes(u64),
}

impl MaxBody {
    /// The bound of so many bytes; 0 is none.
    pub(crate) const fn of(bytes: u64) -> Self {
        match bytes {
            0 => Self::Unlimited,
            bytes => Self::Bytes(bytes),
        }
    }

    /// Most bytes; `None`: no limit.
    #[must_use]
    pub const fn bytes(self) -> Option<u64> {
        match self {
            Self::Unlimited => None,
            Self::Bytes(bytes) => Some(bytes),
        }
    }
}

impl Redirect {
    /// Whether it leads to the host that the client has asked.
    #[must_use]
    pub fn stays_here(&self) -> bool {
        match &self.to {
            RedirectTo::Https => true,
            RedirectTo::Url { origin, .. } => origin.is_empty(),
        }
    }
}
