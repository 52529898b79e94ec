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
            true => wait(api, &arguments.named.balancer, member).await,
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

/// Looks at the member until the drain is over. Its route may be changed meanwhile, so its url names it.
///
/// A gateway that is restarted is away for a while, and may not know the member at first: only a program that has known the
/// member says that it is gone.
async fn wait(api: &mut Api, balancer: &str, mut member: Member) -> Result<ExitCode, ApiError> {
    let mut progress = Progress::new();
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
            match api.member(balancer, &member.url).await {
                Ok(Said::Member(value)) => {
                    answered = Instant::now();
                    break Member::of(value)?;
                }
                // Discovery removes a member when its drain is over, and who removes one by hand has decided the same.
                Ok(Said::Removed) => {
                    let (name, balancer) = (member.name(), plain(balancer));
                    progress.end(&format!("{name} is no longer a member of {balancer}"))?;
                    return Ok(ExitCode::SUCCESS);
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
