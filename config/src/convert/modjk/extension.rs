//! What stands behind `;` of a rule (`common/jk_uri_worker_map.c: parse_rule_extensions()`).

use super::worker::{names, number};
use crate::convert::note::{Notes, Origin};

/// The words behind a rule's worker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Extension {
    /// Milliseconds.
    pub(super) reply_timeout: Option<u64>,
    /// Sessions count for nothing.
    pub(super) sticky_ignore: bool,
    /// Statuses that put a member in error.
    pub(super) fail_on_status: Option<String>,
    pub(super) session_cookie: Option<String>,
    pub(super) session_path: Option<String>,
    /// Members of the rule by what it wants of them: `active`, `disabled`, `stopped`.
    pub(super) members: Vec<(Activation, String)>,
}

/// What is wanted of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activation {
    Active,
    Disabled,
    Stopped,
}

impl Extension {
    /// Whether a balancer of its own is wanted for it.
    pub(super) fn changes_balancer(&self) -> bool {
        let plain = Self {
            reply_timeout: self.reply_timeout,
            ..Self::default()
        };
        *self != plain
    }
}

/// The worker of a rule, and what stands behind it. Words that have no counterpart are named.
pub(super) fn split(value: &str, origin: &Origin, notes: &mut Notes) -> (String, Extension) {
    let mut words = value.split(';');
    let worker = words.next().unwrap_or_default();
    // A blank before `;` is a part of the worker's name.
    let worker = match value.contains(';') {
        true => worker.trim_start().to_owned(),
        false => worker.trim().to_owned(),
    };
    let mut extension = Extension::default();
    for word in words.filter(|word| !word.is_empty()) {
        if let Err(why) = take(&mut extension, word) {
            notes.name(origin, why);
        }
    }
    (worker, extension)
}

fn take(extension: &mut Extension, word: &str) -> Result<(), String> {
    let (key, text) = word.split_once('=').unwrap_or((word, ""));
    match key {
        "reply_timeout" => match number(text).map(u64::try_from) {
            Some(Ok(time)) => extension.reply_timeout = Some(time),
            _ => {
                return Err(format!(
                    "reply_timeout={text} is left out: it is no number of milliseconds"
                ));
            }
        },
        // A number, unlike the switches of workers.
        "sticky_ignore" => {
            let digits = text.trim_start().trim_start_matches(['+', '-']);
            let digits = digits.trim_start_matches('0');
            extension.sticky_ignore = digits.starts_with(|it: char| it.is_ascii_digit());
        }
        "fail_on_status" => extension.fail_on_status = Some(text.to_owned()),
        "session_cookie" => extension.session_cookie = Some(text.to_owned()),
        "session_path" => extension.session_path = Some(text.to_owned()),
        "active" | "disabled" | "stopped" => {
            let wanted = match key {
                "active" => Activation::Active,
                "disabled" => Activation::Disabled,
                _ => Activation::Stopped,
            };
            let members = names(text)
                .into_iter()
                .map(|name| (wanted, name.to_owned()));
            extension.members.extend(members);
        }
        "use_server_errors" => {
            return Err(
                "use_server_errors is left out: `error_override` counts for all mappings"
                    .to_owned(),
            );
        }
        "stateless" => {
            return Err(
                "stateless is left out: each request counts for the choice of a member".to_owned(),
            );
        }
        _ => {
            let blank = if key.starts_with(' ') {
                ", a blank before it makes it unknown"
            } else {
                ""
            };
            return Err(format!(
                "{} is left out: mod_jk knows no such word behind `;` of a rule{blank}",
                key.trim()
            ));
        }
    }
    Ok(())
}
