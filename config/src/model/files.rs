//! Mappings to files.

use std::path::PathBuf;

/// `files`: a directory whose files are served.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Files {
    /// The directory.
    pub directory: PathBuf,
    /// The name of the file that stands for a folder.
    pub index: String,
    /// The value of `Cache-Control`; `None`: the field is not sent.
    pub cache_control: Option<String>,
}
