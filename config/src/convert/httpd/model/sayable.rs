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

/// Reads an expression that finds the same here as in httpd.
///
/// # Errors
///
/// Why there is none.
pub(super) fn expression(pattern: &str) -> Result<(), String> {
    MatchText::read(pattern).map_err(|fault| match fault.hint {
        Some(hint) => format!("{} ({hint})", fault.message),
        None => fault.message,
    })?;
    match has_operators(pattern) {
        true => Err("inside [ ] the signs [, &&, -- and ~~ mean something else here".to_owned()),
        false => Ok(()),
    }
}

/// Whether a class of letters has signs in it that are letters in PCRE and operators here.
fn has_operators(pattern: &str) -> bool {
    let letters: Vec<char> = pattern.chars().collect();
    let (mut at, mut begin) = (0, None);
    while let Some(letter) = letters.get(at) {
        let next = letters.get(at + 1);
        match (letter, begin) {
            ('\\', _) => at += 1,
            ('[', None) => {
                // A bracket at the very start of a class is a letter of it.
                at += usize::from(next == Some(&'^'));
                begin = Some(at + 1);
            }
            ('[', Some(_)) if next != Some(&':') => return true,
            ('[', Some(_)) => {
                let rest = letters.get(at..).unwrap_or_default();
                at += rest.windows(2).position(|it| it == [':', ']']).unwrap_or(0) + 1;
            }
            (']', Some(begin_at)) if at > begin_at => begin = None,
            ('&' | '-' | '~', Some(_)) if next == Some(letter) => return true,
            _ => {}
        }
        at += 1;
    }
    false
}

/// Why these paths cannot be said here; `None`: they can.
pub(super) fn unsayable(takes: &Takes) -> Option<String> {
    match takes {
        Takes::Pattern(pattern) => match expression(pattern) {
            Err(why) => Some(why),
            Ok(()) if is_about_parameters(pattern) => Some(WITHOUT_PARAMETERS.to_owned()),
            Ok(()) => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_whose_letters_are_operators_here() {
        for (pattern, expected) in [
            ("^/[a&&b]", true),
            ("^/[a&b]", false),
            ("^/[[y]]", true),
            ("^/[x[y]", true),
            ("^/[[:alpha:]_-]+", false),
            ("^/[^[:space:]x[y]", true),
            ("^/[]a]&&", false),
            ("^/[^]a&&b]", true),
            ("^/[a~~b]", true),
            ("^/[+--]", true),
            (r"^/\[a&&b\]", false),
            (r"^/[a\[b]&&", false),
            ("^/a--b", false),
        ] {
            assert_eq!(has_operators(pattern), expected, "{pattern}");
        }
    }
}
