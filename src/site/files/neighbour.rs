//! Compressed neighbours of a file: `a.css.br` and `a.css.gz` beside `a.css`.

use crate::site::coding::Coding;

/// The codings of the neighbours that are looked for. Of two that a client likes equally, it gets the first: br is smaller.
pub(super) const CODINGS: [Coding; 2] = [Coding::Br, Coding::Gzip];

/// The name of the neighbour of a file.
pub(super) fn name(file: &[u8], coding: Coding) -> Vec<u8> {
    let end: &[u8] = match coding {
        Coding::Zstd => b".zst",
        Coding::Br => b".br",
        Coding::Gzip => b".gz",
    };
    [file, end].concat()
}
