//! The configuration of Apache httpd 2.4.
//!
//! `foreign` knows files of other programs, `lex` makes lines and words of bytes, `read` a tree of directives of files, and `model` says what the directives do.

mod foreign;
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
    let foreign = foreign::lines(&tree.nodes);
    let foreign: Vec<_> = foreign.into_iter().map(|it| it.origin.clone()).collect();
    if tree.is_empty {
        return Err(foreign::failure(file, "there is no directive in it"));
    }
    let (site, old) = model::site(tree, options, notes)?;
    foreign::refuse(file, &foreign, &old, notes)?;
    Ok((site, old))
}
