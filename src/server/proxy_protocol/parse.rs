//! A PROXY header of either version, from the bytes that a connection begins with.

use super::header::{Broken, Header};
use super::{v1, v2};

/// Reads the header that these bytes begin with, and its length; `None` while they are only the beginning of one.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Header, usize)>, Broken> {
    if begins_with(bytes, v2::SIGNATURE) {
        return v2::parse(bytes);
    }
    if begins_with(bytes, v1::SIGNATURE) {
        return v1::parse(bytes);
    }
    Err(Broken::Signature)
}

/// Whether bytes begin with these, or are the beginning of them.
fn begins_with(bytes: &[u8], signature: &[u8]) -> bool {
    let common = bytes.len().min(signature.len());
    bytes.get(..common) == signature.get(..common)
}
