//! What mappings name on this machine: files of users and groups, and folders. What `check` would refuse is not written.

mod folders;
mod groups;
mod users;

use super::arrange::Entry;
use super::files::Files;
use super::note::Notes;

/// Looks at the files and folders that mappings name, and puts answers in place of what cannot be used.
pub(super) fn settle(entries: &mut Vec<Entry>, files: &dyn Files, notes: &mut Notes) {
    users::close(entries, files, notes);
    folders::settle(entries, files, notes);
}
