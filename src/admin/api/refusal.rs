//! Why the API refuses a request.

use ajpgate_config::{Problem, Problems};
use http::StatusCode;

/// A status, and a reason for people.
#[derive(Debug)]
pub(in crate::admin) struct Refusal {
    pub(in crate::admin) status: StatusCode,
    pub(in crate::admin) reason: String,
    /// The methods of the resource, when the method was refused.
    pub(in crate::admin) allow: Option<&'static str>,
    /// Whether the same is to be asked once more, because something else was changed meanwhile.
    pub(super) again: bool,
}

impl Refusal {
    pub(in crate::admin) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
            allow: None,
            again: false,
        }
    }

    /// For what is to be asked once more.
    pub(super) fn again(reason: impl Into<String>) -> Self {
        Self {
            again: true,
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, reason)
        }
    }

    pub(in crate::admin) fn not_found(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, reason)
    }

    pub(in crate::admin) fn method(allow: &'static str) -> Self {
        let reason = format!("only {allow} is possible here");
        Self {
            allow: Some(allow),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, reason)
        }
    }

    /// For keys or values that are not possible.
    pub(in crate::admin) fn unprocessable(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, reason)
    }
}

impl From<Problems> for Refusal {
    /// The text of all problems, each with its hint.
    fn from(problems: Problems) -> Self {
        let line = |problem: Problem| match problem.hint {
            Some(hint) => format!("{} ({hint})", problem.message),
            None => problem.message,
        };
        let lines: Vec<String> = problems.into_iter().map(line).collect();
        Self::unprocessable(lines.join("; "))
    }
}
