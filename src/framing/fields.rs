//! The fields that say where a body ends (RFC 9112 section 6).

use super::{Body, Chunk, Refused};

/// What the fields of a head say about its body.
#[derive(Debug, Default)]
pub(crate) struct BodyFields {
    length: Option<u64>,
    chunked: bool,
}

impl BodyFields {
    /// One line of a head behind its first.
    pub(crate) fn line(&mut self, line: &[u8]) -> Result<(), Refused> {
        match line.first() {
            Some(b' ' | b'\t') => Err(Refused::FoldedField),
            Some(b'c' | b'C') => match field(line, b"content-length") {
                Some(value) => self.content_length(value),
                None => Ok(()),
            },
            Some(b't' | b'T') => match field(line, b"transfer-encoding") {
                Some(value) => self.transfer_encoding(value),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// The value of a Content-Length field, without the white space around it.
    pub(crate) fn content_length(&mut self, value: &[u8]) -> Result<(), Refused> {
        if self.length.is_some() {
            return Err(Refused::SeveralLengths);
        }
        // 19 digits always fit.
        if value.is_empty() || value.len() > 19 || !value.iter().all(u8::is_ascii_digit) {
            return Err(Refused::BadLength);
        }
        let length = value
            .iter()
            .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        // Tomcat and others hold it in 63 bits, and answer 500 to what does not fit.
        if i64::try_from(length).is_err() {
            return Err(Refused::BadLength);
        }
        self.length = Some(length);
        Ok(())
    }

    /// The same for Transfer-Encoding.
    pub(crate) fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), Refused> {
        if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Refused::BadEncoding);
        }
        self.chunked = true;
        Ok(())
    }

    /// What Content-Length says; `None` without one.
    pub(crate) const fn length(&self) -> Option<u64> {
        self.length
    }

    /// The body that the fields of the head announce; `None` when they announce none. `http10`: the message is of HTTP/1.0,
    /// which has no Transfer-Encoding (RFC 9112 section 6.1).
    pub(crate) fn body(&self, http10: bool) -> Result<Option<Body>, Refused> {
        match (self.length, self.chunked) {
            (Some(_), true) => Err(Refused::LengthAndEncoding),
            (_, true) if http10 => Err(Refused::EncodingInHttp10),
            (_, true) => Ok(Some(Body::Chunked(Chunk::START))),
            (length, false) => Ok(length.map(Body::of_length)),
        }
    }
}

/// The value of a field of this name, without the white space around it.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (found, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    found.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}
