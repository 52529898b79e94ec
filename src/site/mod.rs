//! What the gateway itself puts into answers: files, bodies of errors, fixed answers, and compression. Nothing here knows of members.

mod coding;
mod compress;
mod error_page;
pub(crate) mod files;
mod fixed_answer;
pub(crate) mod media_type;

pub(crate) use self::compress::{Choice, Compressed};
pub(crate) use self::error_page::{ErrorPage, ErrorPages, Giver};
pub(crate) use self::fixed_answer::FixedAnswer;
