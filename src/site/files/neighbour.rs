//! Compressed neighbours of a file: `a.css.br` and `a.css.gz` beside `a.css`.

use crate::site::coding::Coding;

/// The codings of the neighbours that are looked for. Of two that a client likes equally, it gets the first: br is smaller.
pub(super) const CODINGS: [Coding; 2] = [Coding::Br, Coding::Gzip];

/// The name of the neighbour of a file.
pub(super) fn name(file: &[u8], coding: Coding) -> Vec<u8> {
    [file, ending(coding)].concat()
}

/// What the name of a neighbour has behind that of its file.
const fn ending(coding: Coding) -> &'static [u8] {
    match coding {
        Coding::Zstd => b".zst",
        Coding::Br => b".br",
        Coding::Gzip => b".gz",
    }
}

/// The ending of a name that may be that of a neighbour.
pub(super) fn ending_of(name: &[u8]) -> Option<&'static [u8]> {
    let mut endings = CODINGS.into_iter().map(ending);
    endings.find(|ending| name.ends_with(ending))
}
