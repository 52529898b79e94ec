//! Media types.

use schemars::{Schema, json_schema};

use crate::fault::{Fault, quoted};
use crate::field::Kind;
use crate::model;

/// A media type without parameters, or `TYPE/*`.
pub(crate) enum MediaRange {}

impl Kind for MediaRange {
    type Value = model::MediaRange;

    fn read(text: &str) -> Result<Self::Value, Fault> {
        // Tokens of RFC 9110 section 5.6.2; a star stands alone.
        let is_token = |text: &str| {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&b);
            !text.is_empty() && text.bytes().all(allowed)
        };
        match text.split_once('/') {
            Some((kind, part)) if is_token(kind) && (part == "*" || is_token(part)) => {
                Ok(model::MediaRange::new(text))
            }
            _ => Err(Fault::new(format!("{} is no media type", quoted(text)))
                .hint("write one like text/html, or text/* for all of a kind")),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": r"^[A-Za-z0-9!#$%&'+.^_`|~-]+/([A-Za-z0-9!#$%&'+.^_`|~-]+|\*)$" })
    }
}
