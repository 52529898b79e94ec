//! `files` of a mapping.

use super::Builder;
use crate::defaults;
use crate::field::Scalar;
use crate::model::Files;
use crate::value::{EntryName, FieldText, FileName};

/// The keys of a mapping that concern files.
pub(super) struct FilesKeys {
    pub(super) files: Scalar<FileName>,
    pub(super) index: Scalar<EntryName>,
    pub(super) cache_control: Scalar<FieldText>,
}

impl Builder<'_> {
    /// `None` when the mapping has no `files`. Then keys that go with it are a mistake.
    pub(super) fn files(&self, keys: FilesKeys) -> Option<Files> {
        let FilesKeys {
            files,
            index,
            cache_control,
        } = keys;
        if files.is_absent() {
            for (key, place) in [
                ("index", index.place()),
                ("cache_control", cache_control.place()),
            ] {
                if let Some(place) = place {
                    self.report.error_with_hint(
                        place,
                        format!("{key}: goes with `files`"),
                        "write `files: DIRECTORY` in place of another target, or remove this key",
                    );
                }
            }
        }
        Some(Files {
            directory: self.file(files)?,
            index: index.or(defaults::INDEX.to_owned()),
            cache_control: cache_control.optional(),
        })
    }
}
