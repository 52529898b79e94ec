//! The media type of a file, by the ending of its name.

use std::path::Path;

/// What files without a known ending are.
const UNKNOWN: &str = "application/octet-stream";

/// The media type of a file that is sent as it is, without a charset: nobody has looked at its content.
pub(crate) fn of_file(name: &[u8]) -> &'static str {
    known(name).unwrap_or(UNKNOWN)
}

/// The `Content-Type` of a file that is held in memory, or of a text without a file: `otherwise` where the ending of the name
/// says nothing. Text that is UTF-8 is said to be.
pub(super) fn of_body(file: Option<&Path>, otherwise: &'static str, body: &[u8]) -> String {
    let name = file.map(|file| file.as_os_str().as_encoded_bytes());
    let media_type = name.and_then(known).unwrap_or(otherwise);
    match media_type.starts_with("text/") && str::from_utf8(body).is_ok() {
        true => format!("{media_type}; charset=utf-8"),
        false => media_type.to_owned(),
    }
}

/// The media type that the ending of a name says. A dot that begins a name begins no ending.
fn known(name: &[u8]) -> Option<&'static str> {
    let name = name.rsplit(|byte| *byte == b'/').next()?;
    let mut parts = name.rsplitn(2, |byte| *byte == b'.');
    let ending = str::from_utf8(parts.next()?).ok()?;
    parts.next().filter(|name| !name.is_empty())?;
    mime_guess::from_ext(ending).first_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_a_name_says_what_it_is() {
        for (name, expected) in [
            ("index.html", "text/html"),
            ("INDEX.HTML", "text/html"),
            ("a/b.css", "text/css"),
            ("app.min.js", "text/javascript"),
            ("a.json", "application/json"),
            ("logo.svg", "image/svg+xml"),
            ("logo.png", "image/png"),
            ("font.woff2", "font/woff2"),
            ("a.wasm", "application/wasm"),
            ("a.pdf", "application/pdf"),
            ("a.txt", "text/plain"),
            ("a.tar.gz", "application/gzip"),
            ("README", UNKNOWN),
            ("html", UNKNOWN),
            (".html", UNKNOWN),
            ("a/.html", UNKNOWN),
            ("a.css/html", UNKNOWN),
            ("a.", UNKNOWN),
            ("a.css/", UNKNOWN),
            ("", UNKNOWN),
            ("a.nobody-knows", UNKNOWN),
            ("a.h\u{e9}", UNKNOWN),
        ] {
            assert_eq!(of_file(name.as_bytes()), expected, "{name}");
        }
        assert_eq!(of_file(b"a.\xff"), UNKNOWN);
    }

    #[test]
    fn text_in_memory_names_its_charset() {
        let of = |name: &str, body: &[u8]| of_body(Some(Path::new(name)), "text/plain", body);
        for (name, expected) in [
            ("a.html", "text/html; charset=utf-8"),
            ("a.webmanifest", "application/manifest+json"),
            ("security.txt", "text/plain; charset=utf-8"),
            ("list.csv", "text/csv; charset=utf-8"),
            ("feed.rss", "application/rss+xml"),
            ("a.json", "application/json"),
            ("a.svg", "image/svg+xml"),
            ("a.pdf", "application/pdf"),
            ("robots", "text/plain; charset=utf-8"),
        ] {
            assert_eq!(of(name, b"\xc3\xa9"), expected, "{name}");
        }
        assert_eq!(of("a.html", b"\xe9"), "text/html");
        assert_eq!(
            of_body(None, "text/plain", b""),
            "text/plain; charset=utf-8"
        );
    }
}
