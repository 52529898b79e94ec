//! Whether paths that a section or rule takes can be said here, and wider ones in place of those that cannot.

use crate::convert::overlap::upwards;
use crate::convert::site::Takes;
use crate::field::Kind as _;
use crate::pattern::MatchText;
use crate::value::PathPrefix;

/// Why an expression about parameters of a path says something else here.
pub(super) const WITHOUT_PARAMETERS: &str = "a path is compared without its parameters (;x=y) here";

/// Whether an expression is about parameters of a path: their signs, or the one that servlets know. Here it would take none of
/// the paths that it means.
pub(super) fn is_about_parameters(pattern: &str) -> bool {
    pattern.contains([';', '=']) || pattern.to_ascii_lowercase().contains("jsessionid")
}

/// Why these paths cannot be said here; `None`: they can.
pub(super) fn unsayable(takes: &Takes) -> Option<String> {
    match takes {
        Takes::Pattern(pattern) => match MatchText::read(pattern) {
            Err(fault) => Some(fault.message),
            Ok(_) if is_about_parameters(pattern) => Some(WITHOUT_PARAMETERS.to_owned()),
            Ok(_) => None,
        },
        Takes::Path(path) => PathPrefix::read(path).err().map(|fault| fault.message),
        Takes::Exact(_) => None,
    }
}

/// The paths themselves, where they can be said; else some that can, among which they are.
pub(super) fn wider(takes: Takes) -> Takes {
    if unsayable(&takes).is_none() {
        return takes;
    }
    let above = match &takes {
        Takes::Path(path) => upwards(path).find(|path| PathPrefix::read(path).is_ok()),
        Takes::Exact(_) | Takes::Pattern(_) => None,
    };
    Takes::Path(above.unwrap_or("/").to_owned())
}
