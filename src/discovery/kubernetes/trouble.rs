//! Why the API says nothing that can be used.

use std::time::Duration;

use http::StatusCode;
use kube::core::Status;

/// Most letters of a reason that the API gives.
const LONGEST_REASON: usize = 300;

/// What has gone wrong with a question to the API, or with a watch.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The account or the kubeconfig cannot be used.
    #[error("{0}")]
    Account(String),
    #[error("{0}")]
    Connection(String),
    #[error("no answer within {} s", .0.as_secs())]
    Late(Duration),
    /// A status other than 200, or the one of an ERROR event.
    #[error("the API answers {status}{reason}")]
    Refused { status: u16, reason: Reason },
    #[error("an answer of more than {0} bytes")]
    TooLarge(usize),
    #[error("an answer that cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("more than {0}")]
    TooMany(String),
}

impl Trouble {
    /// The status and the reason of an answer. A body that is no status gives no reason.
    pub(super) fn refused(status: StatusCode, body: &[u8]) -> Self {
        let said = serde_json::from_slice::<Status>(body);
        Self::Refused {
            status: status.as_u16(),
            reason: Reason::of(&said.map(|said| said.message).unwrap_or_default()),
        }
    }

    /// What an ERROR event says.
    pub(super) fn event(said: &Status) -> Self {
        Self::Refused {
            status: said.code,
            reason: Reason::of(&said.message),
        }
    }
}

/// Words of the API, within bounds: they go to the log.
#[derive(Debug, Default)]
pub(super) struct Reason(String);

impl Reason {
    fn of(said: &str) -> Self {
        let said = said.chars().take(LONGEST_REASON);
        Self(said.map(|c| if c.is_control() { ' ' } else { c }).collect())
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.as_str() {
            "" => Ok(()),
            said => write!(f, ": {said}"),
        }
    }
}
