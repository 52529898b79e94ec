//! The HTTP status for a refusal of an FTP server.

use http::StatusCode;

use crate::reply::Reply;

/// What the client is told when the server refuses a file or directory; `None` for a code that is no refusal (1xx, 2xx, 3xx).
///
/// | Code | Status | Meaning (RFC 959 section 4.2.2, RFC 2228, RFC 4217) |
/// |---|---|---|
/// | 425, 426 | 502 | no data connection, or it broke |
/// | 4xx | 503 | busy, local error, no space for now |
/// | 530 | 401 | not logged in |
/// | 532 to 536, 553 | 403 | account or protection needed, name not allowed |
/// | 550 | 404 | no such file; 403 where the text says that it is not permitted |
/// | 552 | 507 | no space |
/// | 5xx | 502 | the server does not know the command |
#[must_use]
pub fn for_refusal(reply: &Reply) -> Option<StatusCode> {
    Some(match reply.code {
        425 | 426 => StatusCode::BAD_GATEWAY,
        400..=499 => StatusCode::SERVICE_UNAVAILABLE,
        530 => StatusCode::UNAUTHORIZED,
        532..=536 | 553 => StatusCode::FORBIDDEN,
        550 if is_denied(&reply.first) => StatusCode::FORBIDDEN,
        550 => StatusCode::NOT_FOUND,
        552 => StatusCode::INSUFFICIENT_STORAGE,
        500..=599 => StatusCode::BAD_GATEWAY,
        _ => return None,
    })
}

/// Whether a text says that something is not permitted, as the servers of Debian write it.
fn is_denied(text: &[u8]) -> bool {
    let text = text.to_ascii_lowercase();
    let has = |word: &[u8]| memchr::memmem::find(&text, word).is_some();
    has(b"permission denied") || has(b"access denied") || has(b"not permitted")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, text: &str) -> Reply {
        Reply {
            code,
            first: text.as_bytes().to_vec(),
            last: text.as_bytes().to_vec(),
        }
    }

    #[test]
    fn each_refusal_has_a_status() {
        for (code, status) in [
            (421, 503),
            (425, 502),
            (426, 502),
            (450, 503),
            (451, 503),
            (452, 503),
            (500, 502),
            (502, 502),
            (530, 401),
            (532, 403),
            (534, 403),
            (536, 403),
            (550, 404),
            (551, 502),
            (552, 507),
            (553, 403),
        ] {
            let found = for_refusal(&reply(code, "text")).unwrap();
            assert_eq!(found.as_u16(), status, "{code}");
        }
        for code in [125, 150, 200, 226, 331, 350] {
            assert_eq!(for_refusal(&reply(code, "text")), None, "{code}");
        }
        for (text, status) in [
            ("Permission denied.", 403),
            ("a: Operation not permitted", 403),
            ("Failed to open file.", 404),
            ("/a: No such file or directory", 404),
        ] {
            let found = for_refusal(&reply(550, text)).unwrap();
            assert_eq!(found.as_u16(), status, "{text}");
        }
    }
}
