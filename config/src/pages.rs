//! Files that are sent as the body of an answer. They are read with the configuration and held in memory.

use std::path::Path;
use std::sync::Arc;

use crate::fault::Fault;
use crate::input::{InputError, read_file};
use crate::model::Page;

/// Largest page, in bytes.
const LARGEST: u64 = 64 * 1024;

impl Page {
    /// Whether the file holds what it held when the configuration was read.
    #[must_use]
    pub fn is_current(&self) -> bool {
        content(&self.file).is_ok_and(|now| now == *self.body)
    }
}

/// Reads a page.
pub(crate) fn read(file: &Path) -> Result<Page, Fault> {
    let body: Arc<[u8]> = content(file)?.into();
    let file = file.to_owned();
    Ok(Page { file, body })
}

/// The content of a page.
fn content(file: &Path) -> Result<Vec<u8>, Fault> {
    read_file(file, LARGEST).map_err(|error| match error {
        InputError::TooLarge(_) => Fault::new(format!("{} is larger than 64 KiB", file.display()))
            .hint("pages are held in memory: have it name its pictures and styles instead"),
        error => Fault::new(format!("cannot read {}: {error}", file.display()))
            .hint("names are relative to the folder of the configuration file"),
    })
}
