//! A line of MLSD (RFC 3659 section 7.2): `type=file;size=3;modify=20260102030405; name`.

use super::entry::{EntryKind, Line, entry};
use super::words::number;
use crate::moment;

pub(super) fn line(line: &[u8]) -> Line {
    let Some(end) = memchr::memchr(b' ', line) else {
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
