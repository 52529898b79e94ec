//! What follows from the refusal of a head, whatever version of HTTP it came in: the status, and the key of `limits` that it
//! went beyond.

use http::StatusCode;

use crate::framing::Refused;
use crate::telemetry::metrics::Limit;

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
