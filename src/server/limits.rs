//! Which key of `limits` a refused head went beyond, whatever version of HTTP it came in.

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
