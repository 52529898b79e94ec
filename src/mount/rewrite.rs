//! What is sent on.

use std::borrow::Cow;

use super::Normal;
use super::normal::{encode, without_parameters};
use super::table::prefix_of;

/// The path that a backend gets: the client's with `front` replaced by `back`, exactly one slash where they meet.
///
/// `front` is the path of the rule that [`Table::find`](super::Table::find) named for `normal`; `back` is the path of
/// its target, empty or `/shop`, and is sent as it stands; `raw` is what `normal` was made of.
///
/// The client's bytes behind `front` are kept, parameters and escapes included, when `raw` literally begins with
/// `front` and nothing behind it could be read in two ways. Else the normal form is sent, escaped anew:
///
/// * when dot segments, escapes, parameters or empty segments hide `front`, or dot segments behind it climb out of it
///   and back in;
/// * when there is a dot segment that not every server takes for one (`..;x`, `%2e%2e`), or a `..` behind an empty
///   segment, which not every server removes first. Tomcat reads these as `normal` says, but HTTP members need not be
///   Tomcat, and an exclusion must hold for them too.
#[must_use]
pub fn rewrite<'a>(front: &str, back: &str, raw: &'a str, normal: &Normal<'_>) -> Cow<'a, str> {
    let (front, back) = (prefix_of(front), prefix_of(back));
    match literal_rest(front, raw) {
        Some(_) if front == back => Cow::Borrowed(raw),
        Some(rest) => join_raw(back, rest),
        None => {
            let path = normal.as_str();
            let rest = path.strip_prefix(front).unwrap_or(path);
            Cow::Owned(or_root(format!("{back}{}", encode(rest))))
        }
    }
}

/// What stands behind `front` in the client's bytes, if it may be sent as it is.
fn literal_rest<'a>(front: &str, raw: &'a str) -> Option<&'a str> {
    let rest = raw.strip_prefix(front)?;
    let mut segments = rest.split('/');
    // Parameters of the last segment of `front`, at most.
    if !without_parameters(segments.next()?).is_empty() {
        return None;
    }
    let mut depth = 0_usize;
    let mut after_empty = false;
    for segment in segments {
        let name = without_parameters(segment);
        match dots(name) {
            Some(Dots::One) if segment == "." => {}
            Some(Dots::Two) if segment == ".." && !after_empty => depth = depth.checked_sub(1)?,
            Some(_) => return None,
            None if name.is_empty() => after_empty = true,
            None => depth += 1,
        }
    }
    Some(rest)
}

enum Dots {
    One,
    Two,
}

/// Whether a name is a dot segment once it is decoded.
fn dots(name: &str) -> Option<Dots> {
    let mut count = 0;
    let mut rest = name;
    while !rest.is_empty() {
        rest = [".", "%2e", "%2E"]
            .into_iter()
            .find_map(|dot| rest.strip_prefix(dot))?;
        count += 1;
    }
    match count {
        1 => Some(Dots::One),
        2 => Some(Dots::Two),
        _ => None,
    }
}

/// `rest` is empty or begins with slashes or with parameters.
fn join_raw<'a>(back: &str, rest: &'a str) -> Cow<'a, str> {
    let behind_slashes = rest.trim_start_matches('/');
    let slashes = rest.len() - behind_slashes.len();
    let rest = rest.get(slashes.saturating_sub(1)..).unwrap_or(rest);
    if back.is_empty() && slashes > 0 {
        Cow::Borrowed(rest)
    } else if back.is_empty() {
        Cow::Owned(format!("/{rest}"))
    } else {
        Cow::Owned(format!("{back}{rest}"))
    }
}

fn or_root(path: String) -> String {
    if path.is_empty() {
        "/".to_owned()
    } else {
        path
    }
}
