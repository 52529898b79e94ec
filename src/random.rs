//! Random numbers of the operating system, for tokens, session ids and seeds.

use std::io;

/// 64 random bits.
///
/// # Errors
/// When the system has no random numbers (`getrandom(2)`).
pub(crate) fn bits64() -> io::Result<u64> {
    Ok(getrandom::u64()?)
}

/// 128 random bits.
///
/// # Errors
/// When the system has no random numbers (`getrandom(2)`).
pub(crate) fn bits128() -> io::Result<u128> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(u128::from_ne_bytes(bytes))
}

/// 64 random bits for a seed that keeps no secret: 0 where the system has none.
pub(crate) fn seed() -> u64 {
    bits64().unwrap_or_default()
}
