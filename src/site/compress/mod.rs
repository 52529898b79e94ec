//! Compression of answers (`compress`).
//!
//! ```text
//! rule, request, head of the answer ── Choice::of ──► compressed with this coding, or not
//!                  Choice::apply ──► the fields that say so
//!                     Compressed ──► the body, compressed as it comes
//! ```

mod body;
mod choice;
mod encoder;
mod memory;

pub(crate) use self::body::Compressed;
pub(crate) use self::choice::Choice;
