//! Fields of the page's forms, each with the reason why its value was refused.

use std::fmt::Display;

use askama::Template;
use http::StatusCode;
use serde_json::Value;

use super::form::Form;
use crate::admin::api::{Refusal, settings};

/// A field with its label. The reason of a refusal is shown beside the field, and screen readers read it with the field.
#[derive(Template)]
#[template(path = "input.html", config = "src/admin/page/askama.toml")]
pub(super) struct Input {
    id: String,
    name: &'static str,
    label: &'static str,
    value: String,
    wrong: Option<String>,
    kind: &'static str,
    /// The keyboard that a phone shows (`inputmode`).
    keys: &'static str,
    placeholder: &'static str,
    is_short: bool,
    is_required: bool,
}

impl Input {
    pub(super) fn short(self, keys: &'static str) -> Self {
        Self {
            keys,
            is_short: true,
            ..self
        }
    }

    pub(super) fn placeholder(self, placeholder: &'static str) -> Self {
        Self {
            placeholder,
            ..self
        }
    }

    pub(super) fn required(self) -> Self {
        Self {
            is_required: true,
            ..self
        }
    }

    /// Hides the value of the field. The page never sends it back.
    pub(super) fn secret(self) -> Self {
        Self {
            kind: "password",
            value: String::new(),
            ..self
        }
    }
}

/// A form that was refused, and why.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wrong<'a> {
    pub(super) form: &'a Form,
    pub(super) refusal: &'a Refusal,
}

/// A form. Its fields show the present values; of a form that was refused, those that the user has edited show what was
/// entered. So what somebody else has changed meanwhile is not undone when the form is sent again.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    /// The beginning of the ids of its fields, which must be unique in the page.
    id: String,
    /// The present settings; null where there are none yet.
    settings: Value,
    wrong: Option<Wrong<'a>>,
}

impl<'a> Fields<'a> {
    pub(super) const fn new(id: String, settings: Value, wrong: Option<Wrong<'a>>) -> Self {
        Self {
            id,
            settings,
            wrong,
        }
    }

    /// The settings that the form shows, which it sends back with what was entered.
    pub(super) const fn shown(&self) -> &Value {
        &self.settings
    }

    /// What the user has entered in this field, where the form was refused and the user has edited the field.
    fn entered(&self, name: &str) -> Option<&'a str> {
        let Wrong { form, refusal } = self.wrong?;
        let is_edited = form.is_edited(name).unwrap_or(!is_late(refusal));
        is_edited.then(|| form.get(name))
    }

    pub(super) const fn is_open(&self) -> bool {
        self.wrong.is_some()
    }

    /// A field. `now` is its present value.
    pub(super) fn input(
        &self,
        name: &'static str,
        label: &'static str,
        now: impl Display,
    ) -> Input {
        let value = match self.entered(name) {
            Some(entered) => entered.to_owned(),
            None => now.to_string(),
        };
        Input {
            id: format!("{}-{name}", self.id),
            name,
            label,
            value,
            wrong: self.reason_for(name),
            kind: "text",
            keys: "text",
            placeholder: "",
            is_short: false,
            is_required: false,
        }
    }

    /// Whether a box is ticked. `now` is its present value.
    pub(super) fn is_ticked(&self, name: &str, now: bool) -> bool {
        self.entered(name).map_or(now, |entered| entered == "true")
    }

    /// The chosen entry of a list. `now` is the present one.
    pub(super) fn chosen(&self, name: &str, now: &'a str) -> &'a str {
        self.entered(name).unwrap_or(now)
    }

    fn reason_for(&self, name: &str) -> Option<String> {
        let reasons = self.wrong?.refusal.reason.split("; ");
        let mut about = reasons.filter_map(|reason| reason.strip_prefix(name)?.strip_prefix(": "));
        about.next().map(str::to_owned)
    }

    /// The reason why the form was refused, if it concerns none of these fields, and what somebody else has changed meanwhile.
    pub(super) fn reason_but_for(&self, inputs: &[Input]) -> Option<String> {
        let Wrong { form, refusal } = self.wrong?;
        let shown = form.shown();
        let changes = shown.and_then(|shown| settings::difference(&shown, &self.settings));
        let is_beside = inputs.iter().any(|input| input.wrong.is_some());
        match changes {
            Some(changes) => Some(format!(
                "somebody has changed these settings meanwhile ({}): look at them, then save again",
                changes.replace(" -> ", " → ")
            )),
            None if is_late(refusal) => Some(
                "somebody has changed these settings meanwhile: look at them, then save again"
                    .to_owned(),
            ),
            None => (!is_beside).then(|| refusal.reason.clone()),
        }
    }
}

/// Whether a form was refused because the settings were changed meanwhile.
fn is_late(refusal: &Refusal) -> bool {
    refusal.status == StatusCode::PRECONDITION_FAILED
}
