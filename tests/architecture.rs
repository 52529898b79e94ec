//! Rules that the sources must keep, checked by reading them as text.
//!
//! Each violation is reported with its place (`file:line`) and what to do. A rule that no longer fits is changed here, with
//! the reason; code does not work around it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

#[path = "architecture/circles.rs"]
mod circles;
#[path = "architecture/code.rs"]
mod code;
#[path = "architecture/configuration.rs"]
mod configuration;
#[path = "architecture/crates.rs"]
mod crates;
#[path = "architecture/documents.rs"]
mod documents;
#[path = "architecture/imports.rs"]
mod imports;
#[path = "architecture/links.rs"]
mod links;
#[path = "architecture/mentions.rs"]
mod mentions;
#[path = "architecture/modules.rs"]
mod modules;
#[path = "architecture/requests.rs"]
mod requests;
#[path = "architecture/source.rs"]
mod source;
#[path = "architecture/test_code.rs"]
mod test_code;
#[path = "architecture/violations.rs"]
mod violations;
