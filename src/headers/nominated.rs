//! Header fields that concern one connection only.

use crate::head::{Fields, Known, KnownSet, elements};

/// Names of fields that concern one connection only (RFC 9110 section 7.6.1), in requests and answers.
pub(crate) const HOP_BY_HOP: KnownSet = KnownSet::of(&[
    Known::Te,
    Known::Trailer,
    Known::Upgrade,
    Known::Connection,
    Known::KeepAlive,
    Known::Http2Settings,
    Known::ProxyConnection,
    Known::TransferEncoding,
]);

/// Names that a `Connection` field nominates, beyond those that never go on anyway.
#[derive(Debug, Default)]
pub(crate) struct Nominated<'a>(Vec<&'a [u8]>);

impl<'a> Nominated<'a> {
    pub(crate) fn of(fields: &'a Fields) -> Self {
        let is_about_it = |option: &[u8]| {
            option.eq_ignore_ascii_case(b"close") || option.eq_ignore_ascii_case(b"keep-alive")
        };
        let options = elements(fields.all(Known::Connection));
        Self(options.filter(|option| !is_about_it(option)).collect())
    }

    pub(crate) fn contains(&self, name: &[u8]) -> bool {
        self.0
            .iter()
            .any(|nominated| nominated.eq_ignore_ascii_case(name))
    }
}
