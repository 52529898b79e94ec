//! Mappings, and what becomes of requests at a path.

use crate::convert::note::{Closed, Origin};
use crate::convert::overlap::join;
use crate::convert::site::Takes;
use crate::convert::value::Keys;

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
    /// Why nobody may come in, where the old server lets some in.
    pub(crate) closed: Option<Closed>,
    pub(crate) origins: Vec<Origin>,
    pub(crate) comments: Vec<String>,
}

impl Outcome {
    pub(crate) fn not_found(origins: Vec<Origin>) -> Self {
        Self {
            answer: Answer::NotFound,
            keys: Keys::default(),
            lost: Vec::new(),
            closed: None,
            origins,
            comments: Vec::new(),
        }
    }

    /// Whether nobody notices which of the two it is.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.keys == other.keys
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

/// What the mapping of a path does further below.
pub(super) fn extended(outcome: &Outcome, above: &str, path: &str) -> Outcome {
    let rest = path
        .get(above.trim_end_matches('/').len()..)
        .unwrap_or_default();
    let join = |base: &str| join(base, rest);
    let answer = match &outcome.answer {
        Answer::To(url) => Answer::To(join(url)),
        Answer::Redirect { to, status } => Answer::Redirect {
            to: if to == "https" { to.clone() } else { join(to) },
            status: *status,
        },
        Answer::Files(folder) => Answer::Files(join(folder)),
        other => other.clone(),
    };
    Outcome {
        answer,
        ..outcome.clone()
    }
}
