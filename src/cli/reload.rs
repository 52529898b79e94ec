//! `ajpgate reload`: the gateway reads its configuration again.

use std::process::ExitCode;

use serde_json::Value;

use super::api::{ApiArgument, with};
use super::process::show;
use super::terminal::plain;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    api: ApiArgument,
}

/// Reloads; exit code 2 when the file has problems, which are printed as `check` does.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    with(&arguments.api, async |api| {
        let done = api.reload().await?;
        let later = done.get("from_next_start").and_then(Value::as_array);
        let later = later.into_iter().flatten().filter_map(Value::as_str);
        let later: Vec<String> = later.map(plain).collect();
        let mut text = "the configuration was read again\n".to_owned();
        if !later.is_empty() {
            text.push_str(&format!("from the next start on: {}\n", later.join(", ")));
        }
        show(&text)?;
        Ok(ExitCode::SUCCESS)
    })
}
