//! `RewriteCond`, and the variables of mod_rewrite that a URL says.

use super::super::super::super::tree::Node;
use super::super::super::rewrites;
use super::super::request::Request;
use super::super::substitution::{Captured, expanded};
use crate::convert::note::Origin;
use regex::Regex;

/// A condition.
pub(super) struct Condition<'a> {
    pub(super) origin: &'a Origin,
    test: String,
    pattern: String,
    any_case: bool,
    /// Whether the next condition is enough too.
    or_next: bool,
}

impl<'a> Condition<'a> {
    pub(super) fn of(node: &'a Node) -> Self {
        let words = rewrites::words(&node.arguments);
        let word = |at: usize| words.get(at).cloned().unwrap_or_default();
        let flags = word(2).to_ascii_lowercase();
        let flags = flags.trim_start_matches('[').trim_end_matches(']');
        let has = |names: [&str; 2]| flags.split(',').any(|it| names.contains(&it.trim()));
        Self {
            origin: &node.origin,
            test: word(0),
            pattern: word(1),
            any_case: has(["nc", "nocase"]),
            or_next: has(["or", "ornext"]),
        }
    }

    /// Whether it holds, with what it captured.
    ///
    /// # Errors
    ///
    /// What it depends on, which a URL does not say.
    fn holds(
        &self,
        rule: &Captured,
        last: &Captured,
        request: &Request<'_>,
    ) -> Result<Option<Captured>, String> {
        let text = expanded(&self.test, rule, last, &|name| variable(name, request))?;
        let (is_negated, pattern) = match self.pattern.strip_prefix('!') {
            Some(pattern) => (true, pattern),
            None => (false, &*self.pattern),
        };
        let unknown = || format!("{} {}", self.test, self.pattern);
        if let Some(wanted) = pattern.strip_prefix('=') {
            let same = match self.any_case {
                true => wanted.trim_matches('"').eq_ignore_ascii_case(&text),
                false => wanted.trim_matches('"') == text,
            };
            return Ok((same != is_negated).then(Captured::default));
        }
        if pattern.starts_with(['<', '>', '-']) || self.test.eq_ignore_ascii_case("expr") {
            // Files, numbers and expressions of httpd's own.
            return Err(unknown());
        }
        let start = if self.any_case { "(?i)" } else { "" };
        let regex = Regex::new(&format!("{start}{pattern}")).map_err(|_| unknown())?;
        Ok(match (regex.captures(&text), is_negated) {
            (Some(captures), false) => Some(Captured::of(&captures)),
            (None, true) => Some(Captured::default()),
            _ => None,
        })
    }
}

/// Whether the conditions of a rule hold.
pub(super) enum Held<'a> {
    /// With what the last one captured.
    Yes(Captured),
    No,
    /// It depends on this condition, and what it asks for.
    Unknown(&'a Origin, String),
}

/// Whether all conditions hold; of those with `[OR]` between them one is enough.
pub(super) fn hold<'a>(
    conditions: &[Condition<'a>],
    rule: &Captured,
    request: &Request<'_>,
) -> Held<'a> {
    let mut last = Captured::default();
    let mut unknown: Option<(&'a Origin, String)> = None;
    for group in conditions.split_inclusive(|it| !it.or_next) {
        let mut open: Option<(&'a Origin, String)> = None;
        let mut found = None;
        for condition in group {
            match condition.holds(rule, &last, request) {
                Ok(Some(captured)) => {
                    found = Some(captured);
                    break;
                }
                Ok(None) => {}
                Err(_) => {
                    let shown = format!("{} {}", condition.test, condition.pattern);
                    open.get_or_insert((condition.origin, shown));
                }
            }
        }
        match (found, open) {
            (Some(captured), _) => last = captured,
            (None, Some(open)) => drop(unknown.get_or_insert(open)),
            (None, None) => return Held::No,
        }
    }
    match unknown {
        Some((origin, what)) => Held::Unknown(origin, what),
        None => Held::Yes(last),
    }
}

/// A variable of mod_rewrite; `None`: a URL does not say it.
pub(super) fn variable(name: &str, request: &Request<'_>) -> Option<String> {
    let asked = request.asked;
    let host = || match asked.port {
        Some(port) => format!("{}:{port}", asked.host),
        None => asked.host.clone(),
    };
    Some(match &*name.to_ascii_uppercase() {
        "HTTPS" => if asked.secure { "on" } else { "off" }.to_owned(),
        "REQUEST_SCHEME" => asked.scheme().to_owned(),
        "SERVER_PORT" => asked.port().to_string(),
        "SERVER_NAME" => asked.host.clone(),
        "HTTP_HOST" | "HTTP:HOST" => host(),
        "REQUEST_METHOD" => "GET".to_owned(),
        "REQUEST_URI" | "REQUEST_FILENAME" | "SCRIPT_FILENAME" => request.path.clone(),
        "QUERY_STRING" => request.query.clone().unwrap_or_default(),
        "REMOTE_ADDR" => asked.from.to_canonical().to_string(),
        "IS_SUBREQ" => "false".to_owned(),
        // A URL asks for no other protocol.
        "HTTP:UPGRADE" | "HTTP:CONNECTION" => String::new(),
        _ => return None,
    })
}
