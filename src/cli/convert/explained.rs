//! `convert --explain`: what the old configuration does with a URL, what the new one does, and why they differ if they do.

use std::fmt::{self, Write as _};
use std::net::IpAddr;

use ajpgate_config::convert::{Asked, Converted, Deed, Origin, Remark, Told};
use anyhow::{Context as _, bail, ensure};

use super::compare::{self, difference};
use super::trial::Trial;
use crate::cli::explain::written_with_escapes;

/// What both do with one URL.
pub(super) struct Explained<'a> {
    url: &'a str,
    old: Told,
    new: Deed,
    /// The lines of the mapping in the YAML: the number of the first one, and its text with the comments above.
    mapping: Option<(usize, Vec<&'a str>)>,
    /// How they differ.
    difference: Option<String>,
    /// What was said about the lines that decide.
    remarks: Vec<&'a Remark>,
}

impl<'a> Explained<'a> {
    /// Asks both about a URL.
    ///
    /// # Errors
    ///
    /// The URL is none, or the YAML cannot be tried.
    pub(super) fn of(
        converted: &'a Converted,
        trial: &Trial,
        url: &'a str,
        from: IpAddr,
    ) -> anyhow::Result<Self> {
        let asked = asked(url, from)?;
        let old = converted.old.told(&asked).context("there is no old file")?;
        let (new, mapping) = trial.told(&asked, url, from)?;
        let mut difference = difference(&old.deed, &new);
        let is_path = mapping.is_some_and(|at| trial.is_path(at, &asked.path));
        // A page of its own has a reason of its own.
        let is_other = difference
            .as_ref()
            .is_some_and(|why| why != compare::SLASHES && !matches!(old.deed, Deed::Own(_)));
        if is_other && is_of_folder(converted, &asked, &old, &new, is_path) {
            difference = Some(compare::FOLDER.to_owned());
        }
        let mapping = mapping.and_then(|at| lines(&converted.written.text, at));
        let deciding: Vec<&Origin> = old.steps.iter().map(|it| &it.origin).collect();
        let unknown: Vec<&Origin> = old.unknown.iter().map(|it| &it.origin).collect();
        let by = mapping.as_ref().map_or(0, |it| it.0);
        let by = by
            .checked_sub(1)
            .and_then(|at| converted.written.origins.get(at));
        let by: Vec<&Origin> = by.into_iter().flatten().collect();
        let remarks = converted.remarks.iter().filter(|it| {
            let places = [&deciding, &unknown, &by];
            places.iter().any(|list| list.contains(&&it.origin))
        });
        let remarks = remarks.collect();
        Ok(Self {
            url,
            old,
            new,
            mapping,
            difference,
            remarks,
        })
    }

    /// Whether a difference, if there is one, has a reason: a remark, a comment, or slashes.
    #[cfg(test)]
    pub(super) fn has_reason(&self) -> bool {
        let comments = self.mapping.as_ref().map_or(&[][..], |it| &it.1);
        let mut comments = comments.iter();
        match &self.difference {
            None => true,
            Some(why) => {
                compare::REASONS.contains(&&**why)
                    || !self.remarks.is_empty()
                    || comments.any(|it| it.trim_start().starts_with('#'))
            }
        }
    }

    /// Whether both do the same, as far as a URL says it.
    pub(super) fn is_same(&self) -> bool {
        self.difference.is_none() && self.old.unknown.is_empty()
    }
}

impl fmt::Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("{}\n", self.url);
        let mut line = |label: &str, said: &dyn fmt::Display| {
            let _ = writeln!(text, "  {label:8}{said}");
        };
        line("old", &self.old.deed);
        for step in &self.old.steps {
            line("", &format_args!("{}: {}", step.origin, step.text));
        }
        line("new", &self.new);
        if let Some((number, lines)) = &self.mapping {
            let above = lines.iter().take_while(|it| it.starts_with("  # ")).count();
            for (number, text) in (number - above.min(number - 1)..).zip(lines) {
                line("", &format_args!("line {number}: {}", text.trim_start()));
            }
        }
        match (&self.difference, self.old.unknown.is_empty()) {
            (None, true) => line("same", &""),
            (None, false) => line("same", &"unless one of these decides:"),
            (Some(why), _) => line("differs", why),
        }
        for step in &self.old.unknown {
            line("", &format_args!("{}: {}", step.origin, step.text));
        }
        if self.difference.is_some() || !self.old.unknown.is_empty() {
            for remark in &self.remarks {
                line("remark", remark);
            }
        }
        // No blanks at the ends of lines.
        for line in text.lines() {
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Whether they differ because the old server tells a path from the same path with a slash at its end. `is_path`: the new one
/// has a mapping of just this path.
fn is_of_folder(
    converted: &Converted,
    asked: &Asked,
    old: &Told,
    new: &Deed,
    is_path: bool,
) -> bool {
    if asked.path.ends_with('/') {
        return false;
    }
    let path = format!("{}/", asked.path);
    let folder = Asked {
        path,
        ..asked.clone()
    };
    converted.old.told(&folder).is_some_and(|folder| {
        compare::is_alike(&folder.deed, new) || is_path && folder.steps != old.steps
    })
}

/// The request of a URL.
fn asked(url: &str, from: IpAddr) -> anyhow::Result<Asked> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let secure = match scheme {
        "http" => false,
        "https" => true,
        _ => bail!("{scheme}: clients speak http or https"),
    };
    let is_path = !url.contains("://");
    let end = match is_path {
        true => 0,
        false => rest.find(['/', '?', '#']).unwrap_or(rest.len()),
    };
    let (authority, target) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let target = target.split('#').next().unwrap_or_default();
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (target, None),
    };
    let path = if path.is_empty() { "/" } else { path };
    written_with_escapes(path)?;
    ensure!(
        path.starts_with('/'),
        "{url}: neither a URL nor a path; is it http://{url}?"
    );
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            let port = port.parse().ok();
            (
                host,
                Some(port.with_context(|| format!("{url}: the port is none"))?),
            )
        }
        _ => (authority, None),
    };
    ensure!(is_path || !host.is_empty(), "{url}: there is no host");
    Ok(Asked {
        secure,
        host: match host {
            "" => "localhost".to_owned(),
            host => host.to_ascii_lowercase(),
        },
        port,
        path: path.to_owned(),
        query,
        from,
    })
}

/// The lines of a mapping in the YAML by its index, the comments above it among them, with the number of the first line of the
/// mapping itself.
fn lines(yaml: &str, index: usize) -> Option<(usize, Vec<&str>)> {
    let all: Vec<&str> = yaml.lines().collect();
    let start = all.iter().position(|line| *line == "proxy_pass:")? + 1;
    let is_item = |line: &&str| line.starts_with("  - ");
    let mut items = all.iter().enumerate().skip(start);
    let (at, _) = items
        .by_ref()
        .filter(|(_, line)| is_item(line))
        .nth(index)?;
    let above = all.get(start..at)?.iter().rev();
    let comments = above.take_while(|line| line.starts_with("  # ")).count();
    let below = all.get(at + 1..)?.iter();
    let own = below.take_while(|line| line.starts_with("    ")).count();
    let found = all.get(at - comments..=at + own)?;
    Some((at + 1, found.to_vec()))
}
