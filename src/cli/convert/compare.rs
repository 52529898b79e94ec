//! Whether the old server and the YAML do the same with a request.

use ajpgate_config::convert::{Backend, Deed};

/// How paths differ whose slashes alone differ.
pub(super) const SLASHES: &str =
    "slashes in the path: here exactly one stands where the path and the target meet";

/// How answers differ to a path that a rule of its folder takes here, and that only the path with a slash has there.
pub(super) const FOLDER: &str =
    "a path, and the same path with a slash at its end, are served alike here";

/// How refusals differ.
pub(super) const REFUSED: &str = "both refuse it, with another status";

/// How a redirect differs that its path's guard keeps back.
pub(super) const GUARDED: &str = "httpd sends clients elsewhere before it asks who comes in; here the guard of the path comes first";

/// Differences that need no remark, because they are the same everywhere.
#[cfg(test)]
pub(super) const REASONS: [&str; 4] = [SLASHES, FOLDER, REFUSED, GUARDED];

/// Whether slashes alone differ.
pub(super) fn is_alike(old: &Deed, new: &Deed) -> bool {
    difference(old, new).is_none_or(|why| why == SLASHES)
}

/// Says how two answers to the same request differ; `None`: they do not.
pub(super) fn difference(old: &Deed, new: &Deed) -> Option<String> {
    match (old, new) {
        (Deed::Sent { backends: old, .. }, Deed::Sent { backends: new, .. }) => backends(old, new),
        (
            Deed::Redirected {
                status: was,
                location: old,
            },
            Deed::Redirected {
                status: is,
                location: new,
            },
        ) => {
            if was != is {
                return Some(format!("the status of the redirect was {was} and is {is}"));
            }
            paths(old, new)
        }
        (Deed::Answered { status: was, .. }, Deed::Answered { status: is, .. }) => {
            let text = match (was, is) {
                (400..500, 400..500) => REFUSED,
                _ => "the status is another one",
            };
            (was != is).then(|| text.to_owned())
        }
        (Deed::File(old), Deed::File(new)) => {
            let (old, new) = (bare(old), bare(new));
            let is_folder = new.strip_prefix(&*old) == Some("/index.html");
            (old != new && !is_folder).then(|| "it is another file".to_owned())
        }
        (Deed::File(_), _) => Some("a file of httpd's own is not served here".to_owned()),
        (Deed::Own(_), _) => Some("the page is one of the old server's own".to_owned()),
        (Deed::Nobody(_), Deed::Nobody(_)) => None,
        (Deed::Nobody(_), _) => Some("only the new one answers".to_owned()),
        (_, Deed::Nobody(_)) => Some("only the old one answers".to_owned()),
        (
            Deed::Redirected { .. },
            Deed::Answered {
                status: 401 | 403, ..
            },
        ) => Some(GUARDED.to_owned()),
        (Deed::Answered { status: 502, .. }, Deed::Sent { .. }) => Some(SLASHES.to_owned()),
        (Deed::Sent { .. }, _) => Some("only the old one sends it on".to_owned()),
        (_, Deed::Sent { .. }) => Some("only the new one sends it on".to_owned()),
        _ => Some("the answer is another one".to_owned()),
    }
}

fn backends(old: &[Backend], new: &[Backend]) -> Option<String> {
    let has = |list: &[Backend], it: &Backend| list.iter().any(|other| other.address == it.address);
    if !old.iter().all(|it| has(new, it)) || !new.iter().all(|it| has(old, it)) {
        return Some("the backends are others".to_owned());
    }
    let pairs = old
        .iter()
        .flat_map(|old| new.iter().map(move |new| (old, new)));
    let same = pairs.filter(|(old, new)| old.address == new.address);
    let reasons = same.filter_map(|(old, new)| paths(&old.path, &new.path));
    // What differs by more than slashes at one backend is not hidden by the slashes at another one.
    reasons.min_by_key(|why| why == SLASHES)
}

/// How two paths or URLs differ, however their letters are escaped.
fn paths(old: &str, new: &str) -> Option<String> {
    let (old, new) = (decoded(old), decoded(new));
    if old == new {
        return None;
    }
    let without = |text: &str| text.replace('/', "");
    Some(match without(&old) == without(&new) {
        true => SLASHES.to_owned(),
        false => "the path is another one".to_owned(),
    })
}

/// A path without slashes in a row and at its end; the two of a scheme stay.
fn bare(path: &str) -> String {
    let (scheme, rest) = match path.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), path),
    };
    let start = if rest.starts_with('/') { "/" } else { "" };
    let names: Vec<&str> = rest.split('/').filter(|it| !it.is_empty()).collect();
    format!("{scheme}{start}{}", names.join("/"))
}

fn decoded(text: &str) -> String {
    let decoded = percent_encoding::percent_decode_str(text);
    decoded.decode_utf8_lossy().into_owned()
}
