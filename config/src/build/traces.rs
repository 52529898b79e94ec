//! `tracing`.

use super::{Builder, Need};
use crate::defaults;
use crate::field::Field;
use crate::file;
use crate::model::Tracing;

/// The path of a collector's url that names none (OTLP 1.0, "OTLP/HTTP Request").
const PATH: &str = "/v1/traces";

impl Builder<'_> {
    pub(super) fn traces(&self, field: Field<file::Tracing>) -> Option<Tracing> {
        let (place, traces) = field.given()?;
        let need = Need {
            of: "tracing",
            key: "otlp",
            example: "\"http://127.0.0.1:4318\"",
        };
        let (_, url) = self.required(traces.otlp, place, need)?;
        let mut otlp = url.0.url.text;
        if url.0.path == "/" && url.0.query.is_none() {
            otlp.push_str(PATH);
        } else {
            // The text of a url has no slash at its end.
            otlp.truncate(otlp.len().saturating_sub(url.0.url.path.len()));
            otlp.push_str(&url.0.path);
        }
        if let Some(query) = url.0.query {
            otlp.push('?');
            otlp.push_str(&query);
        }
        Some(Tracing {
            otlp,
            sample: traces.sample.or(defaults::SAMPLE),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    fn otlp(url: &str) -> String {
        let yaml =
            format!("listeners: [{{ bind: \"[::1]:0\" }}]\ntracing: {{ otlp: \"{url}\" }}\n");
        let loaded = crate::parse(&yaml, Path::new("x"), &|_| None).unwrap();
        loaded.config.traces.unwrap().otlp
    }

    #[test]
    fn a_url_without_a_path_gets_the_one_of_otlp() {
        for (written, expected) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://a:4318/", "http://a:4318/v1/traces"),
            ("https://a/v1/traces", "https://a/v1/traces"),
            ("https://a/in/traces/", "https://a/in/traces/"),
            ("https://a/x?key=1", "https://a/x?key=1"),
            ("https://a/?key=1", "https://a/?key=1"),
        ] {
            assert_eq!(otlp(written), expected, "{written}");
        }
    }
}
