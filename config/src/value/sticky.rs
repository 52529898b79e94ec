//! `stickysession` and `stickysessionsep`.

use schemars::{Schema, json_schema};

use crate::fault::{Fault, quoted};
use crate::field::Kind;
use crate::model::StickyNames;

/// Longest text of `stickysession` (`PROXY_BALANCER_MAX_STICKY_SIZE` of httpd's mod_proxy.h, without the NUL).
const LONGEST: usize = 63;

/// `COOKIE|PARAMETER`, or one name for both; empty for no stickiness.
pub(crate) enum SessionNames {}

impl Kind for SessionNames {
    type Value = StickyNames;

    fn read(text: &str) -> Result<StickyNames, Fault> {
        if text.is_empty() {
            return Ok(StickyNames::Off);
        }
        let (cookie, parameter) = text.split_once('|').unwrap_or((text, text));
        let name = |name: &str| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "!$*+-.^_~".contains(c))
        };
        if text.len() > LONGEST || !name(cookie) || !name(parameter) {
            let fault = Fault::new(format!("{} does not name a session id", quoted(text)));
            return Err(fault.hint(format!(
                "write COOKIE|PARAMETER, like JSESSIONID|jsessionid, or one name for both (at most {LONGEST} \
                 bytes); \"\" for none"
            )));
        }
        Ok(StickyNames::Names {
            cookie: cookie.to_owned(),
            parameter: parameter.to_owned(),
        })
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "maxLength": LONGEST, "pattern": r"^([A-Za-z0-9!$*+.^_~-]+(\|[A-Za-z0-9!$*+.^_~-]+)?)?$" })
    }
}

/// The character between session id and route; with `off` the whole value is the route.
pub(crate) enum Separator {}

impl Kind for Separator {
    type Value = Option<char>;

    fn read(text: &str) -> Result<Option<char>, Fault> {
        if text.eq_ignore_ascii_case("off") {
            return Ok(None);
        }
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) if c.is_ascii_graphic() && !r#";,="/?&#\%"#.contains(c) => Ok(Some(c)),
            _ => Err(
                Fault::new(format!("{} does not separate a route", quoted(text))).hint(
                    "write one character that can be part of a session id, like \".\", or \"off\"",
                ),
            ),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": r"^([!$'()*+.0-9:<>@A-Z\[\]^_`a-z{|}~-]|[oO][fF][fF])$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_session() {
        let names = |cookie: &str, parameter: &str| {
            Ok(StickyNames::Names {
                cookie: cookie.to_owned(),
                parameter: parameter.to_owned(),
            })
        };
        assert_eq!(
            SessionNames::read("JSESSIONID|jsessionid"),
            names("JSESSIONID", "jsessionid")
        );
        assert_eq!(SessionNames::read("ROUTEID"), names("ROUTEID", "ROUTEID"));
        assert_eq!(SessionNames::read(""), Ok(StickyNames::Off));
        for text in [
            "|",
            "a|",
            "|b",
            "a|b|c",
            "a b",
            "a;b",
            "a=b",
            "ä",
            &"x".repeat(64),
        ] {
            assert!(SessionNames::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn separators() {
        assert_eq!(Separator::read("."), Ok(Some('.')));
        assert_eq!(Separator::read("!"), Ok(Some('!')));
        assert_eq!(Separator::read("off"), Ok(None));
        assert_eq!(Separator::read("Off"), Ok(None));
        for text in ["", "..", ";", "=", " ", "ä"] {
            assert!(Separator::read(text).is_err(), "{text}");
        }
    }
}
