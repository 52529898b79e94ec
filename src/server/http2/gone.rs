//! The end of a stream before its answer is complete.

/// The client has given the request up, or has gone, or the answer has broken off.
#[derive(Debug)]
pub(super) struct Gone;
