//! Secrets, passwords and other text without a grammar. Only characters that would break a protocol are refused.
//! Messages about secrets never quote them.

use schemars::{Schema, json_schema};

use super::control::no_control_characters;
use crate::fault::{Fault, quoted};
use crate::field::Kind;
use crate::model::Secret;

/// Longest secret in bytes. httpd takes 63; Tomcat has no bound, and an AJP string ends at 65534.
pub(crate) const LONGEST_SECRET: usize = 1024;

/// A secret or a password.
pub(crate) enum Password {}

impl Kind for Password {
    type Value = Secret;

    fn read(text: &str) -> Result<Secret, Fault> {
        if text.is_empty() {
            return Err(Fault::new("is empty").hint("remove the key if there is none"));
        }
        if text.len() > LONGEST_SECRET {
            return Err(too_long());
        }
        no_control_characters(text)?;
        Ok(Secret::new(text.to_owned()))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": LONGEST_SECRET })
    }
}

pub(crate) fn too_long() -> Fault {
    Fault::new(format!("longer than {LONGEST_SECRET} bytes")).hint("choose a shorter one")
}

/// The secret of a member; empty for none, as `${NAME:-}` gives it.
pub(crate) enum MemberSecret {}

impl Kind for MemberSecret {
    type Value = Option<Secret>;

    fn read(text: &str) -> Result<Option<Secret>, Fault> {
        match text.is_empty() {
            true => Ok(None),
            false => Password::read(text).map(Some),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "maxLength": LONGEST_SECRET })
    }
}

/// The name of a user, without `:` (RFC 7617 section 2).
pub(crate) enum UserName {}

impl Kind for UserName {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        no_control_characters(text)?;
        match text.is_empty() || text.contains(':') {
            true => Err(
                Fault::new(format!("{} is not a name of a user", quoted(text)))
                    .hint("it is not empty and has no `:`"),
            ),
            false => Ok(text.to_owned()),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^[^:]+$" })
    }
}

/// Any text that is not empty.
pub(crate) enum FreeText {}

impl Kind for FreeText {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        match text.is_empty() {
            true => Err(Fault::new("is empty").hint("remove the key if there is none")),
            false => Ok(text.to_owned()),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}
