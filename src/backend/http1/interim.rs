//! Interim answers of a member on their way to the client (RFC 9110 section 15.2): 102, 103 and those to come.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::StatusCode;

use super::super::head::{MAX_FIELDS, drop_hop_by_hop};
use crate::head::{Fields, is_name, is_value};

/// The head that the client gets for this head of an interim answer. `None` where the head is malformed: the final answer
/// tells all that counts.
pub(super) fn for_client(head: &[u8]) -> Option<Bytes> {
    let mut parsed_fields = vec![httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut parsed = httparse::Response::new(&mut parsed_fields);
    if !parsed.parse(head).ok()?.is_complete() {
        return None;
    }
    let status = StatusCode::from_u16(parsed.code?).ok()?;
    let mut fields = Fields::default();
    for field in parsed.headers.iter() {
        if !is_name(field.name.as_bytes()) || !is_value(field.value) {
            return None;
        }
        fields.push(field.name.as_bytes(), field.value);
    }
    drop_hop_by_hop(&mut fields);
    fields.remove("Content-Length");
    let mut out = BytesMut::with_capacity(head.len());
    out.put_slice(b"HTTP/1.1 ");
    out.put_slice(status.as_str().as_bytes());
    out.put_slice(b" ");
    out.put_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.put_slice(b"\r\n");
    for (name, value) in fields.iter() {
        out.put_slice(name);
        out.put_slice(b": ");
        out.put_slice(value);
        out.put_slice(b"\r\n");
    }
    out.put_slice(b"\r\n");
    Some(out.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_the_fields_but_not_those_of_the_members_connection() {
        let head =
            b"HTTP/1.1 103 Hints\r\nlink: </a>; rel=preload\r\nLink: </b>\r\nConnection: x-hop\r\n\
            X-Hop: 1\r\nContent-Length: 3\r\n\r\n";
        assert_eq!(
            for_client(head).unwrap(),
            "HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\nLink: </b>\r\n\r\n"
        );
        assert_eq!(
            for_client(b"HTTP/1.1 102 X\r\n\r\n").unwrap(),
            "HTTP/1.1 102 Processing\r\n\r\n"
        );
    }

    #[test]
    fn a_malformed_head_is_left_out() {
        for head in [
            &b"HTTP/1.1 103 X\r\nA B: c\r\n\r\n"[..],
            b"HTTP/1.1 103 X\r\nA: \0\r\n\r\n",
            b"HTTP/1.1 103 X\r\n",
        ] {
            assert_eq!(for_client(head), None);
        }
    }
}
