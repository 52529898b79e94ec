//! What `explain` says of a request that is answered with a file. Nothing is opened for it.

use std::fmt;
use std::path::Path;

use serde_json::{Value, json};

/// A request for a file.
pub(super) struct FileAnswer<'a> {
    /// The mapping's index in `proxy_pass`.
    pub(super) index: usize,
    pub(super) mapping: &'a str,
    pub(super) decided_on: String,
    pub(super) directory: &'a Path,
    /// The name that is opened below the directory; `None` for one that is never served.
    pub(super) name: Option<String>,
}

impl fmt::Display for FileAnswer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, mapping, .. } = self;
        let directory = self.directory.display();
        writeln!(
            f,
            "  mapping     {mapping} to files of {directory} (proxy_pass[{index}])"
        )?;
        writeln!(f, "  path        {}", self.decided_on)?;
        match &self.name {
            Some(name) => writeln!(f, "  file        {name}"),
            None => writeln!(
                f,
                "  answer      404 Not Found: such a name is never served"
            ),
        }
    }
}

impl FileAnswer<'_> {
    pub(super) fn json(&self) -> Value {
        json!({
            "result": if self.name.is_some() { "file" } else { "refused" },
            "status": self.name.is_none().then_some(404),
            "mapping": { "index": self.index, "path": self.mapping, "files": self.directory },
            "path": self.decided_on,
            "file": self.name,
        })
    }
}
