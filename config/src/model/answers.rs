//! How answers look: error pages and compression.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// A file that is sent as the body of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// Its name.
    pub file: PathBuf,
    /// Its content, when the configuration was read.
    pub body: Arc<[u8]>,
}

/// `error_pages`: pages by status, from 400 to 599.
pub type ErrorPages = BTreeMap<u16, Page>;

/// `error_override`: which answers of backends the pages stand in for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorOverride {
    /// Of none.
    Off,
    /// Of every status that has a page.
    All,
    /// Of these statuses.
    Statuses(Vec<u16>),
}

impl ErrorOverride {
    /// Whether a page stands in for a backend's answer of this status.
    #[must_use]
    pub fn covers(&self, status: u16) -> bool {
        match self {
            Self::Off => false,
            Self::All => true,
            Self::Statuses(statuses) => statuses.contains(&status),
        }
    }
}

/// `compress`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compress {
    /// What is compressed; at least one.
    pub types: Vec<MediaRange>,
    /// Answers that are known to be shorter, in bytes, are not compressed.
    pub min: u64,
}

/// A media type, or all of one kind: `text/html`, `text/*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaRange {
    /// In lower case, with `*` for any subtype.
    text: String,
}

impl MediaRange {
    pub(crate) fn new(text: &str) -> Self {
        Self {
            text: text.to_ascii_lowercase(),
        }
    }

    /// As it is written, in lower case.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a media type, without parameters and in any case, is of this kind. A stream of events (`text/event-stream`) has
    /// to be named in full.
    #[must_use]
    pub fn covers(&self, media_type: &str) -> bool {
        if media_type.eq_ignore_ascii_case(&self.text) {
            return true;
        }
        let Some(kind) = self.text.strip_suffix('*') else {
            return false;
        };
        let start = media_type.get(..kind.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(kind))
            && !media_type.eq_ignore_ascii_case("text/event-stream")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_cover_their_types() {
        for (range, media_type, expected) in [
            ("text/html", "text/html", true),
            ("text/html", "TEXT/HTML", true),
            ("text/html", "text/htm", false),
            ("text/*", "text/css", true),
            ("text/*", "Text/Event-Stream", false),
            ("text/event-stream", "text/event-stream", true),
            ("text/*", "textual/css", false),
            ("text/*", "text", false),
            ("Image/SVG+xml", "image/svg+xml", true),
            ("text/*", "", false),
        ] {
            let covers = MediaRange::new(range).covers(media_type);
            assert_eq!(covers, expected, "{range} {media_type}");
        }
    }
}
