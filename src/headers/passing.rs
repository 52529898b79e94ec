//! Which fields of a client go on to a member. It is decided here and, as far as it is about who may say what, in
//! [`Believed`]; whoever writes a request or changes one asks.

use super::nominated::{HOP_BY_HOP, Nominated};
use crate::client::{Believed, Client};
use crate::head::{Known, KnownSet};

/// Names of fields that do not go on as they came, whoever sent them.
///
/// The gateway writes some of them itself (framing, `Host`, the lists of proxies, the `Destination` that it has mapped) or has
/// answered them (`Expect`). `Proxy` is none of HTTP's, and CGI programs read it as the variable `HTTP_PROXY` (CVE-2016-5385).
const NEVER: KnownSet = HOP_BY_HOP.and(KnownSet::of(&[
    Known::Host,
    Known::Proxy,
    Known::Expect,
    Known::ContentLength,
    // With COPY and MOVE the mapped one is sent. With another method nobody has asked whether its path is guarded.
    Known::Destination,
    Known::Forwarded,
    Known::XForwardedFor,
]));

/// What decides which fields of a request go on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passing<'a> {
    pub(crate) client: &'a Client,
    pub(crate) believed: Believed<'a>,
    pub(crate) nominated: &'a Nominated<'a>,
    /// Whether the Authorization field stays here: this gateway has asked for it.
    pub(crate) keeps_authorization: bool,
}

impl Passing<'_> {
    /// Whether a field of this name, which is known as `known`, goes on to a member.
    pub(crate) fn goes_on(&self, known: Known, name: &[u8]) -> bool {
        self.is_for_members(known, name) && !self.nominated.contains(name)
    }

    /// Whether a field is meant for members. Where the gateway does for a member what the field asks for (FTP), a `Connection`
    /// field that nominates it makes no difference: the gateway is whom it nominates it for.
    pub(crate) fn is_for_members(&self, known: Known, name: &[u8]) -> bool {
        let stays = NEVER.has(known) || self.keeps_authorization && known == Known::Authorization;
        !stays && self.believed.counts(self.client, known, name)
    }
}
