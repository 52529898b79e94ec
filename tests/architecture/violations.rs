//! Violations of a guard, and the places that it leaves out.

use std::collections::BTreeSet;

use super::source::Source;

/// Violations, one line each.
#[derive(Default)]
pub(super) struct Violations(pub(super) Vec<String>);

impl Violations {
    pub(super) fn add(&mut self, source: &Source, line: usize, what: &str) {
        self.0.push(format!("{}:{line}: {what}", source.path));
    }

    /// An exemption that exempts nothing is a violation: what it was made for has gone.
    pub(super) fn unused(&mut self, exempt: &Exempt) {
        for (place, why) in exempt.places {
            if !exempt.used.contains(place) {
                let what =
                    format!("{place} is exempt (\"{why}\") and need not be: remove the entry");
                self.0.push(what);
            }
        }
    }

    pub(super) fn none(self, advice: &str) {
        assert!(self.0.is_empty(), "{}\n{advice}", self.0.join("\n"));
    }
}

/// Files, folders (with `/` at the end) or structs that a guard leaves out, each with the reason.
pub(super) struct Exempt {
    places: &'static [(&'static str, &'static str)],
    /// Those that were needed so far.
    used: BTreeSet<&'static str>,
}

impl Exempt {
    pub(super) fn new(places: &'static [(&'static str, &'static str)]) -> Self {
        Self {
            places,
            used: BTreeSet::new(),
        }
    }

    /// Whether a violation in this file is allowed. Ask only where there is one.
    pub(super) fn covers(&mut self, path: &str) -> bool {
        let place = self
            .places
            .iter()
            .map(|(place, _)| *place)
            .find(|place| *place == path || (place.ends_with('/') && path.starts_with(place)));
        self.used.extend(place);
        place.is_some()
    }
}

#[test]
fn an_exemption_that_nothing_needs_is_a_violation() {
    let mut exempt = Exempt::new(&[("a/", "a folder"), ("b.rs", "a file"), ("c.rs", "a file")]);
    assert!(exempt.covers("a/x.rs") && exempt.covers("b.rs"));
    assert!(!exempt.covers("d.rs") && !exempt.covers("b.rs/x.rs"));
    let mut found = Violations::default();
    found.unused(&exempt);
    assert_eq!(found.0.len(), 1);
    assert!(found.0[0].starts_with("c.rs is exempt"), "{}", found.0[0]);
}
