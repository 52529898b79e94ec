//! `request_headers` and `response_headers`.

use super::{Builder, whole};
use crate::field::{Field, Scalar};
use crate::file;
use crate::model::{HeaderAction, HeaderRule};
use crate::report::Place;
use crate::template::Template;
use crate::value::{FieldName, Pattern};

/// The keys that say what a rule does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Set,
    Add,
    Append,
    Unset,
    Edit,
}

impl Builder<'_> {
    pub(super) fn header_rules(
        &self,
        field: Field<Vec<Field<file::HeaderRule>>>,
    ) -> Vec<HeaderRule> {
        whole(field)
            .into_iter()
            .filter_map(Field::given)
            .filter_map(|(place, rule)| self.header_rule(rule, place))
            .collect()
    }

    fn header_rule(&self, rule: file::HeaderRule, place: Place) -> Option<HeaderRule> {
        let keys = [
            (Key::Set, rule.set),
            (Key::Add, rule.add),
            (Key::Append, rule.append),
            (Key::Unset, rule.unset),
            (Key::Edit, rule.edit),
        ];
        let Some((key, name)) = only(keys) else {
            self.report.error_with_hint(
                place,
                "a header rule does one thing",
                "write one of `set`, `add`, `append`, `unset` and `edit`, with the name of a header field",
            );
            return None;
        };
        self.value_fits(key, rule.value.place(), rule.value.is_absent(), place);
        self.match_fits(key, rule.pattern.place(), rule.pattern.is_absent(), place);
        let value = rule.value.or(Template::default());
        let (action, value) = match key {
            Key::Set => (HeaderAction::Set, value),
            Key::Add => (HeaderAction::Add, value),
            Key::Append => (HeaderAction::Append, value),
            Key::Unset => (HeaderAction::Unset, value),
            Key::Edit => {
                let pattern: Pattern = rule.pattern.optional()?;
                (HeaderAction::Edit(pattern), value.with_groups())
            }
        };
        Some(HeaderRule {
            action,
            name: name.optional()?,
            value,
            when: rule.when.optional(),
        })
    }

    fn value_fits(&self, key: Key, value: Option<Place>, is_absent: bool, rule: Place) {
        match (key, is_absent) {
            (Key::Unset, false) => self.report.error_with_hint(
                value.unwrap_or(rule),
                "value: `unset` removes all fields of the name, whatever their value",
                "remove the value",
            ),
            (Key::Set | Key::Add | Key::Append | Key::Edit, true) => self.report.error_with_hint(
                rule,
                "a header rule needs `value`",
                "write `value: \"…\"` beside the name of the field",
            ),
            _ => {}
        }
    }

    fn match_fits(&self, key: Key, pattern: Option<Place>, is_absent: bool, rule: Place) {
        match (key == Key::Edit, is_absent) {
            (true, true) => self.report.error_with_hint(
                rule,
                "`edit` needs `match`",
                "write `match: \"^(.*)$\"` beside the name of the field",
            ),
            (false, false) => self.report.error_with_hint(
                pattern.unwrap_or(rule),
                "match: goes with `edit`",
                "write `edit` with the name of the field, or remove this key",
            ),
            _ => {}
        }
    }
}

/// The only key that is given.
fn only<const N: usize>(keys: [(Key, Scalar<FieldName>); N]) -> Option<(Key, Scalar<FieldName>)> {
    let mut given = keys.into_iter().filter(|(_, name)| !name.is_absent());
    match (given.next(), given.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}
