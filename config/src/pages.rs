//! Files that are sent as the body of an answer. They are read with the configuration and held in memory.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use crate::fault::Fault;
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
    let cannot = |why: &dyn std::fmt::Display| {
        Fault::new(format!("cannot read {}: {why}", file.display()))
            .hint("names are relative to the folder of the configuration file")
    };
    // A pipe would be waited for.
    let facts = fs::metadata(file).map_err(|error| cannot(&error))?;
    if !facts.is_file() {
        return Err(cannot(&"it is no file"));
    }
    let mut content = Vec::new();
    let open = fs::File::open(file).map_err(|error| cannot(&error))?;
    open.take(LARGEST + 1)
        .read_to_end(&mut content)
        .map_err(|error| cannot(&error))?;
    match u64::try_from(content.len()) {
        Ok(..=LARGEST) => Ok(content),
        _ => Err(
            Fault::new(format!("{} is larger than 64 KiB", file.display()))
                .hint("pages are held in memory: have it name its pictures and styles instead"),
        ),
    }
}
