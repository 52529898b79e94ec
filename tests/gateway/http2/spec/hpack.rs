//! HPACK (RFC 7541). `h2` answers every fault of a header block with PROTOCOL_ERROR, where COMPRESSION_ERROR is asked for.

use super::Case;
use super::Wanted::{Answer, Other};
use super::check;
use crate::support::h2::{
    COMPRESSION_ERROR, END_HEADERS, END_STREAM, HEADERS, PROTOCOL_ERROR, frame, get,
};
use crate::support::hpack::{encode, put_number, put_text};

/// A block with `before` and `behind` the pseudo-fields of a GET.
fn block(before: &[u8], behind: &[u8]) -> Vec<u8> {
    let block = [before, &encode(&get("/")), behind].concat();
    frame(HEADERS, END_HEADERS | END_STREAM, 1, &block)
}

fn good(rule: &'static str, behind: &[u8]) -> Case {
    (rule, block(&[], behind), Answer(200))
}

fn bad(rule: &'static str, behind: &[u8]) -> Case {
    let wanted = Other(PROTOCOL_ERROR, COMPRESSION_ERROR);
    (rule, block(&[], behind), wanted)
}

/// A literal field: the first byte, the name in full, and the value.
fn literal(first: u8) -> Vec<u8> {
    let mut field = vec![first];
    put_text(&mut field, b"x-test");
    put_text(&mut field, b"test");
    field
}

/// A literal field whose name is that of an entry.
fn indexed_name(first: u8, bits: u32) -> Vec<u8> {
    let mut field = Vec::new();
    put_number(&mut field, first, bits, 58);
    put_text(&mut field, b"test");
    field
}

#[tokio::test]
async fn each_representation_is_read() {
    let mut long = Vec::new();
    put_number(&mut long, 0, 4, 58);
    put_text(&mut long, &[b'a'; 300]);
    let stored = literal(0x40);
    check(vec![
        good("2.3.1 a field of the static table", &[0x80 | 16]),
        good(
            "6.2.1 literal that is stored, name of an entry",
            &indexed_name(0x40, 6),
        ),
        good("6.2.1 literal that is stored, new name", &stored),
        good(
            "2.3.2 a field of the dynamic table",
            &[&stored[..], &[0x80 | 62]].concat(),
        ),
        good(
            "6.2.2 literal that is not stored, name of an entry",
            &indexed_name(0, 4),
        ),
        good("6.2.2 literal that is not stored, new name", &literal(0)),
        good(
            "6.2.3 literal that is never stored, name of an entry",
            &indexed_name(0x10, 4),
        ),
        good(
            "6.2.3 literal that is never stored, new name",
            &literal(0x10),
        ),
        good("5.1 a length of several bytes", &long),
        // `user-agent: test`, the value as Huffman code.
        good("5.2 Huffman code", &[0x40 | 58, 0x83, 0x49, 0x50, 0x9f]),
        ("6.3 a smaller table", block(&[0x20], &[]), Answer(200)),
        (
            "4.2 two changes of the table",
            block(&[0x20, 0x3f, 0xe1, 0x1f], &[]),
            Answer(200),
        ),
    ])
    .await;
}

#[tokio::test]
async fn each_fault_ends_the_connection() {
    check(vec![
        bad("2.3.3 an entry beyond both tables", &[0x80 | 70]),
        bad(
            "2.3.3 a name of an entry beyond both tables",
            &[0x40 | 0x3f, 7, 4, b't', b'e', b's', b't'],
        ),
        bad("4.2 a change of the table at the end", &[0x21]),
        bad(
            "5.1 a number without end",
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        ),
        bad(
            "5.2 a text longer than its block",
            &[0, 0x7f, 0x80, 0x01, b'a'],
        ),
        bad(
            "5.2 more than seven bits of padding",
            &[0x40 | 58, 0x84, 0x49, 0x50, 0x9f, 0xff],
        ),
        bad("5.2 padding of zeros", &[0x40 | 58, 0x83, 0x49, 0x50, 0x98]),
        bad(
            "5.2 the end of a text inside",
            &[0x40 | 58, 0x84, 0xff, 0xff, 0xff, 0xff],
        ),
        bad("6.1 entry 0", &[0x80]),
        (
            "6.3 a table larger than SETTINGS allow",
            block(&[0x3f, 0xe2, 0x1f], &[]),
            Other(PROTOCOL_ERROR, COMPRESSION_ERROR),
        ),
        (
            "4.3 a block that is cut off",
            frame(
                HEADERS,
                END_HEADERS | END_STREAM,
                1,
                &encode(&get("/"))[..20],
            ),
            Other(PROTOCOL_ERROR, COMPRESSION_ERROR),
        ),
    ])
    .await;
}
