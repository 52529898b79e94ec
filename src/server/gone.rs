//! The end of a client before its answer is complete.

/// The client has gone, has given its request up, or takes nothing; or its answer has broken off.
#[derive(Debug)]
pub(super) struct Gone;
