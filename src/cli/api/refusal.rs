//! Why a command that asks the admin API has not done what it should.

use http::StatusCode;

use crate::cli::process::{BAD_USAGE, FAILED};
use crate::cli::terminal::plain;

/// The longest text of a reason that is shown, in characters.
const LONGEST: usize = 4_000;

#[derive(Debug)]
pub(crate) enum ApiError {
    /// The command line or the configuration does not say where, or says something that cannot be.
    Usage(String),
    /// All problems of the configuration file, as `check` prints them.
    Config(String),
    /// No connection, or no answer in time.
    Unreachable(String),
    /// The connection was closed before there was an answer.
    Lost(String),
    /// An answer that no admin listener gives.
    Foreign(String),
    /// The gateway does not do what was asked for.
    Refused {
        status: StatusCode,
        reason: String,
        /// The problems of its configuration file.
        problems: Vec<String>,
    },
    /// Standard output.
    Output(std::io::Error),
}

impl ApiError {
    /// 2 where the command line or a configuration file is wrong, else 1.
    pub(super) const fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Config(_) => BAD_USAGE,
            Self::Refused { status, .. } if status.as_u16() == 422 => BAD_USAGE,
            _ => FAILED,
        }
    }

    /// Whether it may be over soon: the gateway is restarted, say, and a proxy in front of it answers in its place.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Lost(_) | Self::Foreign(_) => true,
            Self::Refused { status, .. } => status.is_server_error(),
            Self::Usage(_) | Self::Config(_) | Self::Output(_) => false,
        }
    }

    /// JSON that is not what the API answers.
    pub(crate) fn shape(error: &serde_json::Error) -> Self {
        Self::Foreign(format!("the answer is none of an admin listener: {error}"))
    }

    /// The lines for stderr.
    pub(super) fn lines(&self) -> String {
        let mut lines = String::new();
        match self {
            Self::Config(problems) => return problems.clone(),
            Self::Refused { problems, .. } => {
                for problem in problems {
                    lines.push_str(&shortened(problem));
                    lines.push('\n');
                }
            }
            _ => {}
        }
        format!("{lines}ajpgate: {}", self.reason())
    }

    /// The reason in one line.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Usage(reason)
            | Self::Config(reason)
            | Self::Unreachable(reason)
            | Self::Lost(reason)
            | Self::Foreign(reason)
            | Self::Refused { reason, .. } => shortened(reason),
            Self::Output(error) => error.to_string(),
        }
    }
}

impl From<std::io::Error> for ApiError {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error)
    }
}

fn shortened(text: &str) -> String {
    let mut shown: String = plain(text).chars().take(LONGEST).collect();
    if shown.chars().count() == LONGEST {
        shown.push('…');
    }
    shown
}
