//! The part of a file that is transferred.

/// Which part of a file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// From the first byte number to the last, both included.
    Bytes {
        /// Number of the first byte, from 0.
        first: u64,
        /// Number of the last byte.
        last: u64,
    },
    /// The file has no such bytes.
    Outside,
}
