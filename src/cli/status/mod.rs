//! `ajpgate status`: the balancers and members of a running gateway.

mod balancers;
mod screen;
mod table;

use std::process::ExitCode;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use self::balancers::Balancers;
use self::screen::Screen;
use super::api::{Api, ApiArgument, ApiError, with};
use super::process::{complain, show};
use super::signals::Signals;
use super::terminal::Terminal;

/// The time between two looks with `--watch`, as on the page of the manager.
const INTERVAL: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    api: ApiArgument,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
    /// Show it again every 2 seconds, until Ctrl-C
    #[arg(long)]
    watch: bool,
}

/// Shows the state of the gateway.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    with(&arguments.api, async |api| match arguments.watch {
        true => watch(api, arguments.json).await,
        false => {
            let terminal = Terminal::of_stdout();
            let text = match arguments.json {
                true => format!("{:#}\n", api.balancers().await?),
                false => table::text(&Balancers::of(api.balancers().await?)?, terminal),
            };
            show(&text)?;
            Ok(ExitCode::SUCCESS)
        }
    })
}

/// Shows the state again and again. That the gateway does not answer for a while, after it did once, is shown and ends
/// nothing.
async fn watch(api: &mut Api, json: bool) -> Result<ExitCode, ApiError> {
    let mut signals = Signals::new()?;
    let terminal = Terminal::of_stdout();
    let mut text = look(api, json, terminal).await?;
    let mut screen = (terminal.is_one && !json).then(Screen::open).transpose()?;
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        let is_read = match &mut screen {
            Some(screen) => screen.draw(&text)?,
            None => show(&text)?,
        };
        if !is_read {
            return Ok(ExitCode::SUCCESS);
        }
        let next = async {
            ticks.tick().await;
            look(api, json, terminal).await
        };
        text = tokio::select! {
            () = signals.stop() => return Ok(ExitCode::SUCCESS),
            next = next => match (next, &screen) {
                (Ok(text), _) => text,
                (Err(error), Some(_)) => format!("{}\n", error.reason()),
                (Err(error), None) => {
                    complain(format_args!("ajpgate: {}", error.reason()));
                    String::new()
                }
            },
        };
    }
}

/// One look: a table, or one line of JSON.
async fn look(api: &mut Api, json: bool, terminal: Terminal) -> Result<String, ApiError> {
    let value = api.balancers().await?;
    Ok(match json {
        true => format!("{value}\n"),
        false => table::text(&Balancers::of(value)?, terminal),
    })
}
