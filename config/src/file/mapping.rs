//! Mappings.

use schemars::JsonSchema;
use serde::Deserialize;

use super::member::Member;
use crate::field::{Checked, Field, Named, Scalar};
use crate::model::EncodedSlash;
use crate::template::TemplateText;
use crate::value::{AttributeName, FieldName, HostName, PathPrefix, Switch, TargetUrl, Word};
use crate::variable::Variable;

/// Which request goes where.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "mapping", default, deny_unknown_fields)]
#[schemars(extend("required" = ["path"]))]
pub(crate) struct Mapping {
    /// The path and everything below it: /shop is /shop and /shop/x, not /shopping.
    pub(crate) path: Scalar<PathPrefix>,
    /// Host names of the request; absent: every host.
    pub(crate) hosts: Field<Vec<Scalar<HostName>>>,
    /// Never proxy this path.
    #[schemars(extend("default" = false))]
    pub(crate) exclude: Scalar<Switch>,
    /// balancer://NAME/path, or the url of a backend.
    pub(crate) to: Scalar<TargetUrl>,
    /// The keys of a member, when `to` is the url of a backend.
    pub(crate) member: Field<Member>,
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
    /// AJP request attributes: name and value.
    #[schemars(extend("default" = {}))]
    pub(crate) request_attributes: Field<Named<AttributeName, Checked<TemplateText>>>,
}

/// One of `set`, `add`, `append` and `unset`, with the name of a header field.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "header_rule", default, deny_unknown_fields)]
pub(crate) struct HeaderRule {
    /// Replaces all fields of the name.
    pub(crate) set: Scalar<FieldName>,
    /// Adds one more field.
    pub(crate) add: Scalar<FieldName>,
    /// Appends to the field's value after a comma; adds it when there is none.
    pub(crate) append: Scalar<FieldName>,
    /// Removes all fields of the name.
    pub(crate) unset: Scalar<FieldName>,
    /// The value; may contain %{VARIABLE}e.
    pub(crate) value: Scalar<TemplateText>,
    /// Only when this variable is set.
    pub(crate) when: Scalar<Word<Variable>>,
}
