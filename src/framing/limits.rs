//! Bounds of the head of a request that hold whatever version of HTTP it comes in. Pure: whoever reads the request asks.

use super::Refused;

/// Bounds of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeadLimits {
    /// Most bytes in all.
    pub(crate) max_bytes: usize,
    /// Most header fields.
    pub(crate) max_fields: usize,
    /// Longest target in bytes: path and query, and what stands before them in a URL.
    pub(crate) max_target: usize,
}

impl HeadLimits {
    /// Checks a target of so many bytes.
    pub(crate) const fn target(&self, length: usize) -> Result<(), Refused> {
        match length > self.max_target {
            true => Err(Refused::TargetTooLong),
            false => Ok(()),
        }
    }

    /// Checks the number of fields.
    pub(crate) const fn fields(&self, count: usize) -> Result<(), Refused> {
        match count > self.max_fields {
            true => Err(Refused::TooManyFields),
            false => Ok(()),
        }
    }
}
