//! Which mapping a path belongs to, and which path is sent on.
