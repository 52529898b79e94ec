//! The bounds of a head, whatever version of HTTP it comes in, and what follows from its refusal: the status, and the key of
//! `limits` that it went beyond.

use ajpgate_config::Limits;
use http::StatusCode;

use crate::framing::{HeadLimits, Refused};
use crate::telemetry::metrics::Limit;

/// Most header fields where `limits.max_headers` sets no limit. The map of fields that HTTP members need holds 24,576
/// (`http::HeaderMap`), those that the gateway adds included.
const MOST_FIELDS: usize = 10_000;

/// The bounds that the configuration sets.
pub(super) fn head_limits(limits: &Limits) -> HeadLimits {
    HeadLimits {
        max_bytes: limits.max_header_bytes,
        max_fields: limits.max_headers.unwrap_or(MOST_FIELDS).min(MOST_FIELDS),
        max_target: limits.max_uri.unwrap_or(usize::MAX),
    }
}

/// The key; `None` for what no key decides.
pub(super) const fn limit_of(why: Refused) -> Option<Limit> {
    match why {
        Refused::HeadTooLarge => Some(Limit::MaxHeaderBytes),
        Refused::HeadTooSlow => Some(Limit::HeaderTimeout),
        Refused::TooManyFields => Some(Limit::MaxHeaders),
        Refused::TargetTooLong => Some(Limit::MaxUri),
        _ => None,
    }
}

/// The status for the client whose request is refused.
pub(super) const fn status(why: Refused) -> StatusCode {
    match why {
        Refused::HeadTooSlow => StatusCode::REQUEST_TIMEOUT,
        Refused::HeadTooLarge | Refused::TooManyFields => {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
        }
        Refused::TargetTooLong => StatusCode::URI_TOO_LONG,
        _ => StatusCode::BAD_REQUEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_of_fields_is_still_one_that_the_map_of_http_members_holds() {
        let text = "listeners: [{ bind: \"[::1]:0\" }]\nlimits: { max_headers: 0 }\n\
                    proxy_pass: [{ path: /, to: \"http://localhost/\" }]\n";
        let loaded = ajpgate_config::parse(text, std::path::Path::new("x"), &|_| None).unwrap();
        assert_eq!(head_limits(&loaded.config.limits).max_fields, 10_000);
    }
}
