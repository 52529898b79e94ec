//! What a mapping does in place of sending requests on: redirects and fixed answers; and paths that are made of captures.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::mapping::BuiltMapping;
use super::{Builder, Need, whole};
use crate::defaults;
use crate::fault::Fault;
use crate::field::{Either, Field};
use crate::file;
use crate::input::{InputError, read_file};
use crate::model::{Action, ClientScheme, Redirect, RedirectTo, Respond, Rewriting};
use crate::pattern::CaptureText;
use crate::report::Place;
use crate::starts::is_below;
use crate::value::{self, LARGEST_ANSWER, RedirectTarget};

const ONE: &str = "a mapping has one of `to`, `redirect`, `respond`, `files` and `exclude: true`";

impl Builder<'_> {
    /// Reports a mapping that says several things to do, or none; and keys that mean nothing beside what it does.
    pub(super) fn one_action(&self, mapping: &file::Mapping, exclude: Option<bool>, place: Place) {
        let redirect =
            (!mapping.redirect.is_absent()).then_some(("redirect", mapping.redirect.place()));
        let respond =
            (!mapping.respond.is_absent()).then_some(("respond", mapping.respond.place()));
        let Some((key, at)) = redirect.or(respond) else {
            self.forward_or_files(exclude, &mapping.to, &mapping.files, place);
            if !mapping.files.is_absent() {
                self.useless_beside("files", mapping);
            }
            return;
        };
        // From what could not be read nothing follows: it may be a misspelt key that means something else.
        let Some(at) = at else {
            return;
        };
        let to = mapping.to.place().map(|_| "to");
        let excluded = (exclude == Some(true)).then_some("exclude: true");
        let second = respond.filter(|_| redirect.is_some());
        let second = second.and_then(|(key, at)| at.map(|_| key));
        let files = mapping.files.place().map(|_| "files");
        if let Some(other) = to.or(excluded).or(second).or(files) {
            self.report
                .error_with_hint(at, format!("{key}: `{other}` is given too"), ONE);
        }
        self.useless_beside(key, mapping);
    }

    /// Reports keys that mean nothing beside one that sends nothing to a backend.
    fn useless_beside(&self, key: &str, mapping: &file::Mapping) {
        let max_body = mapping.max_body.place();
        let useless = [
            ("preserve_host", mapping.preserve_host.place()),
            ("member", mapping.member.place()),
            ("request_headers", mapping.request_headers.place()),
            ("request_attributes", mapping.request_attributes.place()),
            ("timeout", mapping.timeout.place()),
            // A request for a file may have a body, which is read over.
            ("max_body", max_body.filter(|_| key != "files")),
        ];
        for (useless, place) in useless {
            if let Some(place) = place {
                self.report.error_with_hint(
                    place,
                    format!(
                        "{useless}: means nothing beside `{key}`, which sends nothing to a backend"
                    ),
                    "remove this key",
                );
            }
        }
    }

    /// What is made of captures where the mapping leads.
    pub(super) fn rewriting(&self, mapping: &file::Mapping) -> Rewriting {
        let matches = !mapping.pattern.is_absent();
        if let Some(target) = mapping.to.value() {
            let place = mapping.to.place().unwrap_or(Place::START);
            if !matches && target.0.query.is_some() {
                let hint = "the client's query is sent on";
                self.report
                    .error_with_hint(place, "to: a query has no place here", hint);
            }
            return self.captures(
                "to",
                place,
                matches,
                (&target.0.path, target.0.query.as_deref(), None),
            );
        }
        let Field::Given(place, redirect) = &mapping.redirect else {
            return Rewriting::default();
        };
        let target = match redirect {
            Either::Scalar(to) => Some(to),
            Either::Whole(redirect) => redirect.to.value().map(|to| &to.0),
        };
        let Some(RedirectTarget::Url {
            path,
            query,
            fragment,
            ..
        }) = target
        else {
            return Rewriting::default();
        };
        let texts = (&**path, query.as_deref(), fragment.as_deref());
        let mut rewriting = self.captures("redirect", *place, matches, texts);
        // As RedirectMatch: nothing is appended.
        rewriting.path = matches.then(|| CaptureText::of(path));
        rewriting
    }

    fn captures(
        &self,
        key: &str,
        place: Place,
        matches: bool,
        (path, query, fragment): (&str, Option<&str>, Option<&str>),
    ) -> Rewriting {
        let path = CaptureText::of(path);
        let query = query.map(CaptureText::of);
        let fragment = fragment.map(CaptureText::of);
        let texts = [Some(&path), query.as_ref(), fragment.as_ref()];
        let has_groups = texts.into_iter().flatten().any(CaptureText::has_groups);
        if has_groups && !matches {
            self.report.error_with_hint(
                place,
                format!("{key}: `$1` to `$9` are what a `match` captured, and there is none"),
                "write `match` in place of `path`, or `\\$1` for the letters themselves",
            );
        }
        Rewriting {
            path: Some(path).filter(|_| has_groups),
            query,
            fragment,
        }
    }

    pub(super) fn redirect(
        &self,
        redirect: Field<Either<value::RedirectTo, file::Redirect>>,
    ) -> Option<Redirect> {
        let (place, redirect) = redirect.given()?;
        let (to, status) = match redirect {
            Either::Scalar(to) => (to, defaults::REDIRECT_STATUS),
            Either::Whole(redirect) => {
                let need = Need {
                    of: "a redirect",
                    key: "to",
                    example: "/new",
                };
                let (_, to) = self.required(redirect.to, place, need)?;
                (to.0, redirect.status.or(defaults::REDIRECT_STATUS))
            }
        };
        let to = match to {
            RedirectTarget::Https => RedirectTo::Https,
            RedirectTarget::Url { origin, path, .. } => RedirectTo::Url {
                origin,
                path: path.replace("\\$", "$"),
            },
        };
        Some(Redirect { to, status })
    }

    pub(super) fn respond(&self, respond: Field<file::Respond>) -> Option<Respond> {
        let place = respond.place()?;
        let respond = whole(respond);
        let status = respond.status.or(defaults::ANSWER_STATUS);
        if let (Some(_), Some(place)) = (respond.body.place(), respond.file.place()) {
            self.report
                .error_with_hint(place, "file: `body` is given too", "keep one of them");
        }
        let without_body = matches!(status, 204 | 205 | 304);
        if without_body && !(respond.body.is_absent() && respond.file.is_absent()) {
            self.report.error_with_hint(
                respond
                    .body
                    .place()
                    .or(respond.file.place())
                    .unwrap_or(place),
                format!("respond: an answer with {status} has no body"),
                "remove `body` and `file`, or write another status",
            );
        }
        let body = respond
            .body
            .optional()
            .map(|body| Arc::from(body.into_bytes()));
        let (file, read) = match respond.file.given() {
            None => (None, None),
            Some((place, name)) => {
                let path = self.resolve(&name.0);
                let read =
                    read_answer(&path).map_err(|fault| self.report.fault(place, "file", fault));
                (Some(path), read.ok())
            }
        };
        Some(Respond {
            status,
            content_type: respond.content_type.optional(),
            body: body.or(read.map(Arc::from)),
            file,
        })
    }

    /// Warns of redirects that lead to where they are given.
    pub(super) fn redirects_to_themselves(&self, mappings: &[BuiltMapping]) {
        for mapping in mappings {
            let Action::Redirect(redirect) = &mapping.built.action else {
                continue;
            };
            match &redirect.to {
                RedirectTo::Https if mapping.built.scheme != Some(ClientScheme::Http) => {
                    self.report.warning(
                        mapping.place,
                        "redirect: https also redirects what came over https, to itself",
                        "write `scheme: http` beside it",
                    );
                }
                RedirectTo::Url { origin, path, .. }
                    if origin.is_empty() && leads_to(mapping, path, mappings) =>
                {
                    self.report.warning(
                        mapping.place,
                        format!("redirect: {path} is redirected by this mapping again"),
                        "write a path that another mapping takes",
                    );
                }
                _ => {}
            }
        }
    }
}

