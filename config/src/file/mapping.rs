//! Mappings.

use schemars::JsonSchema;
use serde::Deserialize;

use super::access::Rate;
use super::answers::{Compress, ErrorPages};
use super::headers::HeaderRule;
use super::identity::Identity;
use super::member::Member;
use super::redirect::{Redirect, Respond};
use crate::field::{Checked, Either, Field, Named, Scalar};
use crate::model::{ClientScheme, EncodedSlash};
use crate::pattern::MatchText;
use crate::template::TemplateText;
use crate::value::{
    AttributeName, EntryName, FieldText, FileName, HostName, Network, PathPrefix, Period,
    RedirectTo, RequestRate, Size, Switch, TargetUrl, Word,
};

/// Which request goes where.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "mapping", default, deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["path"] }, { "required": ["match"] }]))]
pub(crate) struct Mapping {
    /// The path and everything below it: /shop is /shop and /shop/x, not /shopping.
    pub(crate) path: Scalar<PathPrefix>,
    /// A regular expression that is found anywhere in the path, in place of `path`.
    #[serde(rename = "match")]
    pub(crate) pattern: Scalar<MatchText>,
    /// Host names of the request; absent: every host.
    pub(crate) hosts: Field<Vec<Scalar<HostName>>>,
    /// The scheme of its requests, http or https; absent: both.
    pub(crate) scheme: Scalar<Word<ClientScheme>>,
    /// Never proxy this path.
    #[schemars(extend("default" = false))]
    pub(crate) exclude: Scalar<Switch>,
    /// balancer://NAME/path, or the url of a backend. Beside `match`, $1 is what the first group captured.
    pub(crate) to: Scalar<TargetUrl>,
    /// Send the client elsewhere: `https`, or `to` and `status`.
    pub(crate) redirect: Field<Either<RedirectTo, Redirect>>,
    /// Give a fixed answer.
    pub(crate) respond: Field<Respond>,
    /// Longest wait for the next bytes of the backend, in place of the member's `timeout`; 0 is no limit.
    pub(crate) timeout: Scalar<Period<0>>,
    /// Largest body of a request, in place of `limits.max_body`; 0 is no limit.
    pub(crate) max_body: Scalar<Size<0, { i64::MAX as u64 }>>,
    /// The keys of a member, when `to` is the url of a backend.
    pub(crate) member: Field<Member>,
    /// A directory whose files are served, in place of `to`.
    pub(crate) files: Scalar<FileName>,
    /// The file that stands for a folder, with `files`.
    #[schemars(extend("default" = "index.html"))]
    pub(crate) index: Scalar<EntryName>,
    /// The value of Cache-Control, with `files`.
    pub(crate) cache_control: Scalar<FieldText>,
    /// Whether the client's Host is sent on.
    #[schemars(extend("default" = true))]
    pub(crate) preserve_host: Scalar<Switch>,
    /// Paths with %2F or %5C: `refuse` answers 400, `pass` sends them on as part of a segment.
    #[schemars(extend("default" = "refuse"))]
    pub(crate) encoded_slash: Scalar<Word<EncodedSlash>>,
    /// Changes to the request's header fields, in order.
    #[schemars(extend("default" = []))]
    pub(crate) request_headers: Field<Vec<Field<HeaderRule>>>,
    /// Changes to the response's header fields, in order.
    #[schemars(extend("default" = []))]
    pub(crate) response_headers: Field<Vec<Field<HeaderRule>>>,
    /// Error pages in place of the gateway's, status by status.
    #[schemars(extend("default" = {}))]
    pub(crate) error_pages: Field<ErrorPages>,
    /// Compress answers; absent: none.
    pub(crate) compress: Field<Compress>,
    /// AJP request attributes: name and value.
    #[schemars(extend("default" = {}))]
    pub(crate) request_attributes: Field<Named<AttributeName, Checked<TemplateText>>>,
    /// Networks whose clients may come in; absent: all. Others get 403.
    #[schemars(extend("minItems" = 1))]
    pub(crate) allow: Field<Vec<Scalar<Network>>>,
    /// Networks whose clients may not come in; looked at before `allow`.
    #[schemars(extend("default" = []))]
    pub(crate) deny: Field<Vec<Scalar<Network>>>,
    /// How many requests are answered, like 20/s; those beyond it get 429.
    pub(crate) rate: Field<Either<RequestRate, Rate>>,
    /// Who the user is.
    pub(crate) auth: Field<Identity>,
}
