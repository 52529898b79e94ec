//! `ajpgate drain`: a member gets no new sessions, until it can be stopped.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::api::{Api, ApiArgument, ApiError, Said, with};
use super::member::{Member, MemberArguments};
use super::process::{FAILED, show};
use super::terminal::{Terminal, plain};

/// The time between two looks with `--wait`.
const INTERVAL: Duration = Duration::from_millis(500);

/// The longest time for which the gateway may be away while it is waited for: it is restarted, say.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is said at last where another program does not know the member.
const UNKNOWN: &str = "the gateway was started anew and does not know this member, so it cannot say whether it can be stopped";

/// What is said at last where a gateway does not tell the requests of a member that was removed.
const UNTOLD: &str = "and the gateway does not say whether its requests are done";

/// Clears the line of a terminal that the cursor is in, and goes to its start.
const AGAIN: &str = "\r\x1b[K";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    api: ApiArgument,
    #[command(flatten)]
    named: MemberArguments,
    /// Wait until the member can be stopped; exit code 1 when the drain is undone meanwhile
    #[arg(long)]
    wait: bool,
}

/// Drains a member.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    with(&arguments.api, async |api| {
        let change = json!({ "status": { "drain": true } });
        let member = api.change(&arguments.named.balancer, &arguments.named.member, &change);
        let member = Member::of(member.await?)?;
        match arguments.wait {
            true => wait(api, &arguments.named.balancer, member, &mut Progress::new()).await,
            false => {
                let what = match member.drained {
                    true => "can be stopped".to_owned(),
                    false => format!("drains: {}", member.left()),
                };
                show(&format!("{} {what}\n", member.name()))?;
                Ok(ExitCode::SUCCESS)
            }
        }
    })
}

/// Who is asked what the gateway says of a member.
trait Look {
    async fn look(&mut self, balancer: &str, url: &str) -> Result<Said, ApiError>;
}

impl Look for Api {
    async fn look(&mut self, balancer: &str, url: &str) -> Result<Said, ApiError> {
        self.member(balancer, url).await
    }
}

/// Looks at the member until the drain is over. Its route may be changed meanwhile, so its url names it.
///
/// A gateway that is restarted is away for a while, and may not know the member at first: only a program that has known the
/// member says that it is gone.
async fn wait(
    gateway: &mut impl Look,
    balancer: &str,
    mut member: Member,
    progress: &mut Progress,
) -> Result<ExitCode, ApiError> {
    let mut answered = Instant::now();
    loop {
        if !member.status.drain {
            progress.end(&format!("the drain of {} was undone", member.name()))?;
            return Ok(ExitCode::from(FAILED));
        }
        if member.drained {
            progress.end(&format!("{} can be stopped", member.name()))?;
            return Ok(ExitCode::SUCCESS);
        }
        progress.tell(&format!("{} drains: {}", member.name(), member.left()))?;
        member = loop {
            sleep(INTERVAL).await;
            let is_late = answered.elapsed() >= PATIENCE;
            match gateway.look(balancer, &member.url).await {
                Ok(Said::Member(value)) => {
                    answered = Instant::now();
                    break Member::of(value)?;
                }
                // It gets no request any more, and can be stopped when those that it has are done.
                Ok(Said::Removed(Some(requests @ 1..))) => {
                    answered = Instant::now();
                    let name = member.name();
                    let plural = if requests == 1 { "" } else { "s" };
                    progress.tell(&format!(
                        "{name} was removed: {requests} request{plural} under way"
                    ))?;
                }
                Ok(Said::Removed(requests)) => {
                    let (name, balancer) = (member.name(), plain(balancer));
                    let gone = format!("{name} is no longer a member of {balancer}");
                    let (what, code) = match requests {
                        Some(_) => (gone, ExitCode::SUCCESS),
                        None => (format!("{gone}, {UNTOLD}"), ExitCode::from(FAILED)),
                    };
                    progress.end(&what)?;
                    return Ok(code);
                }
                Ok(Said::Unknown) if is_late => {
                    progress.end(&format!("{UNKNOWN}: {}", member.name()))?;
                    return Ok(ExitCode::from(FAILED));
                }
                Ok(Said::Unknown) => {
                    let name = member.name();
                    progress.tell(&format!(
                        "{name} is not known to the gateway that has started"
                    ))?;
                }
                Err(error) if error.may_pass() && !is_late => {}
                Err(error) => return Err(error),
            }
        };
    }
}

/// What is told while time passes: one line that changes on a terminal, else a line for each change.
struct Progress {
    terminal: Terminal,
    last: String,
}

