//! Redirects and fixed answers of mappings.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::Scalar;
use crate::value::{AnswerBody, AnswerStatus, ContentType, FileName, RedirectStatus, RedirectTo};

/// Sends clients elsewhere.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "redirect", default, deny_unknown_fields)]
#[schemars(extend("required" = ["to"]))]
pub(crate) struct Redirect {
    /// `https`, a path, or a whole URL. With `path`, what is behind it is appended; with `match`, $1 is what a group captured.
    pub(crate) to: Scalar<RedirectTo>,
    /// 301, 302, 303, 307 or 308.
    #[schemars(extend("default" = 308))]
    pub(crate) status: Scalar<RedirectStatus>,
}

/// A fixed answer.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "respond", default, deny_unknown_fields)]
pub(crate) struct Respond {
    /// The status, 200 to 599.
    #[schemars(extend("default" = 200))]
    pub(crate) status: Scalar<AnswerStatus>,
    /// The body, at most 64KiB.
    pub(crate) body: Scalar<AnswerBody>,
    /// A file with the body, at most 64KiB, read at start and reload.
    pub(crate) file: Scalar<FileName>,
    /// The type of the body; by default what the end of the file's name says, else text/plain.
    pub(crate) content_type: Scalar<ContentType>,
}
