//! The path that is sent on.

use std::borrow::Cow;

use super::Normal;
use super::escape::{Dots, encode, without_parameters};
use super::prefix::{Front, join, prefix_of, strip};

/// The path that a backend gets: the client's with `front` replaced by `back`, exactly one slash where they meet.
///
/// `front` is the path of the rule that [`Table::find`](super::Table::find) named for `normal`; `back` is the path of
/// its target, empty or `/shop`, and is sent as it stands; `normal` is the normal form of `raw`.
///
/// The client's bytes behind `front` are kept, parameters and escapes included, when `raw` begins with the segments of
/// `front` and nothing behind them can be read in two ways. Otherwise the normal form is sent, escaped anew:
///
/// * when dot segments, parameters or empty segments hide `front`;
/// * when there is a dot segment behind it, however it is written. Tomcat reads these as `normal` says, but HTTP members need
///   not be Tomcat: one that looks for `/private` at the start of what it is sent finds it in `/private/../public`, and what
///   excludes or guards a path must hold there too.
#[must_use]
pub fn rewrite<'a>(front: &Front, back: &str, raw: &'a str, normal: &Normal<'_>) -> Cow<'a, str> {
    let back = prefix_of(back);
    match plain_rest(front, raw, normal) {
        Some(rest) if is_back_in_front(raw, back, rest) => Cow::Borrowed(raw),
        Some(rest) => join(back, rest),
        None => {
            let path = normal.as_bytes();
            let rest = path.strip_prefix(front.prefix().as_bytes());
            Cow::Owned(or_root(format!("{back}{}", encode(rest.unwrap_or(path)))))
        }
    }
}

/// Whether `raw` is `back` and `rest` as it stands, so that nothing is replaced.
fn is_back_in_front(raw: &str, back: &str, rest: &str) -> bool {
    raw.strip_prefix(back)
        .is_some_and(|behind| behind.len() == rest.len())
}

/// What stands behind `front` in the client's bytes, if it may be sent as it is.
fn plain_rest<'a>(front: &Front, raw: &'a str, normal: &Normal<'_>) -> Option<&'a str> {
    let rest = strip(front.escaped(), raw.as_bytes())?;
    let rest = raw.get(raw.len().checked_sub(rest.len())?..)?;
    if normal.is_as_written() {
        return Some(rest);
    }
    // The first part is empty, or the parameters of the last segment of `front`.
    let mut segments = rest.split('/').skip(1);
    let has_dots = segments.any(|it| Dots::of(without_parameters(it).as_bytes()).is_some());
    (!has_dots).then_some(rest)
}

fn or_root(path: String) -> String {
    match path.is_empty() {
        true => "/".to_owned(),
        false => path,
    }
}
