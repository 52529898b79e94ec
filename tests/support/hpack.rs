//! HPACK (RFC 7541): header lists written plainly, and answers read.

#![allow(dead_code, reason = "each test binary uses a part of these helpers")]

use std::collections::VecDeque;

/// Name and value.
pub(crate) type Field = (String, String);

/// Entries 1 to 61 of the static table (RFC 7541 appendix A).
#[rustfmt::skip]
const STATIC: [(&str, &str); 61] = [
    (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
    (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
    (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
    ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""), ("cache-control", ""),
    ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
    ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""), ("etag", ""),
    ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""), ("if-modified-since", ""),
    ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""),
    ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""),
    ("referer", ""), ("refresh", ""), ("retry-after", ""), ("server", ""), ("set-cookie", ""),
    ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""), ("vary", ""), ("via", ""),
    ("www-authenticate", ""),
];

/// Bits of the Huffman code of each byte (RFC 7541 appendix B). Codes are given out in the order of length, then byte.
#[rustfmt::skip]
const HUFFMAN: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

/// A header list, each field a literal that is not indexed and not compressed.
pub(crate) fn encode(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        put_text(&mut block, name.as_bytes());
        put_text(&mut block, value.as_bytes());
    }
    block
}

/// A text that is not compressed.
pub(crate) fn put_text(block: &mut Vec<u8>, text: &[u8]) {
    put_number(block, 0, 7, text.len());
    block.extend_from_slice(text);
}

/// A number with a prefix of so many bits, whose other bits are those of `first` (RFC 7541 section 5.1).
pub(crate) fn put_number(block: &mut Vec<u8>, first: u8, bits: u32, number: usize) {
    let most = (1_usize << bits) - 1;
    if number < most {
        return block.push(first | u8::try_from(number).unwrap());
    }
    block.push(first | u8::try_from(most).unwrap());
    let mut rest = number - most;
    while rest >= 128 {
        block.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    block.push(u8::try_from(rest).unwrap());
}

/// Reads header lists of one connection.
#[derive(Default)]
pub(crate) struct Decoder {
    /// The newest first.
    table: VecDeque<Field>,
}

impl Decoder {
    /// The fields of a block.
    pub(crate) fn decode(&mut self, mut block: &[u8]) -> Vec<Field> {
        let mut fields = Vec::new();
        while let [first, ..] = *block {
            if first & 0x80 != 0 {
                let index = number(&mut block, 7);
                fields.push(self.entry(index));
            } else if first & 0xe0 == 0x20 {
                number(&mut block, 5);
            } else {
                let keeps = first & 0x40 != 0;
                let name = match number(&mut block, if keeps { 6 } else { 4 }) {
                    0 => text(&mut block),
                    index => self.entry(index).0,
                };
                let field = (name, text(&mut block));
                if keeps {
                    self.table.push_front(field.clone());
                    let size = |(name, value): &Field| name.len() + value.len() + 32;
                    while self.table.iter().map(size).sum::<usize>() > 4096 {
                        self.table.pop_back();
                    }
                }
                fields.push(field);
            }
        }
        fields
    }

    fn entry(&self, index: usize) -> Field {
        match STATIC.get(index - 1) {
            Some((name, value)) => ((*name).to_owned(), (*value).to_owned()),
            None => self.table[index - 1 - STATIC.len()].clone(),
        }
    }
}

fn number(block: &mut &[u8], bits: u32) -> usize {
    let most = (1_usize << bits) - 1;
    let mut number = usize::from(take(block)) & most;
    let mut shift = 0;
    while number >= most {
        let byte = take(block);
        number += usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}

fn text(block: &mut &[u8]) -> String {
    let is_huffman = block[0] & 0x80 != 0;
    let length = number(block, 7);
    let (text, rest) = block.split_at(length);
    *block = rest;
    let text = if is_huffman {
        huffman(text)
    } else {
        text.to_vec()
    };
    String::from_utf8(text).unwrap()
}

fn take(block: &mut &[u8]) -> u8 {
    let (first, rest) = block.split_first().unwrap();
    *block = rest;
    *first
}

fn huffman(text: &[u8]) -> Vec<u8> {
    let mut order: Vec<u8> = (0..=255).collect();
    order.sort_by_key(|byte| (HUFFMAN[usize::from(*byte)], *byte));
    let mut codes = std::collections::HashMap::new();
    let (mut code, mut before) = (0_u32, HUFFMAN[usize::from(order[0])]);
    for (at, byte) in order.into_iter().enumerate() {
        let bits = HUFFMAN[usize::from(byte)];
        code = (code + u32::from(at > 0)) << (bits - before);
        codes.insert((bits, code), byte);
        before = bits;
    }
    let (mut out, mut bits, mut code) = (Vec::new(), 0, 0);
    for bit in text
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1))
    {
        (bits, code) = (bits + 1, code << 1 | u32::from(bit));
        if let Some(byte) = codes.get(&(bits, code)) {
            out.push(*byte);
            (bits, code) = (0, 0);
        }
    }
    assert!(bits < 8, "what is left is padding");
    out
}
