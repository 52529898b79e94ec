//! Where front and backend differ, answers name the backend: `Location`, `Content-Location`, `Refresh`, and the `Path`
//! and `Domain` of cookies are mapped back (ProxyPassReverse, ProxyPassReverseCookiePath, …CookieDomain).
//!
//! Values are bytes: applications write names beyond ASCII into them as they like, and these bytes stay as they are.

mod cookie;
mod link;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};

use crate::mount::{Answered, Normal};

/// What an answer is mapped back with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reverse<'a> {
    /// Which mapping the request had, and which other mappings lead to the member.
    pub(crate) mounts: Answered<'a>,
    /// The path that the client asked for, raw.
    pub(crate) asked: &'a str,
    /// Its normal form.
    pub(crate) normal: &'a Normal<'a>,
    /// The client's scheme.
    pub(crate) scheme: &'a str,
    /// The Host that the member was sent; empty when there was none.
    pub(crate) host_sent: &'a str,
    /// Where the client is connected to, host and port, if it has named no host: Tomcat is told this instead.
    pub(crate) local: &'a str,
}

impl Reverse<'_> {
    /// Maps all fields of an answer.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        for (name, value) in headers.iter_mut() {
            let mapped = match name.as_str() {
                "location" | "content-location" => self.link(value.as_bytes()),
                "refresh" => self.refresh(value.as_bytes()),
                "set-cookie" => self.cookie(value.as_bytes()),
                _ => continue,
            };
            let mapped = mapped.map(|mapped| HeaderValue::from_maybe_shared(Bytes::from(mapped)));
            if let Some(Ok(mapped)) = mapped {
                *value = mapped;
            }
        }
    }

    /// The Host that the client sent; may be empty.
    const fn client_host(&self) -> &str {
        self.mounts.host
    }

    /// The host and port of the member's url: an application may know itself by nothing else.
    const fn member_host(&self) -> &str {
        self.mounts.address
    }
}

#[cfg(test)]
mod tests;
