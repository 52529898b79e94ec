//! Where front and backend differ, answers name the backend: `Location`, `Content-Location`, `Refresh`, and the `Path`
//! and `Domain` of cookies are mapped back (ProxyPassReverse, ProxyPassReverseCookiePath, …CookieDomain).
//!
//! Values are bytes: applications write names beyond ASCII into them as they like, and these bytes stay as they are.

mod cookie;
mod link;

use bytes::Bytes;
use http::header::{
    CONTENT_LOCATION, Entry, HeaderMap, HeaderName, HeaderValue, LOCATION, REFRESH, SET_COOKIE,
};

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
        map(headers, LOCATION, |value| self.link(value));
        map(headers, CONTENT_LOCATION, |value| self.link(value));
        map(headers, REFRESH, |value| self.refresh(value));
        map(headers, SET_COOKIE, |value| self.cookie(value));
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

/// Replaces each value of a field for which there is another one.
fn map(headers: &mut HeaderMap, name: HeaderName, to: impl Fn(&[u8]) -> Option<Vec<u8>>) {
    let Entry::Occupied(mut values) = headers.entry(name) else {
        return;
    };
    for value in values.iter_mut() {
        let Some(mapped) = to(value.as_bytes()) else {
            continue;
        };
        if let Ok(mapped) = HeaderValue::from_maybe_shared(Bytes::from(mapped)) {
            *value = mapped;
        }
    }
}

#[cfg(test)]
mod tests;
