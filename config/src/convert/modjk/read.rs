//! Properties of workers: lines that come again, variables, and `reference`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::lex;
use super::options::Options;
use crate::convert::files::unreadable;
use crate::convert::note::{Failure, Notes, Origin};

/// Most bytes of a file, and of all values together with their variables filled in.
const MOST_BYTES: usize = 16 << 20;
/// Most workers that refer to one another in a row (`common/jk_map.c: JK_MAP_RECURSION`).
const LONGEST_CHAIN: usize = 20;
/// Most properties that references copy.
const MOST_COPIES: usize = 200_000;

/// A property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Property {
    pub(super) value: String,
    /// The line that has set it; of a list the first one.
    pub(super) origin: Origin,
}

/// The properties of workers by their keys, such as `worker.NAME.host`.
#[derive(Debug, Default)]
pub(super) struct Properties {
    found: BTreeMap<String, Property>,
    /// Keys that something has asked for.
    used: RefCell<BTreeSet<String>>,
    bytes: usize,
}

impl Properties {
    /// The value of a key, which counts as used from now on.
    pub(super) fn get(&self, key: &str) -> Option<&Property> {
        let found = self.found.get(key)?;
        self.used.borrow_mut().insert(key.to_owned());
        Some(found)
    }

    /// Whether a key was asked for.
    pub(super) fn is_used(&self, key: &str) -> bool {
        self.used.borrow().contains(key)
    }

    /// All of them in the order of their keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Property)> {
        self.found.iter()
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is too long.
    pub(super) fn read(
        &mut self,
        file: &Path,
        place: &Origin,
        options: &Options<'_>,
        notes: &mut Notes,
    ) -> Result<(), Failure> {
        let (name, lines) = open(file, place, options, notes)?;
        for line in lines.said {
            let origin = Origin {
                file: Arc::clone(&name),
                line: line.number,
            };
            self.set(&line.key, &line.value, origin, options, notes)?;
        }
        Ok(())
    }

    /// Sets a property: lists grow, of every other key the last line counts.
    ///
    /// # Errors
    ///
    /// The values are too long with their variables.
    pub(super) fn set(
        &mut self,
        key: &str,
        value: &str,
        origin: Origin,
        options: &Options<'_>,
        notes: &mut Notes,
    ) -> Result<(), Failure> {
        let value = self.filled_in(value, options);
        self.bytes = self.bytes.saturating_add(value.len());
        if self.bytes > MOST_BYTES {
            let text = format!("more than {} MiB of properties", MOST_BYTES >> 20);
            return Err(Failure { origin, text });
        }
        match self.found.get_mut(key) {
            Some(known) if is_list(key) => {
                known.value.push(',');
                known.value.push_str(&value);
                if key.ends_with(".balanced_workers") {
                    let text = "its members are added to those of the line before; mod_jk finds none of them, and answers 503, where \
                                balanced_workers stands twice: write balance_workers";
                    notes.name(&origin, text);
                }
            }
            Some(known) => {
                let whose = match origin.file == known.origin.file {
                    true => String::new(),
                    false => format!(" of {}", origin.file),
                };
                let text = format!(
                    "left out, as in mod_jk: line {}{whose} sets it again",
                    origin.line
                );
                let before = std::mem::replace(known, Property { value, origin });
                notes.name(&before.origin, text);
            }
            None => {
                self.found
                    .insert(key.to_owned(), Property { value, origin });
            }
        }
        Ok(())
    }