/// Whether a request for `path`, on the same host and scheme, is taken by this mapping.
pub(super) fn leads_to(mapping: &BuiltMapping, path: &str, mappings: &[BuiltMapping]) -> bool {
    let path = if path.is_empty() { "/" } else { path };
    let takes = |it: &BuiltMapping| match &it.built.pattern {
        Some(pattern) => pattern.bytes().is_match(path.as_bytes()),
        None => is_below(path, &it.built.path),
    };
    let made = mapping.built.rewriting.path.as_ref();
    if made.is_some_and(CaptureText::has_groups) || !takes(mapping) {
        return false;
    }
    let is_before = |other: &BuiltMapping| {
        let (ours, theirs) = (&mapping.built, &other.built);
        other.excluded
            || theirs.pattern.is_some() && ours.pattern.is_none()
            || theirs.pattern.is_none()
                && ours.pattern.is_none()
                && theirs.path.len() > ours.path.len()
    };
    !mappings
        .iter()
        .any(|other| is_before(other) && takes(other))
}

/// The file of a fixed answer.
fn read_answer(path: &Path) -> Result<Vec<u8>, Fault> {
    let most = u64::try_from(LARGEST_ANSWER).unwrap_or(u64::MAX);
    read_file(path, most).map_err(|error| {
        Fault::new(format!("cannot read {}: {error}", path.display())).hint(match error {
            InputError::TooLarge(_) => "serve it with `files`",
            _ => "names are relative to the folder of the configuration file",
        })
    })
}

impl Respond {
    /// Whether the file has the body that the answer has. True without a file.
    #[must_use]
    pub fn is_current(&self) -> bool {
        let read = |file: &PathBuf| read_answer(file).ok();
        self.file
            .as_ref()
            .is_none_or(|file| read(file).as_deref() == self.body.as_deref())
    }
}
