//! The HTTP status for a refusal of an FTP server.

use http::StatusCode;

/// What the client is told when the server refuses a file or directory; `None` for a code that is no refusal (1xx, 2xx, 3xx).
///
/// | Code | Status | Meaning (RFC 959 section 4.2.2, RFC 2228, RFC 4217) |
/// |---|---|---|
/// | 425, 426 | 502 | no data connection, or it broke |
/// | 4xx | 503 | busy, local error, no space for now |
/// | 530 | 401 | not logged in |
/// | 532 to 536, 553 | 403 | account or protection needed, name not allowed |
/// | 550 | 404 | no such file |
/// | 552 | 507 | no space |
/// | 5xx | 502 | the server does not know the command |
#[must_use]
pub const fn for_refusal(code: u16) -> Option<StatusCode> {
    Some(match code {
        425 | 426 => StatusCode::BAD_GATEWAY,
        400..=499 => StatusCode::SERVICE_UNAVAILABLE,
        530 => StatusCode::UNAUTHORIZED,
        532..=536 | 553 => StatusCode::FORBIDDEN,
        550 => StatusCode::NOT_FOUND,
        552 => StatusCode::INSUFFICIENT_STORAGE,
        500..=599 => StatusCode::BAD_GATEWAY,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(for_refusal(code).unwrap().as_u16(), status, "{code}");
        }
        for code in [125, 150, 200, 226, 331, 350] {
            assert_eq!(for_refusal(code), None, "{code}");
        }
    }
}
