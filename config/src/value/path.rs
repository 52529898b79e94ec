//! Paths: of mappings, of cookies, of files.

use std::path::PathBuf;

use schemars::{Schema, json_schema};

use super::control::no_control_characters;
use crate::fault::{Fault, quoted};
use crate::field::Kind;

/// `path` of a mapping: whole segments of decoded text, without a slash at the end.
pub(crate) enum PathPrefix {}

impl Kind for PathPrefix {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        let fault = |why: &str| Fault::new(format!("{} {why}", quoted(text)));
        no_control_characters(text)?;
        if !text.starts_with('/') {
            return Err(fault("does not start with a slash").hint(format!("write \"/{text}\"")));
        }
        if let Some(at) = text.chars().position(|c| matches!(c, '?' | '#')) {
            return Err(fault("contains a query")
                .hint("mappings look at the path only")
                .at(at));
        }
        if let Some(at) = text.chars().position(|c| matches!(c, ';' | '\\')) {
            let hint = "path parameters are no part of what is compared";
            return Err(fault("contains a character that no path has")
                .hint(hint)
                .at(at));
        }
        if text.contains(char::REPLACEMENT_CHARACTER) {
            let hint = "it stands for bytes that could not be read: save the file as UTF-8";
            return Err(fault("contains the replacement character U+FFFD").hint(hint));
        }
        if text.contains('*') {
            let hint =
                "a path stands for everything below it: /app takes /app and /app/x, not /apple";
            return Err(fault("contains a wildcard").hint(hint));
        }
        if has_escape(text) {
            return Err(fault("contains a %XX escape").hint("write the character itself"));
        }
        let path = text.strip_suffix('/').unwrap_or(text);
        match path
            .split('/')
            .skip(1)
            .find(|segment| matches!(*segment, "" | "." | ".."))
        {
            Some("") => Err(fault("contains an empty segment").hint("write one slash")),
            Some(_) => Err(fault("contains a dot segment").hint("write the path that is meant")),
            None if path.is_empty() => Ok("/".to_owned()),
            None => Ok(path.to_owned()),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": r"^/[^?#;\\*]*$" })
    }
}

fn has_escape(text: &str) -> bool {
    text.split('%').skip(1).any(|after| {
        let mut next = after.chars();
        let mut hex = || next.next().is_some_and(|c| c.is_ascii_hexdigit());
        hex() && hex()
    })
}

/// `path` of a cookie.
pub(crate) enum CookiePath {}

impl Kind for CookiePath {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        let plain = text.chars().all(|c| c.is_ascii_graphic() && c != ';');
        match text.starts_with('/') && plain {
            true => Ok(text.to_owned()),
            false => Err(
                Fault::new(format!("{} is not a path of a cookie", quoted(text)))
                    .hint("it starts with a slash, and has no blanks and no `;`"),
            ),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^/[!-:<-~]*$" })
    }
}

/// `uri` of a health check: path and query as they are sent.
pub(crate) enum RequestUri {}

impl Kind for RequestUri {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        let plain = text.chars().all(|c| c.is_ascii_graphic() && c != '#');
        match text.starts_with('/') && plain {
            true => Ok(text.to_owned()),
            false => Err(Fault::new(format!("{} is not a path", quoted(text)))
                .hint("it starts with a slash; blanks and other characters are written as %XX")),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^/[!\"$-~]*$" })
    }
}

/// The name of a file.
pub(crate) enum FileName {}

impl Kind for FileName {
    type Value = PathBuf;

    fn read(text: &str) -> Result<PathBuf, Fault> {
        no_control_characters(text)?;
        match text.is_empty() {
            true => {
                Err(Fault::new("the name of the file is empty")
                    .hint("write a name, or remove the key"))
            }
            false => Ok(text.into()),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}

/// The name of a file in any folder: one segment of a path, and none that begins with a dot, for those are never served.
pub(crate) enum EntryName {}

impl Kind for EntryName {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        no_control_characters(text)?;
        let fault = |why: &str| Fault::new(format!("{} {why}", quoted(text)));
        if text.is_empty() {
            return Err(fault("is no name of a file").hint("write a name such as index.html"));
        }
        if text.contains('/') {
            return Err(
                fault("has a slash").hint("it is looked for in the folder that is asked for")
            );
        }
        match text.starts_with('.') {
            true => Err(fault("begins with a dot").hint("such files are never served")),
            false => Ok(text.to_owned()),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^[^/.][^/]*$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes() {
        for (text, path) in [
            ("/", "/"),
            ("/shop", "/shop"),
            ("/shop/", "/shop"),
            ("/a/b.c/d", "/a/b.c/d"),
            ("/größe", "/größe"),
            ("/a b", "/a b"),
            ("/100%", "/100%"),
        ] {
            assert_eq!(PathPrefix::read(text).as_deref(), Ok(path), "{text}");
        }
        for text in [
            "",
            "shop",
            "//",
            "/a//b",
            "/a/../b",
            "/./a",
            "/..",
            "/a?b",
            "/a;b",
            "/a%2fb",
            "/a*",
            "/a\\b",
            "/a\n",
            "/a\u{fffd}",
        ] {
            assert!(PathPrefix::read(text).is_err(), "{text}");
        }
    }
}
