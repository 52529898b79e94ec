//! Files of users. The gateway takes fewer kinds of hashes than httpd: MD5, SHA-1 and crypt are not among them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::convert::arrange::{Entry, Outcome};
use crate::convert::files::{BadUser, Files};
use crate::convert::note::{Closed, Notes};
use crate::convert::site::Access;
use crate::convert::value::{Keys, Value};

/// Most users that are named for one reason.
const MOST: usize = 10;

/// What is known of a file of users.
enum Known {
    /// Every line is taken.
    Good,
    /// Some lines are not: who has them, and why.
    Bad(String),
    /// It is not here, or may not be read.
    Unreadable(String),
}

/// Closes the mappings whose files of users have lines that the gateway does not take: it would not start with them. Of files
/// that cannot be read here it is said what the gateway takes.
pub(super) fn close(entries: &mut [Entry], files: &dyn Files, notes: &mut Notes) {
    let mut all: BTreeMap<String, Known> = BTreeMap::new();
    for entry in entries {
        let outcome = &mut entry.outcome;
        match super::groups::resolve(&mut outcome.keys, files) {
            Ok(said) => {
                let origin = outcome.guards.last().or(outcome.origins.last());
                if let Some((origin, said)) = origin.zip(said) {
                    notes.name(origin, said);
                }
            }
            Err(why) => {
                shut(outcome, why, notes);
                continue;
            }
        }
        let Some(file) = file_of(&outcome.keys).map(str::to_owned) else {
            continue;
        };
        let known = all
            .entry(file)
            .or_insert_with_key(|file| known(file, files));
        let text = match known {
            Known::Good => continue,
            Known::Bad(why) => {
                let why = format!("{why}; then convert again");
                shut(outcome, why, notes);
                continue;
            }
            Known::Unreadable(why) => format!(
                "{why}; of its hashes the gateway takes bcrypt and SHA crypt ($5$, $6$), and does not start with others: \
                 `htpasswd -B` makes bcrypt"
            ),
        };
        if let Some(origin) = outcome.guards.last().or(outcome.origins.last()) {
            notes.name(origin, text);
        }
    }
}

/// Closes a mapping whose users cannot be written.
fn shut(outcome: &mut Outcome, why: String, notes: &mut Notes) {
    outcome.keys.remove("auth");
    outcome.keys.remove("allow");
    outcome.keys.merge(&Access::closed());
    if let Some(origin) = outcome.origins.last().cloned() {
        let closed = Closed::by(&origin, why);
        notes.close("its paths are", &closed, &origin);
        outcome.closed.push(closed);
    }
}

/// The file of users of a mapping.
fn file_of(keys: &Keys) -> Option<&str> {
    let Value::Map(auth) = keys.get("auth")? else {
        return None;
    };
    let Value::Map(basic) = auth.get("basic")? else {
        return None;
    };
    match basic.get("users")? {
        Value::Text(file) => Some(file),
        _ => None,
    }
}

fn known(file: &str, files: &dyn Files) -> Known {
    match files.bad_users(Path::new(file)) {
        Ok(bad) if bad.is_empty() => Known::Good,
        Ok(bad) => Known::Bad(format!("{file}: {}", by_reason(&bad))),
        Err(why) => Known::Unreadable(why),
    }
}

/// `anna, bert: MD5 is not taken; line 7: the line is not UTF-8`
fn by_reason(bad: &[BadUser]) -> String {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for user in bad {
        let who = match &user.name {
            Some(name) => name.clone(),
            None => format!("line {}", user.line),
        };
        match reasons.iter_mut().find(|(why, _)| *why == user.why) {
            Some((_, all)) => all.push(who),
            None => reasons.push((&user.why, vec![who])),
        }
    }
    let reasons = reasons.into_iter().map(|(why, all)| {
        let more = all.len().saturating_sub(MOST);
        let named: Vec<String> = all.into_iter().take(MOST).collect();
        let more = match more {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{}{more}: {why}", named.join(", "))
    });
    reasons.collect::<Vec<_>>().join("; ")
}
