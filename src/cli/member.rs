//! A member as the admin API shows it.

use serde::Deserialize;
use serde_json::Value;

use super::api::ApiError;
use super::terminal::plain;

/// Which member a command is about.
#[derive(Debug, clap::Args)]
pub(super) struct MemberArguments {
    /// Name of the balancer
    pub(super) balancer: String,
    /// Route or url of the member
    pub(super) member: String,
}

/// What is not needed here is not read.
#[derive(Debug, Deserialize)]
pub(super) struct Member {
    pub(super) url: String,
    pub(super) route: String,
    /// Its state in a few words.
    pub(super) state: String,
    pub(super) usable: bool,
    pub(super) status: Status,
    /// Whether it drains and can be stopped.
    pub(super) drained: bool,
    /// Live sessions.
    pub(super) sessions: u64,
    /// Requests under way.
    pub(super) busy: u64,
    pub(super) elected: u64,
    pub(super) errors: u64,
    pub(super) loadfactor: Value,
    pub(super) lbset: u64,
    /// Seconds until a request tries it again.
    pub(super) retry_in: Option<f64>,
    sticky: Hits,
    /// Where the gateway knows it from; a gateway without discovery does not tell.
    #[serde(default)]
    pub(super) source: String,
}

/// The flags that are shown.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Status {
    #[serde(default)]
    pub(super) disabled: bool,
    #[serde(default)]
    pub(super) stopped: bool,
    #[serde(default)]
    pub(super) drain: bool,
}

#[derive(Debug, Deserialize)]
struct Hits {
    hit_rate: Option<f64>,
}

impl Member {
    pub(super) fn of(value: Value) -> Result<Self, ApiError> {
        serde_json::from_value(value).map_err(|error| ApiError::shape(&error))
    }

    /// Its url, and its route where it has one.
    pub(super) fn name(&self) -> String {
        match self.route.is_empty() {
            true => plain(&self.url),
            false => format!("{} ({})", plain(&self.url), plain(&self.route)),
        }
    }

    /// The share of the requests for its route that it got, such as `98%`; empty when there was none.
    pub(super) fn hit_rate(&self) -> String {
        let rate = self.sticky.hit_rate;
        rate.map_or_else(String::new, |rate| format!("{:.0}%", rate * 100.0))
    }

    /// What is to be known beside the state.
    pub(super) fn note(&self) -> String {
        if self.drained {
            return "can be stopped".to_owned();
        }
        match self.retry_in {
            None => String::new(),
            Some(wait) if wait > 0.0 => format!("tried again in {:.0} s", wait.ceil()),
            Some(_) => "tried again with the next request".to_owned(),
        }
    }

    /// What is left of a drain.
    pub(super) fn left(&self) -> String {
        let count = |number: u64, what: &str| match number {
            1 => format!("1 {what}"),
            number => format!("{number} {what}s"),
        };
        match (self.sessions, self.busy) {
            // The API does not say which of the two it waits for.
            (0, 0) => "no session seen since the gateway started; older ones, or those of other gateways, may still be alive"
                .to_owned(),
            (sessions, 0) => format!("{} left", count(sessions, "session")),
            (sessions, requests) => format!(
                "{} left, {} under way",
                count(sessions, "session"),
                count(requests, "request")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_member_in_error_says_when_it_is_tried_again() {
        for (wait, expected) in [
            (None, ""),
            (Some(0.2), "tried again in 1 s"),
            (Some(41.0), "tried again in 41 s"),
            (Some(0.0), "tried again with the next request"),
        ] {
            let member = json!({
                "url": "ajp://a:8009", "route": "a", "state": "in error", "usable": false, "status": {}, "drained": false,
                "sessions": 0, "busy": 0, "elected": 1, "errors": 1, "loadfactor": 1, "lbset": 0, "retry_in": wait, "sticky": {},
            });
            assert_eq!(Member::of(member).unwrap().note(), expected);
        }
    }
}
