//! A line of MLSD (RFC 3659 section 7.2): `type=file;size=3;modify=20260102030405; name`.

use super::entry::{EntryKind, Line, entry};
use super::words::number;
use crate::moment;

pub(super) fn line(line: &[u8]) -> Line {
    let Some(end) = facts_end(line) else {
        return Line::Rest;
    };
    let (facts, name) = line.split_at_checked(end).unwrap_or_default();
    let name = name.get(1..).unwrap_or_default();
    if !(facts.is_empty() || facts.ends_with(b";")) {
        return Line::Rest;
    }
    let (mut kind, mut size, mut modified) = (EntryKind::File, None, None);
    for fact in facts.split(|byte| *byte == b';') {
        if fact.is_empty() {
            continue;
        }
        let Some(equals) = memchr::memchr(b'=', fact) else {
            return Line::Rest;
        };
        let (key, value) = fact.split_at_checked(equals).unwrap_or_default();
        let value = value.get(1..).unwrap_or_default();
        match key.to_ascii_lowercase().as_slice() {
            b"type" => match kind_of(value) {
                Some(known) => kind = known,
                None => return Line::Other,
            },
            b"size" => size = number(value),
            b"modify" => modified = moment::from_digits(value),
            _ => {}
        }
    }
    entry(name, kind, size, modified)
}

/// Where the space behind the facts is. Facts have no space, but for the target of a link that some servers write:
/// `type=OS.unix=slink:/my target; name`.
fn facts_end(line: &[u8]) -> Option<usize> {
    let first = memchr::memchr(b' ', line)?;
    let before = line.get(..first).unwrap_or_default();
    let fact = before.rsplit(|byte| *byte == b';').next();
    let is_target = fact.is_some_and(|fact| {
        let fact = fact.to_ascii_lowercase();
        fact.starts_with(b"type=os.unix=slink:")
    });
    if !is_target {
        return Some(first);
    }
    let behind = line.get(first..).unwrap_or_default();
    let more = memchr::memmem::find(behind, b"; ")?;
    // The space of `; `.
    first.checked_add(more)?.checked_add(1)
}

/// `None` for the directory itself and its parent.
fn kind_of(value: &[u8]) -> Option<EntryKind> {
    match value.to_ascii_lowercase().as_slice() {
        b"cdir" | b"pdir" => None,
        b"dir" => Some(EntryKind::Directory),
        // `OS.unix=slink:/target`, `OS.unix=symlink`
        value if value.starts_with(b"os.unix=s") => Some(EntryKind::Link),
        _ => Some(EntryKind::File),
    }
}
