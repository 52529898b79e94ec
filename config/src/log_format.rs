//! `access_log.format`: Apache's LogFormat strings (`modules/loggers/mod_log_config.c`).
//!
//! The modifiers `<` and `>` choose between the first and the last request of an internal redirect. The gateway has
//! no internal redirects, so they are accepted and mean nothing: `%>s` is `%s`.

mod format;
mod parse;
#[cfg(test)]
mod tests;
mod time;

pub use format::{Item, LogFormat, Note, Port, TimeFormat, TimeOf, Token, Unit};
pub(crate) use parse::FormatText;

pub use crate::tokens::Condition;
