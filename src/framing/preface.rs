//! What a connection of HTTP/2 begins with (RFC 9113 section 3.4).

/// What the first bytes of a connection say about its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Preface {
    /// They are the preface of HTTP/2.
    Http2,
    /// They are not: HTTP/1.1, or nothing that anybody knows.
    Other,
    /// So far they could be either.
    Incomplete,
}

impl Preface {
    /// The preface.
    pub(crate) const BYTES: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    /// Its length in bytes.
    pub(crate) const LENGTH: usize = Self::BYTES.len();

    /// Looks at the first bytes of a connection.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let length = bytes.len().min(Self::LENGTH);
        match bytes.get(..length) == Self::BYTES.get(..length) {
            false => Self::Other,
            true if length == Self::LENGTH => Self::Http2,
            true => Self::Incomplete,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_protocol_as_soon_as_they_differ() {
        for (bytes, found) in [
            ("", Preface::Incomplete),
            ("P", Preface::Incomplete),
            ("POST", Preface::Other),
            ("GET / HTTP/1.1\r\n", Preface::Other),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r", Preface::Incomplete),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Preface::Http2),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nrest", Preface::Http2),
            ("PRI * HTTP/1.1\r\n", Preface::Other),
        ] {
            assert_eq!(Preface::of(bytes.as_bytes()), found, "{bytes:?}");
        }
    }
}
