//! What becomes of a request, in short: for those who compare it.

use super::report::{Report, Taken, Verdict};
use crate::proxy::Refusal;

/// What becomes of a request, and by which mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The mapping's index in `proxy_pass`; `None`: no mapping takes it.
    pub(crate) mapping: Option<usize>,
    pub(crate) end: End,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// It is sent to the first of these members that can be reached; each with its url and the path that it gets.
    Forwarded(Vec<(String, String)>),
    /// The client is sent elsewhere.
    Redirected { status: u16, location: String },
    /// The gateway answers by itself.
    Answered { status: u16, why: String },
    /// A file below the mapping's directory.
    File(String),
}

impl Outcome {
    pub(super) fn of(report: &Report<'_>) -> Self {
        let mapping = report.mapping.as_ref().map(|taken: &Taken<'_>| taken.index);
        let answered = |status: u16, why: String| End::Answered { status, why };
        let (own, end) = match &report.verdict {
            Verdict::Refused(refusal) => {
                let own = match refusal {
                    Refusal::Excluded { index } | Refusal::Guarded { index } => Some(*index),
                    _ => None,
                };
                (
                    own,
                    answered(refusal.status().as_u16(), refusal.to_string()),
                )
            }
            Verdict::Stopped(status, why) => (None, answered(status.as_u16(), why.clone())),
            Verdict::Redirected { status, location } => {
                let (status, location) = (*status, location.clone());
                (None, End::Redirected { status, location })
            }
            Verdict::Fixed { status, .. } => (None, answered(*status, "a fixed answer".to_owned())),
            Verdict::Forwarded(to) if to.candidates.is_empty() => {
                let why = to.end.map(|nobody| nobody.to_string());
                (None, answered(503, why.unwrap_or_default()))
            }
            Verdict::Forwarded(to) => {
                let members = to.candidates.iter();
                let members = members.map(|it| (it.url.clone(), it.path.clone()));
                (None, End::Forwarded(members.collect()))
            }
            Verdict::File(file) => {
                let end = match &file.name {
                    Some(name) => End::File(name.clone()),
                    None => answered(404, "such a name is never served".to_owned()),
                };
                (Some(file.index), end)
            }
        };
        Self {
            mapping: own.or(mapping),
            end,
        }
    }
}
