//! From rules of mod_jk to rules of which the first one counts.

use super::glob;
use super::mount::{Mount, Mounts};
use crate::convert::note::Notes;
use crate::convert::overlap::escaped;
use crate::convert::site::Takes;
use crate::field::Kind as _;
use crate::pattern::MatchText;
use crate::value::PathPrefix;

/// A step: these paths are sent on by a rule, or (`None`) not at all.
pub(super) struct Step<'a> {
    pub(super) takes: Takes,
    /// The rule that decides.
    pub(super) rule: Option<&'a Mount>,
    /// The line that it comes from: the rule, or the exclusion.
    pub(super) from: &'a Mount,
    /// Whether mod_jk does not send the path itself by this rule, but what is below it: `/app/*`.
    pub(super) below: bool,
}

/// The steps of a server's rules, which are sorted.
pub(super) fn steps<'a>(mounts: &'a Mounts, notes: &mut Notes) -> Vec<Step<'a>> {
    let mut steps: Vec<Step<'a>> = Vec::new();
    let mut written: Vec<&'a Mount> = Vec::new();
    let mut met: Vec<&'a Mount> = Vec::new();
    for (at, rule) in mounts.rules.iter().enumerate() {
        let later = mounts.rules.get(at..).unwrap_or_default();
        for exclusion in mounts.exclusions.iter().filter(|it| it.concerns(rule)) {
            if written.iter().any(|it| std::ptr::eq(*it, exclusion)) {
                continue;
            }
            let (patterns, whole) = taken_away(exclusion, rule, later, notes);
            if !patterns.is_empty() {
                met.push(exclusion);
            }
            if whole {
                written.push(exclusion);
            }
            let takes = patterns
                .iter()
                .filter_map(|pattern| excluding(pattern, exclusion, mounts, notes));
            steps.extend(takes.map(|takes| Step {
                takes,
                rule: None,
                from: exclusion,
                below: false,
            }));
        }
        sending(rule, mounts, &mut steps, notes);
    }
    for exclusion in &mounts.exclusions {
        if !met.iter().any(|it| it.origin == exclusion.origin) {
            let text = "left out: it takes no path away from a rule of its worker";
            notes.name(&exclusion.origin, text);
        }
    }
    steps
}

/// The patterns that an exclusion takes away from a rule, and whether nothing of the exclusion is left for later rules.
/// `later` begins with the rule.
fn taken_away(
    exclusion: &Mount,
    rule: &Mount,
    later: &[Mount],
    notes: &mut Notes,
) -> (Vec<String>, bool) {
    let Some(common) = glob::common(&rule.pattern, &exclusion.pattern) else {
        let text = "it takes all of its paths away here, also those that mod_jk leaves to other workers: write these as mappings";
        notes.name(&exclusion.origin, text);
        return (vec![exclusion.pattern.clone()], true);
    };
    if common.is_empty() {
        return (Vec::new(), false);
    }
    let meets = |other: &&Mount| {
        glob::common(&other.pattern, &exclusion.pattern).is_none_or(|common| !common.is_empty())
    };
    let mut others = later.iter().filter(meets);
    let whole = others.all(|other| exclusion.concerns(other))
        || glob::covers(&rule.pattern, &exclusion.pattern);
    match whole {
        true => (vec![exclusion.pattern.clone()], true),
        false => (common, false),
    }
}

/// Which paths a pattern of an exclusion takes away; `None`: it cannot be said.
fn excluding(
    pattern: &str,
    exclusion: &Mount,
    mounts: &Mounts,
    notes: &mut Notes,
) -> Option<Takes> {
    let part = Mount {
        pattern: pattern.to_owned(),
        ..exclusion.clone()
    };
    if let Some(folder) = part.folder() {
        // The folder's own path goes with it, unless a rule of its own sends it on.
        let own = mounts
            .decide(folder)
            .filter(|it| it.0.folder().is_none() && !it.1);
        if own.is_none() && PathPrefix::read(folder).is_ok() {
            return Some(Takes::Path(folder.to_owned()));
        }
    }
    plain(pattern, &part, notes)
}

/// Adds the steps of a rule that sends on.
fn sending<'a>(rule: &'a Mount, mounts: &'a Mounts, steps: &mut Vec<Step<'a>>, notes: &mut Notes) {
    let step = |takes| Step {
        takes,
        rule: Some(rule),
        from: rule,
        below: false,
    };
    let folder = rule
        .folder()
        .filter(|folder| PathPrefix::read(folder).is_ok());
    let Some(folder) = folder else {
        // `/app` beside `/app/*`: one path stands for both.
        let both = mounts
            .rules
            .iter()
            .any(|other| other.folder() == Some(&*rule.pattern) && is_same(other, rule));
        let decides = mounts
            .decide(&rule.pattern)
            .is_some_and(|it| std::ptr::eq(it.0, rule));
        let is_plain = !glob::is_wild(&rule.pattern);
        if !(is_plain && both && decides) {
            steps.extend(plain(&rule.pattern, rule, notes).map(step));
        }
        return;
    };
    // The folder's own path comes along, unless something else decides it.
    match mounts.decide(folder).filter(|_| folder != "/") {
        Some((other, false)) if !is_same(other, rule) && other.folder().is_none() => {
            steps.extend(plain(folder, other, notes).map(|takes| Step {
                takes,
                rule: Some(other),
                from: other,
                below: false,
            }));
        }
        Some((other, true)) => {
            let exclusion = mounts
                .exclusions
                .iter()
                .find(|it| it.concerns(other) && glob::takes(&it.pattern, folder));
            let takes = plain(folder, rule, notes);
            steps.extend(exclusion.zip(takes).map(|(from, takes)| Step {
                takes,
                rule: None,
                from,
                below: false,
            }));
        }
        _ => {}
    }
    let own = mounts.decide(folder).filter(|it| !it.1);
    steps.push(Step {
        below: folder != "/" && !own.is_some_and(|it| is_same(it.0, rule)),
        ..step(Takes::Path(folder.to_owned()))
    });
}

fn is_same(one: &Mount, other: &Mount) -> bool {
    one.worker == other.worker && one.extension == other.extension
}

/// The paths of a pattern, the folder's own path not among them.
fn plain(pattern: &str, mount: &Mount, notes: &mut Notes) -> Option<Takes> {
    if !glob::is_wild(pattern) {
        return Some(Takes::Exact(pattern.to_owned()));
    }
    let expression = expression(pattern);
    match MatchText::read(&expression) {
        Ok(_) => Some(Takes::Pattern(expression)),
        Err(fault) => {
            notes.name(&mount.origin, format!("left out: {}", fault.message));
            None
        }
    }
}

/// A pattern as an expression that takes the whole path.
fn expression(pattern: &str) -> String {
    let mut expression = String::from("^");
    for letter in pattern.chars() {
        match letter {
            '*' if expression.ends_with(".*") => {}
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            letter => expression.push_str(&escaped(&letter.to_string())),
        }
    }
    expression.push('$');
    expression
}
