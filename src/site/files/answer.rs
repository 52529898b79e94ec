//! The head of the answer that has a file, or says what is known of it.

use http::StatusCode;

use super::facts::Version;
use crate::head::{AnswerHead, Fields, Part};
use crate::site::coding::Coding;
use crate::site::media_type;

/// A file as a client gets it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form<'a> {
    /// The name of the file, whose end says what kind of file it is; also where a compressed neighbour is sent.
    pub(super) name: &'a [u8],
    pub(super) version: &'a Version,
    /// In bytes.
    pub(super) size: u64,
    /// That of the neighbour which is sent in its place.
    pub(super) coding: Option<Coding>,
    /// Whether there are compressed neighbours, so that other clients get another form.
    pub(super) varies: bool,
    /// `cache_control` of the mapping.
    pub(super) cache_control: Option<&'a str>,
}

impl Form<'_> {
    /// The head of 200, or of 206 with a part.
    pub(super) fn sent(&self, part: Part) -> AnswerHead {
        let mut fields = self.described();
        fields.push(b"Content-Type", media_type::of_file(self.name).as_bytes());
        if let Some(coding) = self.coding {
            fields.push(b"Content-Encoding", coding.name().as_bytes());
        }
        fields.push(b"Accept-Ranges", b"bytes");
        let status = match part {
            Part::Bytes { first, last } => {
                let range = format!("bytes {first}-{last}/{}", self.size);
                fields.push(b"Content-Range", range.as_bytes());
                StatusCode::PARTIAL_CONTENT
            }
            Part::Whole | Part::Outside => StatusCode::OK,
        };
        AnswerHead { status, fields }
    }

    /// The head of 304.
    pub(super) fn unchanged(&self) -> AnswerHead {
        AnswerHead {
            status: StatusCode::NOT_MODIFIED,
            fields: self.described(),
        }
    }

    /// What 200 and 304 have alike (RFC 9110 section 15.4.5).
    fn described(&self) -> Fields {
        let mut fields = Fields::with_capacity(10, 320);
        if let Some(modified) = self.version.last_modified() {
            fields.push(b"Last-Modified", modified.as_bytes());
        }
        fields.push(b"ETag", &self.version.tag);
        if let Some(cache_control) = self.cache_control {
            fields.push(b"Cache-Control", cache_control.as_bytes());
        }
        if self.varies {
            fields.push(b"Vary", b"Accept-Encoding");
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(head: &AnswerHead) -> String {
        let fields = head
            .fields
            .iter()
            .map(|(name, value)| format!("{}: {}\n", name.escape_ascii(), value.escape_ascii()));
        format!("{}\n{}", head.status.as_u16(), fields.collect::<String>())
    }

    #[test]
    fn heads_say_what_is_sent() {
        let version = Version {
            tag: *b"\"0123456789abcdef\"",
            modified: Some(1_795_478_400),
        };
        let form = Form {
            name: b"a.css",
            version: &version,
            size: 10,
            coding: Some(Coding::Br),
            varies: true,
            cache_control: Some("max-age=60"),
        };
        assert_eq!(
            shown(&form.sent(Part::Bytes { first: 2, last: 5 })),
            "206\nLast-Modified: Tue, 24 Nov 2026 00:00:00 GMT\nETag: \\\"0123456789abcdef\\\"\n\
             Cache-Control: max-age=60\nVary: Accept-Encoding\nContent-Type: text/css\n\
             Content-Encoding: br\nAccept-Ranges: bytes\nContent-Range: bytes 2-5/10\n"
        );
        let plain = Form {
            coding: None,
            varies: false,
            cache_control: None,
            ..form
        };
        assert_eq!(
            shown(&plain.sent(Part::Whole)),
            "200\nLast-Modified: Tue, 24 Nov 2026 00:00:00 GMT\nETag: \\\"0123456789abcdef\\\"\n\
             Content-Type: text/css\nAccept-Ranges: bytes\n"
        );
        assert_eq!(
            shown(&form.unchanged()),
            "304\nLast-Modified: Tue, 24 Nov 2026 00:00:00 GMT\nETag: \\\"0123456789abcdef\\\"\n\
             Cache-Control: max-age=60\nVary: Accept-Encoding\n"
        );
    }
}