    /// `$(NAME)`: an earlier property, else a variable of the environment, else itself.
    fn filled_in(&self, text: &str, options: &Options<'_>) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("$(") {
            let Some((name, after)) = behind.split_once(')') else {
                break;
            };
            filled.push_str(before);
            let known = self.get(name).map(|known| known.value.clone());
            match known.or_else(|| (options.env)(name)) {
                Some(value) => filled.push_str(&value),
                None => {
                    filled.push_str("$(");
                    filled.push_str(name);
                    filled.push(')');
                }
            }
            rest = after;
            if filled.len() > MOST_BYTES {
                break;
            }
        }
        filled.push_str(rest);
        filled
    }

    /// Follows `worker.NAME.reference`: what NAME does not set itself is that of the worker that it refers to.
    ///
    /// # Errors
    ///
    /// The references copy too much.
    pub(super) fn resolve(&mut self, notes: &mut Notes) -> Result<(), Failure> {
        let referring: Vec<(String, Origin)> = self
            .found
            .iter()
            .filter_map(|(key, it)| {
                Some((
                    key.strip_suffix(".reference")?.to_owned(),
                    it.origin.clone(),
                ))
            })
            .collect();
        let mut copies: Vec<(String, Property)> = Vec::new();
        for (worker, origin) in referring {
            for from in self.chain(&worker, &origin, notes) {
                let start = format!("{from}.");
                let behind = self.found.range(start.clone()..);
                let own = behind.take_while(|(key, _)| key.starts_with(&start));
                for (key, property) in own {
                    let rest = key.get(start.len()..).unwrap_or_default();
                    self.used.borrow_mut().insert(key.clone());
                    copies.push((format!("{worker}.{rest}"), property.clone()));
                }
                if copies.len() > MOST_COPIES {
                    let text = format!("references copy more than {MOST_COPIES} properties");
                    return Err(Failure { origin, text });
                }
            }
        }
        for (key, property) in copies {
            self.found.entry(key).or_insert(property);
        }
        Ok(())
    }

    /// The workers that one refers to, the nearest first. A loop is named.
    fn chain(&self, worker: &str, origin: &Origin, notes: &mut Notes) -> Vec<String> {
        let mut chain: Vec<String> = Vec::new();
        let mut at = worker.to_owned();
        while let Some(next) = self.get(&format!("{at}.reference")) {
            let next = next.value.clone();
            if next == worker || chain.contains(&next) {
                notes.name(
                    origin,
                    format!("reference: {next} refers to itself in a loop"),
                );
                break;
            }
            if chain.len() >= LONGEST_CHAIN {
                let text =
                    format!("reference: more than {LONGEST_CHAIN} in a row; the rest is left out");
                notes.name(origin, text);
                break;
            }
            chain.push(next.clone());
            at = next;
        }
        chain
    }
}

/// The lines of a file. What mod_jk does not read of it is named.
///
/// # Errors
///
/// It cannot be read, or is too long.
pub(super) fn open(
    file: &Path,
    place: &Origin,
    options: &Options<'_>,
    notes: &mut Notes,
) -> Result<(Arc<str>, lex::Lines), Failure> {
    let fail = |text: String| Failure {
        origin: place.clone(),
        text,
    };
    let bytes = options
        .files
        .read(file)
        .map_err(|why| fail(format!("cannot read {}: {why}", file.display())))?;
    if let Some(why) = unreadable(&bytes) {
        return Err(fail(format!("cannot read {}: {why}", file.display())));
    }
    if bytes.len() > MOST_BYTES {
        let text = format!("{} is longer than {} MiB", file.display(), MOST_BYTES >> 20);
        return Err(fail(text));
    }
    let name: Arc<str> = Arc::from(&*file.to_string_lossy());
    notes.open(&name);
    let lines = lex::lines(&bytes);
    let origin = |line: u32| Origin {
        file: Arc::clone(&name),
        line,
    };
    if lines.marked {
        let text = "left out: mod_jk does not know the line either, because of the byte order mark (BOM) before it";
        notes.name(&origin(1), text);
    }
    for line in &lines.unread {
        let text = "left out: mod_jk does not read it, it is no `key=value`";
        notes.name(&origin(*line), text);
    }
    Ok((name, lines))
}

/// Keys whose lines join (`common/jk_util.c: jk_is_list_property()`), and the old name of one, whose lines are meant to.
fn is_list(key: &str) -> bool {
    let property = key.rsplit('.').next().unwrap_or_default();
    key == "worker.list" || matches!(property, "balance_workers" | "balanced_workers" | "mount")
}
