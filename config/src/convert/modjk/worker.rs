//! One worker's properties, with the defaults and number forms of mod_jk.

use super::read::{Properties, Property};
use crate::convert::note::Notes;

/// A worker by its name, which need not be defined.
#[derive(Debug, Clone, Copy)]
pub(super) struct Worker<'a> {
    pub(super) name: &'a str,
    properties: &'a Properties,
}

/// What a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ajp,
    Balancer,
    Status,
    Unknown,
}

impl<'a> Worker<'a> {
    pub(super) fn new(name: &'a str, properties: &'a Properties) -> Self {
        Self { name, properties }
    }

    /// The first of some properties that is set; the others are old names of it.
    pub(super) fn get(&self, names: &[&str]) -> Option<&'a Property> {
        let key = |name: &&str| format!("worker.{}.{name}", self.name);
        let mut set = names
            .iter()
            .filter_map(|name| self.properties.get(&key(name)));
        let first = set.next();
        // The others count as used.
        set.for_each(drop);
        first
    }

    /// What it is; `ajp13` where nothing is said.
    pub(super) fn kind(&self) -> Kind {
        match self.get(&["type"]).map(|it| &*it.value) {
            None | Some("ajp13" | "ajp14") => Kind::Ajp,
            Some("lb") => Kind::Balancer,
            Some("status") => Kind::Status,
            Some(_) => Kind::Unknown,
        }
    }

    /// A whole number; `k` and `m` stand for 1024 and its square. One that mod_jk does not understand is named.
    pub(super) fn number(&self, names: &[&str], notes: &mut Notes) -> Option<(i64, &'a Property)> {
        let property = self.get(names)?;
        let number = number(&property.value);
        if number.is_none() {
            let text = format!(
                "{}: {} is no number; left out",
                names.join(", "),
                property.value
            );
            notes.name(&property.origin, text);
        }
        number.map(|number| (number, property))
    }

    /// A switch; `None`: it is not set, or says neither, and the usual counts.
    pub(super) fn switch(&self, name: &str) -> Option<(bool, &'a Property)> {
        let property = self.get(&[name])?;
        switch(&property.value).map(|on| (on, property))
    }

    /// A list: names with commas or blanks between them.
    pub(super) fn list(&self, name: &str) -> Vec<&'a str> {
        self.get(&[name])
            .map_or_else(Vec::new, |it| names(&it.value))
    }
}

/// The names in a list, each once.
pub(super) fn names(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for name in text.split([',', ' ', '\t']).filter(|name| !name.is_empty()) {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// A switch as mod_jk reads it (`common/jk_util.c: jk_get_bool_code()`); `None`: it is neither on nor off.
pub(super) fn switch(text: &str) -> Option<bool> {
    let text = text.to_ascii_lowercase();
    let is =
        |letters: [char; 2], words: [&str; 2]| text.starts_with(letters) || words.contains(&&*text);
    match (is(['t', 'y'], ["on", "1"]), is(['f', 'n'], ["off", "0"])) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// A whole number as mod_jk reads it (`common/jk_map.c: jk_map_get_int()`).
pub(super) fn number(text: &str) -> Option<i64> {
    let (digits, unit) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1024),
        None => match text.strip_suffix(['m', 'M']) {
            Some(digits) => (digits, 1024 * 1024),
            None => (text, 1),
        },
    };
    let number: i64 = digits.trim().parse().ok()?;
    number.checked_mul(unit)
}
