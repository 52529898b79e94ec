//! Changes to header fields.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::Scalar;
use crate::template::TemplateText;
use crate::value::{FieldName, RegexText};
use crate::when::Condition;

/// One of `set`, `add`, `append`, `unset` and `edit`, with the name of a header field.
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
    /// Replaces, in each field of the name, the first text that `match` finds.
    pub(crate) edit: Scalar<FieldName>,
    /// The regular expression of `edit`.
    #[serde(rename = "match")]
    pub(crate) pattern: Scalar<RegexText>,
    /// The value; may contain %{VARIABLE}e, %{FIELD}i, %{COOKIE}C, %{SSL_…}x, %a, %u, and with `edit` $1 to $9.
    pub(crate) value: Scalar<TemplateText>,
    /// Only when this variable is set, or this token is not empty; `!` before it: only when not.
    pub(crate) when: Scalar<Condition>,
}
