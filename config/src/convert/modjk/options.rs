//! What reading files of mod_jk needs beside their names.

use crate::convert::files::Files;

/// What the reader needs beside the name of the file.
#[derive(Clone, Copy)]
pub(crate) struct Options<'a> {
    /// Reads the files.
    pub(crate) files: &'a dyn Files,
    /// Looks up environment variables.
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
}