impl Progress {
    fn new() -> Self {
        Self {
            terminal: Terminal::of_stdout(),
            last: String::new(),
        }
    }

    fn tell(&mut self, what: &str) -> Result<(), ApiError> {
        if self.last == what {
            return Ok(());
        }
        what.clone_into(&mut self.last);
        // A pipe whose reader has gone does not end the wait: its exit code is what scripts want.
        match self.terminal.is_one {
            true => show(&format!("{AGAIN}{what}"))?,
            false => show(&format!("{what}\n"))?,
        };
        Ok(())
    }

    fn end(&self, what: &str) -> Result<(), ApiError> {
        let again = if self.terminal.is_one { AGAIN } else { "" };
        show(&format!("{again}{what}\n"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// A gateway that says what it is told to, by seconds since the start.
    struct Scripted<F> {
        began: Instant,
        says: F,
    }

    impl<F: FnMut(u64) -> Result<Said, ApiError>> Look for Scripted<F> {
        async fn look(&mut self, _: &str, _: &str) -> Result<Said, ApiError> {
            (self.says)(self.began.elapsed().as_secs())
        }
    }

    fn member(drains: bool, drained: bool) -> Value {
        json!({
            "url": "ajp://a:8009", "route": "a", "state": "drains", "usable": true, "status": { "drain": drains },
            "drained": drained, "sessions": 1, "busy": 0, "elected": 1, "errors": 0, "loadfactor": 1, "lbset": 0,
            "retry_in": null, "sticky": {},
        })
    }

    fn drains() -> Result<Said, ApiError> {
        Ok(Said::Member(member(true, false)))
    }

    fn away() -> Result<Said, ApiError> {
        Err(ApiError::Unreachable("refused".to_owned()))
    }

    /// Waits; returns how that has ended, and after how many seconds.
    async fn waits(
        says: impl FnMut(u64) -> Result<Said, ApiError>,
    ) -> (Result<ExitCode, ApiError>, u64) {
        let began = Instant::now();
        let mut gateway = Scripted { began, says };
        let member = Member::of(member(true, false)).unwrap();
        let ended = wait(&mut gateway, "shop", member, &mut Progress::new()).await;
        (ended, began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_gateway_may_be_away_for_a_minute() {
        let (ended, after) = waits(|_| away()).await;
        assert!(matches!(ended, Err(ApiError::Unreachable(_))), "{ended:?}");
        assert_eq!(after, 60);
        // Each answer begins another minute.
        let (ended, after) = waits(|second| match second {
            59 | 118 => drains(),
            178.. => Ok(Said::Member(member(true, true))),
            _ => away(),
        })
        .await;
        assert_eq!(ended.unwrap(), ExitCode::SUCCESS);
        assert_eq!(after, 178);
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_that_does_not_know_the_member_has_a_minute_to_find_it() {
        let (ended, after) = waits(|_| Ok(Said::Unknown)).await;
        assert_eq!(ended.unwrap(), ExitCode::from(FAILED));
        assert_eq!(after, 60);
        let (ended, after) = waits(|second| match second {
            ..59 => Ok(Said::Unknown),
            _ => Ok(Said::Member(member(false, false))),
        })
        .await;
        assert_eq!(
            ended.unwrap(),
            ExitCode::from(FAILED),
            "the drain was undone"
        );
        assert_eq!(after, 59);
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_pass_ends_the_wait_at_once_and_a_drain_has_no_bound() {
        let usage = || Err(ApiError::Usage("no such file".to_owned()));
        let (ended, after) = waits(|second| if second < 7_200 { drains() } else { usage() }).await;
        assert!(matches!(ended, Err(ApiError::Usage(_))), "{ended:?}");
        assert_eq!(after, 7_200);
        let (ended, after) = waits(|second| {
            if second < 5 {
                away()
            } else {
                Ok(Said::Removed(Some(0)))
            }
        })
        .await;
        assert_eq!(ended.unwrap(), ExitCode::SUCCESS);
        assert_eq!(after, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn the_requests_of_a_removed_member_are_waited_for() {
        let (ended, after) = waits(|second| match second {
            ..300 => Ok(Said::Removed(Some(2))),
            _ => Ok(Said::Removed(Some(0))),
        })
        .await;
        assert_eq!(ended.unwrap(), ExitCode::SUCCESS);
        assert_eq!(after, 300);
        let (ended, after) = waits(|_| Ok(Said::Removed(None))).await;
        assert_eq!(ended.unwrap(), ExitCode::from(FAILED));
        assert_eq!(after, 0);
    }
}
