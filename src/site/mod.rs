//! What the gateway itself puts into answers: files, bodies of errors, and compression. Nothing here knows of members.

mod coding;
mod compress;
mod error_page;
pub(crate) mod files;

pub(crate) use self::compress::{Choice, Compressed};
pub(crate) use self::error_page::{ErrorPage, ErrorPages, Giver};
