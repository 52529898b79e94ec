//! Where front and backend differ, answers name the backend: `Location`, `Content-Location`, `Refresh`, and the `Path`
//! and `Domain` of cookies are mapped back (ProxyPassReverse, ProxyPassReverseCookiePath, …CookieDomain).
//!
//! Values are bytes: applications write names beyond ASCII into them as they like, and these bytes stay as they are.

mod cookie;
mod link;

use std::borrow::Cow;

use crate::head::{Fields, Known, KnownSet, is_value};
use crate::mount::Answered;

/// The fields that are mapped back.
const MAPPED: KnownSet = KnownSet::of(&[
    Known::Refresh,
    Known::Location,
    Known::ContentLocation,
    Known::SetCookie,
]);

/// What an answer is mapped back with.
#[derive(Clone, Copy)]
pub(crate) struct Reverse<'a> {
    /// Which mapping the request had, and which other mappings lead to the member.
    pub(crate) mounts: Answered<'a>,
    /// The path that the member was sent.
    pub(crate) sent: &'a dyn Fn() -> Cow<'a, str>,
    /// The path that the client asked for, raw.
    pub(crate) asked: &'a str,
    /// The client's scheme.
    pub(crate) scheme: &'a str,
    /// The Host that the member was sent; empty when there was none.
    pub(crate) host_sent: &'a str,
    /// Where the client is connected to, host and port, if it has named no host: Tomcat is told this instead.
    pub(crate) local: &'a str,
}

impl Reverse<'_> {
    /// Maps all fields of an answer.
    pub(crate) fn apply(&self, fields: &mut Fields) {
        if fields.may_have(MAPPED) {
            fields.map_values(|name, value| {
                self.value(name, value).filter(|mapped| is_value(mapped))
            });
        }
    }

    /// What the value of a field becomes, if it changes.
    fn value(&self, name: Known, value: &[u8]) -> Option<Vec<u8>> {
        match name {
            Known::Refresh => self.refresh(value),
            Known::Location | Known::ContentLocation => self.link(value),
            Known::SetCookie => self.cookie(value),
            _ => None,
        }
    }

    /// The Host that the client sent; may be empty.
    const fn client_host(&self) -> &str {
        self.mounts.site.host
    }

    /// The host and port of the member's url: an application may know itself by nothing else.
    const fn member_host(&self) -> &str {
        self.mounts.address
    }
}

#[cfg(test)]
mod tests;
