//! How answers look: error pages and compression.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{Checked, Either, Field, Named, Scalar};
use crate::value::{ErrorStatus, FileName, MediaRange, Size, Switch};

/// Files by status, from 400 to 599.
pub(crate) type ErrorPages = Named<ErrorStatus, Checked<FileName>>;

/// `true`, `false`, or a list of statuses.
pub(crate) type ErrorOverride = Either<Switch, Vec<Scalar<ErrorStatus>>>;

/// Compression of answers.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "compress", default, deny_unknown_fields)]
pub(crate) struct Compress {
    /// Media types, like text/html or text/*.
    #[schemars(extend("default" = crate::defaults::COMPRESS_TYPES, "minItems" = 1))]
    pub(crate) types: Field<Vec<Scalar<MediaRange>>>,
    /// Shorter answers are not compressed; answers of unknown length are.
    #[schemars(extend("default" = "1KiB"))]
    pub(crate) min: Scalar<Size<0, { 1 << 30 }>>,
}
