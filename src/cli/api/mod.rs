//! The admin API of a running gateway, as commands use it.
//!
//! ```text
//!   argument → place → Api → exchange        where, who asks, one request after the other
//!               trust                        which certificate an https admin listener may show
//! ```

mod argument;
mod exchange;
mod place;
mod refusal;
mod trust;

use std::process::ExitCode;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::time::{Instant, sleep};

pub(super) use self::argument::ApiArgument;
use self::exchange::exchange;
use self::place::Place;
pub(super) use self::refusal::ApiError;
use super::process::{block_on, complain};

/// The longest time for one request.
const LIMIT: Duration = Duration::from_secs(10);

/// The longest time for a reload: the gateway reads certificates and other files, and answers those who asked before.
const RELOAD_LIMIT: Duration = Duration::from_secs(60);

/// The longest time until a gateway takes changes that a new program is about to replace. The new program has 10 s.
const TAKEOVER: Duration = Duration::from_secs(15);

/// The pause before a request is repeated.
const PAUSE: Duration = Duration::from_millis(250);

/// What stands in a part of a path as it is (RFC 3986 section 2.3).
const PART: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The admin API of one gateway.
pub(super) struct Api {
    place: Place,
    /// The program that has answered last.
    program: Option<HeaderValue>,
    /// The program that has shown the member last.
    knew: Option<HeaderValue>,
    /// What the last answer has told of the requests of a member that is not there.
    requests: Option<u64>,
}

/// What a gateway says of a member.
pub(super) enum Said {
    /// The member as the API shows it.
    Member(Value),
    /// The program that knew it knows it no longer: it was removed. So many of its requests are under way, where the gateway
    /// tells.
    Removed(Option<u64>),
    /// Another program answers by now, which does not know it: it may have just started.
    Unknown,
}

/// Runs a command against the API that the arguments name. What keeps it from succeeding is printed to stderr.
pub(super) fn with(
    argument: &ApiArgument,
    command: impl AsyncFnOnce(&mut Api) -> Result<ExitCode, ApiError>,
) -> anyhow::Result<ExitCode> {
    let done = block_on(async {
        let place = Place::of(argument)?;
        let mut api = Api {
            place,
            program: None,
            knew: None,
            requests: None,
        };
        command(&mut api).await
    })?;
    Ok(done.unwrap_or_else(|error| {
        complain(error.lines());
        ExitCode::from(error.code())
    }))
}

impl Api {
    /// All balancers.
    pub(super) async fn balancers(&mut self) -> Result<Value, ApiError> {
        self.ask(&Method::GET, "/api/v1/balancers", None, LIMIT)
            .await
    }

    /// A member as it is now.
    pub(super) async fn member(&mut self, balancer: &str, member: &str) -> Result<Said, ApiError> {
        let path = path(balancer, member);
        match self.ask(&Method::GET, &path, None, LIMIT).await {
            Err(ApiError::Refused { status, .. }) if status == StatusCode::NOT_FOUND => {
                let knew_it = self.program.is_some() && self.program == self.knew;
                Ok(match knew_it {
                    true => Said::Removed(self.requests),
                    false => Said::Unknown,
                })
            }
            asked => {
                let member = asked?;
                self.knew.clone_from(&self.program);
                Ok(Said::Member(member))
            }
        }
    }

    /// Changes a member; returns it as it is then.
    pub(super) async fn change(
        &mut self,
        balancer: &str,
        member: &str,
        change: &Value,
    ) -> Result<Value, ApiError> {
        let path = path(balancer, member);
        let change = Some(change.to_string());
        let changed = self.ask(&Method::PATCH, &path, change, LIMIT).await?;
        self.knew.clone_from(&self.program);
        Ok(changed)
    }

    /// Lets the gateway read its file again.
    pub(super) async fn reload(&mut self) -> Result<Value, ApiError> {
        self.ask(&Method::POST, "/api/v1/reload", None, RELOAD_LIMIT)
            .await
    }

    /// Sends a request. A gateway that is just being replaced by a new program refuses changes (503) or closes its
    /// connections: then the request is sent again. No request of these commands does something else the second time.
    async fn ask(
        &mut self,
        method: &Method,
        path: &str,
        body: Option<String>,
        limit: Duration,
    ) -> Result<Value, ApiError> {
        let begun = Instant::now();
        let mut was_lost = false;
        loop {
            let body = body.clone().unwrap_or_default();
            let answer = match exchange(&self.place, method, path, body, limit).await {
                Err(ApiError::Lost(_)) if !was_lost => {
                    was_lost = true;
                    continue;
                }
                answer => answer?,
            };
            self.program.clone_from(&answer.program);
            self.requests = answer.requests;
            let wants_basic = answer.status == StatusCode::UNAUTHORIZED && answer.asks_for_password;
            if wants_basic && self.place.take_token_for_password() {
                continue;
            }
            let is_busy = answer.status == StatusCode::SERVICE_UNAVAILABLE;
            if is_busy && begun.elapsed() < TAKEOVER {
                sleep(PAUSE).await;
                continue;
            }
            return answer.value(&self.place);
        }
    }
}

/// The path of a member, which is named by its route or url. The name of a balancer may be written as `balancer://NAME`.
fn path(balancer: &str, member: &str) -> String {
    let balancer = balancer.strip_prefix("balancer://").unwrap_or(balancer);
    let [balancer, member] = [balancer, member].map(|part| utf8_percent_encode(part, PART));
    format!("/api/v1/balancers/{balancer}/members/{member}")
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn members_are_named_in_one_part_of_the_path() {
        for (balancer, member, expected) in [
            ("shop", "node1", "shop/members/node1"),
            ("balancer://shop", "n 1/2", "shop/members/n%201%2F2"),
            (
                "sh?p",
                "ajp://h:8009",
                "sh%3Fp/members/ajp%3A%2F%2Fh%3A8009",
            ),
            ("shop", "knöten", "shop/members/kn%C3%B6ten"),
        ] {
            let expected = format!("/api/v1/balancers/{expected}");
            assert_eq!(path(balancer, member), expected);
        }
    }
}
