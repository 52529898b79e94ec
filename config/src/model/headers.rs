//! Changes to header fields.

use crate::template::Template;
use crate::value::Pattern;
use crate::when::When;

/// An item of `request_headers` or `response_headers`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeaderRule {
    /// What is done.
    pub action: HeaderAction,
    /// Field name in lower case, a token of RFC 9110 section 5.6.2.
    pub name: String,
    /// The value; empty for `unset`.
    pub value: Template,
    /// Only under this condition.
    pub when: Option<When>,
}

/// What a header rule does, as mod_headers names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderAction {
    /// Replaces all fields of the name.
    Set,
    /// Adds one more field.
    Add,
    /// Appends to the field's value after `, `; adds it when there is none.
    Append,
    /// Removes all fields of the name.
    Unset,
    /// Replaces, in each field of the name, the first text that is found.
    Edit(Pattern),
}
