//! Checks of the directories that `files` names, before anything starts.

use ajpgate_config::{Action, Loaded};

use super::tls_files::Found;
use crate::site::files::Directory;

const DIRECTORY: &str = "`files` is a directory, relative to the folder of the configuration file";
const ONE_FILE: &str = "`files` is a directory; for one file write `respond: { file: FILE }`";

/// The directories that cannot be served, each at the line that names it.
pub(super) fn problems(loaded: &Loaded) -> Vec<Found> {
    let mappings = loaded.config.mappings.iter().enumerate();
    let problem = |(index, mapping): (usize, &ajpgate_config::Mapping)| {
        let Action::Files(files) = &mapping.action else {
            return None;
        };
        let error = Directory::open(&files.directory).err()?;
        let message = format!("files: {}: {error}", files.directory.display());
        let at = format!("proxy_pass[{index}].files");
        let hint = match files.directory.is_file() {
            true => ONE_FILE,
            false => DIRECTORY,
        };
        Some(Found {
            problem: loaded.problem(&at, message, Some(hint.to_owned())),
            is_missing: false,
        })
    };
    mappings.filter_map(problem).collect()
}
