//! `error_pages`, `error_override` and `compress`.

use std::collections::BTreeMap;

use super::{Builder, list};
use crate::defaults;
use crate::field::{Either, Field};
use crate::file;
use crate::model::{Compress, ErrorOverride, ErrorPages, MediaRange, Page};
use crate::pages;

impl Builder<'_> {
    /// Reads the pages, each file once.
    pub(super) fn error_pages(&self, field: Field<file::ErrorPages>) -> ErrorPages {
        let mut read: BTreeMap<_, Page> = BTreeMap::new();
        let mut found = ErrorPages::new();
        let entries = field.given().map_or_else(Vec::new, |(_, named)| named.0);
        for (status, name) in entries {
            let (Some(status), Some((place, name))) = (status.optional(), name.given()) else {
                continue;
            };
            let path = self.resolve(&name.0);
            let page = match read.get(&path) {
                Some(page) => page.clone(),
                None => match pages::read(&path) {
                    Ok(page) => page,
                    Err(fault) => {
                        self.report.fault(place, "error_pages", fault);
                        continue;
                    }
                },
            };
            read.insert(path, page.clone());
            found.insert(status, page);
        }
        found
    }

    pub(super) fn error_override(&self, field: Field<file::ErrorOverride>) -> ErrorOverride {
        match field.given() {
            None | Some((_, Either::Scalar(false))) => ErrorOverride::Off,
            Some((_, Either::Scalar(true))) => ErrorOverride::All,
            Some((_, Either::Whole(statuses))) => {
                let statuses = statuses.into_iter().filter_map(Field::optional);
                ErrorOverride::Statuses(statuses.collect())
            }
        }
    }

    pub(super) fn compress(&self, field: Field<file::Compress>) -> Option<Compress> {
        let (place, compress) = field.given()?;
        let types = match &compress.types {
            Field::Given(_, types) if types.is_empty() => {
                self.report.error_with_hint(
                    compress.types.place().unwrap_or(place),
                    "types: nothing would be compressed",
                    "name media types, or remove `compress`",
                );
                Vec::new()
            }
            Field::Given(..) => list(compress.types),
            Field::Absent | Field::Unreadable => {
                defaults::COMPRESS_TYPES.map(MediaRange::new).to_vec()
            }
        };
        Some(Compress {
            types,
            min: compress.min.or(defaults::COMPRESS_MIN),
        })
    }
}
