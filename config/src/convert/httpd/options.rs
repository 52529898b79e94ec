//! What reading an httpd's files needs beside their names.

use std::path::Path;

use crate::convert::files::Files;

/// What the reader needs beside the name of the file.
pub(crate) struct Options<'a> {
    /// The folder that relative names start from; `None`: what the file says.
    pub(crate) server_root: Option<&'a Path>,
    /// Names given with `-D`.
    pub(crate) defined: &'a [String],
    /// mod_jk's workers.properties, in place of the one that the files name.
    pub(crate) workers: Option<&'a Path>,
    /// mod_jk's uriworkermap.properties, likewise.
    pub(crate) uriworkermap: Option<&'a Path>,
    /// Reads the files.
    pub(crate) files: &'a dyn Files,
    /// Looks up environment variables.
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
}
