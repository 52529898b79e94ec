//! `allow`, `deny` and `rate`.

use std::num::NonZeroU32;

use super::{Around, Builder, Need, list};
use crate::defaults;
use crate::field::{Checked, Either, Field, Named, Scalar};
use crate::file;
use crate::model::{Access, ClientAuth, Identity, Rate, RatePer};
use crate::report::Place;
use crate::template::TemplateText;
use crate::value::{AttributeName, Network, RequestRate};

/// The keys of a mapping about who may use it.
pub(super) struct Guards {
    pub(super) allow: Field<Vec<Scalar<Network>>>,
    pub(super) deny: Field<Vec<Scalar<Network>>>,
    pub(super) rate: Field<Either<RequestRate, file::Rate>>,
    pub(super) auth: Field<file::Identity>,
}

impl Guards {
    /// The place and name of the first key that is there.
    fn first(&self) -> Option<(Place, &'static str)> {
        let keys = [
            (self.allow.place(), "allow"),
            (self.deny.place(), "deny"),
            (self.rate.place(), "rate"),
            (self.auth.place(), "auth"),
        ];
        keys.into_iter()
            .find_map(|(place, key)| Some((place?, key)))
    }
}

impl Builder<'_> {
    /// `attributes` are the mapping's `request_attributes`, `exclude` whether it is an exclusion.
    pub(super) fn guards(
        &self,
        keys: Guards,
        attributes: &Field<Named<AttributeName, Checked<TemplateText>>>,
        exclude: Option<bool>,
    ) -> (Access, Option<Identity>) {
        if let (Some(true), Some((place, key))) = (exclude, keys.first()) {
            self.report.error_with_hint(
                place,
                format!("{key}: an excluded path is answered with 404 whoever asks"),
                "keep `exclude: true` or this key",
            );
        }
        let knows_users = !keys.auth.is_absent();
        let identity = keys.auth.given();
        let identity = identity.and_then(|(place, auth)| self.identity(auth, place));
        if let Some(identity) = &identity {
            self.attributes_of_users(identity, attributes);
        }
        if let Field::Given(place, networks) = &keys.allow
            && networks.is_empty()
        {
            self.report.error_with_hint(
                *place,
                "allow: an empty list lets nobody in",
                "write `exclude: true` for a path that nobody may use, or remove the key",
            );
        }
        let access = Access {
            allow: match keys.allow.is_absent() {
                true => None,
                false => Some(list(keys.allow)),
            },
            deny: list(keys.deny),
            rate: self.rate(keys.rate, knows_users),
        };
        (access, identity)
    }

    fn rate(
        &self,
        field: Field<Either<RequestRate, file::Rate>>,
        knows_users: bool,
    ) -> Option<Rate> {
        let (place, rate) = field.given()?;
        let rate = match rate {
            Either::Scalar(requests) => {
                let (requests, period) = requests?;
                return Some(Rate {
                    requests,
                    period,
                    burst: requests,
                    per: defaults::RATE_PER,
                });
            }
            Either::Whole(rate) => rate,
        };
        let need = Need {
            of: "a rate",
            key: "requests",
            example: "20/s",
        };
        let per_place = rate.per.place().unwrap_or(place);
        let per = rate.per.or(defaults::RATE_PER);
        if per == RatePer::User && !knows_users {
            self.report.warning(
                per_place,
                "per: without `auth` there are no users, and the addresses of clients count",
                "add `auth` to the mapping, or write `per: client`",
            );
        }
        let burst = rate.burst.optional();
        let (_, requests) = self.required(rate.requests, place, need)?;
        let (requests, period) = requests.0?;
        let burst = burst.and_then(|burst| u32::try_from(burst).ok());
        Some(Rate {
            requests,
            period,
            burst: burst.and_then(NonZeroU32::new).unwrap_or(requests),
            per,
        })
    }
}

impl Around {
    pub(super) fn of(file: &file::File) -> Self {
        Self {
            asks_for_certificates: asks_for_certificates(&file.listeners),
            has_several_authorities: has_several_authorities(&file.listeners),
            trusts_nobody: is_nobody(&file.trusted_proxies),
        }
    }
}

/// Whether a list is there without anything in it, or not there at all.
pub(super) fn is_nobody(networks: &Field<Vec<Scalar<Network>>>) -> bool {
    match networks {
        Field::Absent => true,
        Field::Unreadable => false,
        Field::Given(_, networks) => networks.is_empty(),
    }
}

/// Whether listeners name different files of authorities for their clients.
fn has_several_authorities(listeners: &Field<Vec<Field<file::Listener>>>) -> bool {
    let authority = |listener: &Field<file::Listener>| {
        let Field::Given(_, listener) = listener else {
            return None;
        };
        let Field::Given(_, tls) = &listener.tls else {
            return None;
        };
        tls.client_ca.value().map(|file| file.0.clone())
    };
    let Field::Given(_, listeners) = listeners else {
        return false;
    };
    let mut authorities = listeners.iter().filter_map(authority);
    let first = authorities.next();
    authorities.any(|other| Some(&other) != first.as_ref())
}

/// Whether a listener asks clients for certificates.
fn asks_for_certificates(listeners: &Field<Vec<Field<file::Listener>>>) -> bool {
    let asks = |listener: &Field<file::Listener>| match listener {
        Field::Given(_, listener) => match &listener.tls {
            Field::Given(_, tls) => match &tls.client_auth {
                Field::Given(_, auth) => auth.0 != ClientAuth::None,
                Field::Absent => false,
                Field::Unreadable => true,
            },
            Field::Absent => false,
            Field::Unreadable => true,
        },
        Field::Absent => false,
        Field::Unreadable => true,
    };
    match listeners {
        Field::Given(_, listeners) => listeners.iter().any(asks),
        // What could not be read has been reported.
        Field::Absent | Field::Unreadable => true,
    }
}
