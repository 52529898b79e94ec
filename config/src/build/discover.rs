//! Sources of members.

use std::collections::HashMap;

use super::{Builder, Need, list_of};
use crate::defaults;
use crate::field::Field;
use crate::file;
use crate::include;
use crate::model::{Discover, DiscoverFrom, MemberFiles};
use crate::report::Place;
use crate::value::FileName;

impl Builder<'_> {
    /// The sources of a balancer, in the order of the file.
    pub(super) fn discover(&self, field: Field<Vec<Field<file::Discover>>>) -> Vec<Discover> {
        let mut seen = HashMap::new();
        let mut built = Vec::new();
        for (place, source) in list_of(field) {
            let Some(source) = self.source(source, place) else {
                continue;
            };
            if let Some(line) = seen.insert(source.subject(), place.line) {
                self.report.error_with_hint(
                    place,
                    format!("discover: this source is already given in line {line}"),
                    "remove one of them",
                );
            }
            built.push(source);
        }
        built
    }

    fn source(&self, file: file::Discover, place: Place) -> Option<Discover> {
        let need = Need {
            of: "a source",
            key: "file",
            example: "members/*.yaml",
        };
        let interval = file.interval.or(defaults::DISCOVER_INTERVAL);
        let (place, pattern) = self.required(file.file, place, need)?;
        let files = self.member_files(place, &pattern)?;
        Some(Discover {
            from: DiscoverFrom::File(files),
            interval,
        })
    }

    fn member_files(
        &self,
        place: Place,
        pattern: &crate::field::Checked<FileName>,
    ) -> Option<MemberFiles> {
        let folder = self.report.main().folder();
        let pattern = pattern.0.to_string_lossy();
        include::resolved(folder, &pattern)
            .map(|pattern| MemberFiles {
                pattern,
                folder: folder.to_owned(),
            })
            .map_err(|fault| self.report.fault(place, "file", fault))
            .ok()
    }
}
