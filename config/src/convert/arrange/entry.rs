//! Mappings, and what becomes of requests at a path.

use crate::convert::note::{Closed, Origin};
use crate::convert::overlap::{hides, join, join_url};
use crate::convert::site::Takes;
use crate::convert::value::Keys;

/// Keys that say who may come in.
pub(crate) const ABOUT_ACCESS: [&str; 3] = ["allow", "deny", "auth"];

/// What becomes of requests at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    NotFound,
    To(String),
    Redirect { to: String, status: u16 },
    Respond(u16),
    Files(String),
}

/// An answer with the keys of its mapping.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) answer: Answer,
    pub(crate) keys: Keys,
    /// The sections whose keys count for some of the requests alone, and are left out.
    pub(crate) lost: Vec<Origin>,
    /// Why nobody may come in, where the old server lets some in: each reason.
    pub(crate) closed: Vec<Closed>,
    /// The sections that keep somebody out; one that asks for passwords is the last one.
    pub(crate) guards: Vec<Origin>,
    pub(crate) origins: Vec<Origin>,
    pub(crate) comments: Vec<String>,
}

impl Outcome {
    pub(crate) fn not_found(origins: Vec<Origin>) -> Self {
        Self {
            answer: Answer::NotFound,
            keys: Keys::default(),
            lost: Vec::new(),
            closed: Vec::new(),
            guards: Vec::new(),
            origins,
            comments: Vec::new(),
        }
    }

    /// Whether the mapping above, which does the same, says all that keeps somebody out here. What is closed for another reason
    /// has its own mapping, so that it stays closed when the one above is opened.
    pub(super) fn is_said_by(&self, above: &Self) -> bool {
        self.is_like(above) && self.closed.iter().all(|why| above.closed.contains(why))
    }

    /// Takes over why the same mapping of another host or scheme is closed.
    pub(super) fn take_reasons(&mut self, other: &Self) {
        for why in &other.closed {
            if !self.closed.contains(why) {
                self.closed.push(why.clone());
            }
        }
    }

    /// Whether nobody notices which of the two it is. What the old server closes too is not like what somebody has to look at.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.keys == other.keys
            && self.closed.is_empty() == other.closed.is_empty()
            && match (&self.answer, &other.answer) {
                (Answer::To(one), Answer::To(other)) => {
                    one.trim_end_matches('/') == other.trim_end_matches('/')
                }
                (one, other) => one == other,
            }
    }
}

/// A mapping.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) takes: Takes,
    pub(crate) hosts: Vec<String>,
    pub(crate) secure: Option<bool>,
    pub(crate) outcome: Outcome,
    /// Whether it is written as an exclusion; else one that finds nothing is a fixed 404.
    pub(crate) exclude: bool,
}

impl Entry {
    /// Whether it takes everything that a mapping takes that is written behind it, for the same requests. Exclusions come before
    /// all.
    pub(super) fn takes_it_all(&self, later: &Self) -> bool {
        let every = self.hosts.is_empty() && self.secure.is_none();
        let is_for_all = every || self.hosts == later.hosts && self.secure == later.secure;
        is_for_all && !later.exclude && hides(&self.takes, &later.takes)
    }
}

/// A mapping for every host.
pub(super) fn entry(takes: Takes, outcome: Outcome, exclude: bool) -> Entry {
    Entry {
        takes,
        hosts: Vec::new(),
        secure: None,
        outcome,
        exclude,
    }
}

/// What the mapping of a path does as the expression of the path and what is below it, whose `$1` is what is behind the path.
pub(super) fn as_expression(mut outcome: Outcome, path: &str) -> Outcome {
    outcome.answer = match outcome.answer {
        Answer::To(url) => Answer::To(format!("{}$1", url.trim_end_matches('/'))),
        Answer::Redirect { to, status } if to != "https" => Answer::Redirect {
            to: format!("{}$1", to.trim_end_matches('/')),
            status,
        },
        Answer::Files(folder) => match above(&folder, path) {
            Ok(directory) => Answer::Files(directory),
            Err(why) => return unserved(outcome.origins, outcome.closed, &why),
        },
        other => other,
    };
    outcome
}

/// The directory in which a whole path leads into a folder: with `match`, `files` appends all of the path.
///
/// # Errors
///
/// Why there is none that can be served.
pub(super) fn above(folder: &str, path: &str) -> Result<String, String> {
    if path == "/" {
        return Ok(folder.to_owned());
    }
    if path.split('/').any(|name| name.starts_with('.')) {
        return Err(format!("{path} has a name that begins with a dot"));
    }
    let directory = folder
        .trim_end_matches('/')
        .strip_suffix(path.trim_end_matches('/'));
    match directory {
        Some("") => Err(format!(
            "for {path} it would be the root of the file system"
        )),
        Some(directory) => Ok(directory.to_owned()),
        None => Err(format!("{folder} does not end with {path}")),
    }
}

/// Nobody comes into a folder that no directory of an expression can serve. The guards of its sections are left out with it, and
/// so are their lines.
fn unserved(mut origins: Vec<Origin>, mut closed: Vec<Closed>, why: &str) -> Outcome {
    let why = format!(
        "an expression comes later, so this is written with `match`, where the whole path is looked for in the directory of \
         `files`: {why}; write a narrower expression, and `path` for the folder"
    );
    origins.truncate(1);
    let here = origins.first().map(|origin| Closed::by(origin, &*why));
    closed.extend(here);
    Outcome {
        answer: Answer::Respond(403),
        closed,
        ..Outcome::not_found(origins)
    }
}

/// What the mapping of a path does further below.
pub(super) fn extended(outcome: &Outcome, above: &str, path: &str) -> Outcome {
    let rest = path
        .get(above.trim_end_matches('/').len()..)
        .unwrap_or_default();
    let url = |base: &str| join_url(base, rest);
    let answer = match &outcome.answer {
        Answer::To(base) => Answer::To(url(base)),
        Answer::Redirect { to, status } => Answer::Redirect {
            to: if to == "https" { to.clone() } else { url(to) },
            status: *status,
        },
        Answer::Files(folder) => Answer::Files(join(folder, rest)),
        other => other.clone(),
    };
    Outcome {
        answer,
        ..outcome.clone()
    }
}

/// Exclusions, expressions, paths. The order of expressions among themselves stays.
pub(crate) fn sort(entries: &mut [Entry]) {
    entries.sort_by_key(|entry| match (&entry.takes, entry.exclude) {
        (_, true) => 0,
        (Takes::Path(_), false) => 2,
        _ => 1,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_in_which_a_whole_path_leads_into_a_folder() {
        for (folder, path, expected) in [
            ("/srv/img", "/img", Some("/srv")),
            ("/srv/img/", "/img/", Some("/srv")),
            ("/srv/img/img/a", "/img/a", Some("/srv/img")),
            ("/srv/htdocs", "/", Some("/srv/htdocs")),
            ("/srv/oldimg", "/img", None),
            ("/srv/pictures", "/img", None),
            ("/img", "/img", None),
            ("/srv/.hidden/a", "/.hidden/a", None),
            ("img", "/img", None),
        ] {
            let found = above(folder, path);
            assert_eq!(found.ok().as_deref(), expected, "{folder} for {path}");
        }
    }
}
