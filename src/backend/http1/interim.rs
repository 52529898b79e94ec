//! Interim answers of a member on their way to the client (RFC 9110 section 15.2): 102, 103 and those to come.

use http::StatusCode;

use super::super::head::{MAX_FIELDS, drop_hop_by_hop};
use crate::head::{AnswerHead, Fields, is_name, is_value};

/// The head that the client gets for this head of an interim answer. `None` where the head is malformed: the final answer
/// tells all that counts.
pub(super) fn for_client(head: &[u8]) -> Option<AnswerHead> {
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
    Some(AnswerHead { status, fields })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_the_fields_but_not_those_of_the_members_connection() {
        let head =
            b"HTTP/1.1 103 Hints\r\nlink: </a>; rel=preload\r\nLink: </b>\r\nConnection: x-hop\r\n\
            X-Hop: 1\r\nContent-Length: 3\r\n\r\n";
        let AnswerHead { status, fields } = for_client(head).unwrap();
        assert_eq!(status, 103);
        let fields: Vec<_> = fields.iter().collect();
        assert_eq!(
            fields,
            [
                (&b"link"[..], &b"</a>; rel=preload"[..]),
                (b"Link", b"</b>")
            ]
        );
        let bare = for_client(b"HTTP/1.1 102 X\r\n\r\n").unwrap();
        assert_eq!((bare.status.as_u16(), bare.fields.len()), (102, 0));
    }

    #[test]
    fn a_malformed_head_is_left_out() {
        for head in [
            &b"HTTP/1.1 103 X\r\nA B: c\r\n\r\n"[..],
            b"HTTP/1.1 103 X\r\nA: \0\r\n\r\n",
            b"HTTP/1.1 103 X\r\n",
        ] {
            assert!(for_client(head).is_none());
        }
    }
}
