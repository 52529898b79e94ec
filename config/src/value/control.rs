//! Control characters.

use crate::fault::Fault;

/// Refuses control characters, which would break a line of a header or a log.
pub(super) fn no_control_characters(text: &str) -> Result<(), Fault> {
    match text.chars().position(char::is_control) {
        Some(at) => Err(Fault::new("contains a control character")
            .hint("line ends, tabs and the like have no place here")
            .at(at)),
        None => Ok(()),
    }
}
