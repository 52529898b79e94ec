//! Pages that are the bodies of errors (`error_pages`, `error_override`).

use ajpgate_config::{ErrorOverride, ErrorPages as Configured, Page};
use bytes::Bytes;
use http::StatusCode;

use super::media_type;
use crate::head::{Fields, Known};

/// A page, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct ErrorPage {
    status: u16,
    content_type: String,
    page: Page,
    pub(crate) body: Bytes,
}

/// Pages by status.
#[derive(Debug, Clone, Default)]
pub(crate) struct ErrorPages(Vec<ErrorPage>);

/// Who gave an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Giver {
    /// The gateway refused the request, or could not have it answered.
    Gateway,
    /// A member.
    Member,
}

impl ErrorPages {
    pub(crate) fn new(configured: &Configured) -> Self {
        let pages = configured.iter().map(|(status, page)| ErrorPage {
            status: *status,
            content_type: media_type::of_body(Some(page.file.as_path()), "text/html", &page.body),
            body: Bytes::copy_from_slice(&page.body),
            page: page.clone(),
        });
        Self(pages.collect())
    }

    fn get(&self, status: StatusCode) -> Option<&ErrorPage> {
        self.0.iter().find(|page| page.status == status.as_u16())
    }

    /// The page that is the body of an answer: the mapping's before the gateway's. A member's answer keeps its own body
    /// unless `error_override` names its status.
    pub(crate) fn page_for<'p>(
        &'p self,
        of_mapping: Option<&'p Self>,
        overrides: &ErrorOverride,
        status: StatusCode,
        giver: Giver,
    ) -> Option<&'p ErrorPage> {
        if giver == Giver::Member && !overrides.covers(status.as_u16()) {
            return None;
        }
        let of_mapping = of_mapping.and_then(|pages| pages.get(status));
        of_mapping.or_else(|| self.get(status))
    }

    /// Whether the files hold what they held when they were read.
    pub(crate) fn are_current(&self) -> bool {
        self.0.iter().all(|page| page.page.is_current())
    }
}

/// Names of fields that describe the body that a page takes the place of (RFC 9110 sections 8 and 14).
const OF_BODY: &[&str] = &[
    "accept-ranges",
    "content-disposition",
    "content-digest",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "digest",
    "etag",
    "last-modified",
    "repr-digest",
    "transfer-encoding",
];

impl ErrorPage {
    /// Makes the fields of an answer fit this body. Whatever does not describe a body stays: cookies of a session, `Retry-After`,
    /// `WWW-Authenticate`.
    pub(crate) fn fit(&self, status: StatusCode, fields: &mut Fields) {
        fields.retain(|_, name| {
            !OF_BODY
                .iter()
                .any(|it| name.eq_ignore_ascii_case(it.as_bytes()))
        });
        // With 416 it says how long the file is (RFC 9110 section 15.5.17).
        if status != StatusCode::RANGE_NOT_SATISFIABLE {
            fields.remove("content-range");
        }
        fields.remove(Known::ContentType);
        fields.push_known(
            Known::ContentType,
            b"Content-Type",
            self.content_type.as_bytes(),
        );
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn pages(folder: &Path, yaml: &str) -> (ErrorPages, ErrorPages, ErrorOverride) {
        let file = folder.join("x.yaml");
        let text = format!(
            "listeners: [{{ bind: \"127.0.0.1:0\" }}]\nproxy_pass:\n  - path: /\n    to: \"ajp://a:1/\"\n{yaml}\n"
        );
        let loaded = ajpgate_config::parse(&text, &file, &|_| None).unwrap();
        let config = loaded.config;
        (
            ErrorPages::new(&config.error_pages),
            ErrorPages::new(&config.mappings[0].error_pages),
            config.error_override,
        )
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("a.html", "global"), ("b.html", "own"), ("c.json", "{}")] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn the_mappings_page_comes_first_and_members_keep_their_bodies() {
        let folder = folder();
        let (global, own, overrides) = pages(
            folder.path(),
            "    error_pages: { 404: b.html }\n\
             error_pages: { 404: a.html, 500: a.html, 503: c.json }\nerror_override: [404, 500]",
        );
        for (status, giver, expected) in [
            (404, Giver::Gateway, Some("own")),
            (500, Giver::Gateway, Some("global")),
            (503, Giver::Gateway, Some("{}")),
            (502, Giver::Gateway, None),
            (404, Giver::Member, Some("own")),
            (500, Giver::Member, Some("global")),
            (503, Giver::Member, None),
            (200, Giver::Member, None),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let page = global.page_for(Some(&own), &overrides, status, giver);
            let body = page.map(|page| &page.body[..]);
            assert_eq!(body, expected.map(str::as_bytes), "{status} {giver:?}");
        }
        assert!(global.are_current());
    }

    #[test]
    fn fields_of_the_old_body_go_and_all_others_stay() {
        let folder = folder();
        let (global, _, _) = pages(folder.path(), "error_pages: { 503: c.json, 404: a.html }");
        let mut fields = Fields::default();
        for (name, value) in [
            ("Content-Type", "text/plain"),
            ("ETag", "\"1\""),
            ("Set-Cookie", "a"),
            ("content-length", "7"),
            ("Retry-After", "5"),
            ("Content-Encoding", "gzip"),
            ("Set-Cookie", "b"),
            ("Last-Modified", "x"),
            ("Cache-Control", "no-store"),
        ] {
            fields.push(name.as_bytes(), value.as_bytes());
        }
        global
            .get(StatusCode::NOT_FOUND)
            .unwrap()
            .fit(StatusCode::NOT_FOUND, &mut fields);
        let shown: Vec<_> = fields
            .iter()
            .map(|(_, value)| String::from_utf8_lossy(value))
            .collect();
        assert_eq!(
            shown,
            ["a", "5", "b", "no-store", "text/html; charset=utf-8"]
        );
        let json = global.get(StatusCode::SERVICE_UNAVAILABLE).unwrap();
        assert_eq!(json.content_type, "application/json");
    }
}
