//! The configuration of Apache httpd 2.4.
//!
//! `lex` makes lines and words of bytes, `read` a tree of directives of files, and `model` says what the directives do.

mod lex;
mod model;
mod options;
mod read;
mod tree;

use std::path::Path;

use super::note::{Failure, Notes};
use super::site::Site;

pub(super) use self::model::{Old, told};
pub(super) use self::options::Options;

/// What the httpd of a file does, and what is asked about single requests.
pub(super) fn site(
    file: &Path,
    options: &Options<'_>,
    notes: &mut Notes,
) -> Result<(Site, Old), Failure> {
    let tree = read::read(file, options, notes)?;
    model::site(tree, options, notes)
}
