//! Sources of members.

use schemars::JsonSchema;
use serde::Deserialize;

use super::member::Member;
use crate::field::{Field, Scalar};
use crate::model::RouteRule;
use crate::value::{Bind, FileName, MemberTarget, Period, Word};

/// A source that names members while the gateway runs.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "discover", default, deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["dns"] }, { "required": ["srv"] }, { "required": ["file"] }]))]
pub(crate) struct Discover {
    /// A name, with the protocol and port of its members: a member for each of its addresses, IPv4 and IPv6.
    pub(crate) dns: Scalar<MemberTarget>,
    /// A name with SRV records, with the protocol of its members: priorities become `lbset`, weights `loadfactor`.
    pub(crate) srv: Scalar<MemberTarget>,
    /// Files with lists of members, from the folder of the configuration file on; `*` stands for any letters of a name. They
    /// are read again when they change.
    pub(crate) file: Scalar<FileName>,
    /// Time from one question to the next.
    #[schemars(extend("default" = "5s"))]
    pub(crate) interval: Scalar<Period<100>>,
    /// Where the routes of its members come from: `learn` from the sessions that they issue, `label` the first label of the SRV
    /// target, `address` with dashes. By default `learn` beside `dns`, `label` beside `srv`.
    pub(crate) route: Scalar<Word<RouteRule>>,
    /// The DNS server that is asked, and no other; by default those of the system.
    pub(crate) resolver: Scalar<Bind>,
    /// The keys of its members, without `url` and `route`.
    pub(crate) member: Field<Member>,
}
