//! Recorded packets of mod_jk, mod_proxy_ajp and Tomcat: they decode to messages that encode to the same bytes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod recordings;

use ajp13::headers::Headers;
use ajp13::tables::HeaderCode;
use ajp13::{FromContainer, PacketSize, ToContainer};
use recordings::{decode_request, decode_response, encode_request, encode_response, recordings};

/// Every recorded packet of both Apache modules, in both directions.
#[test]
fn c03_c04_recorded_packets_of_the_apache_modules_are_encoded_to_the_same_bytes() {
    for folder in ["mod_jk", "mod_proxy_ajp"] {
        let (mut packets, mut files) = (0, 0);
        for (stem, request, response) in recordings(folder) {
            let answer = decode_response(&response);
            assert!(
                answer.error.is_none() && answer.rest == 0,
                "{folder}/{stem}: {:?}",
                answer.error
            );
            assert_eq!(
                encode_response(&answer.messages, PacketSize::MAX),
                response,
                "{folder}/{stem}"
            );

            let asked = decode_request(&request, PacketSize::MAX, &answer.messages);
            assert!(
                asked.error.is_none() && asked.rest == 0,
                "{folder}/{stem}: {:?}",
                asked.error
            );
            assert_eq!(
                encode_request(&asked.messages, PacketSize::MAX),
                request,
                "{folder}/{stem}"
            );

            packets += answer.messages.len() + asked.messages.len();
            files += 1;
            for message in &answer.messages {
                if let FromContainer::SendHeaders(head) = message {
                    assert_eq!(rebuilt(&head.headers), head.headers, "{folder}/{stem}");
                }
            }
            for message in &asked.messages {
                if let ToContainer::ForwardRequest(request) = message {
                    assert_eq!(
                        rebuilt(&request.headers),
                        request.headers,
                        "{folder}/{stem}"
                    );
                }
            }
        }
        assert!(
            files >= 80 && packets > 500,
            "{folder}: {files} files, {packets} packets"
        );
    }
}

/// The fields, decoded and built again. Order, case, and coded or text form must be kept.
fn rebuilt<C: HeaderCode>(headers: &Headers<C>) -> Headers<C> {
    let mut builder = Headers::builder();
    for (name, value) in headers {
        builder.push_raw(&name, value.as_ref()).unwrap();
    }
    builder.build()
}

/// Recordings whose connector had `packetSize="65536"`.
const LARGE_PACKETS: [&str; 4] = [
    "024-max-packet-65536",
    "025-max-packet-65537",
    "220-resp-large-pkt65536",
    "274-header-name-length-A005",
];

/// Recordings of malformed packets to Tomcat, and the error of each here. Tomcat accepts more: it skips bytes after a
/// message and does not check the NUL of a string (`protocol/AJP13.md`, "Data types").
const REFUSED: [(&str, &str); 52] = [
    (
        "003-cping-extra-bytes",
        "2 bytes after the end of the message",
    ),
    (
        "007-bad-magic",
        "packet starts with 0x41 0x42 instead of its magic bytes",
    ),
    (
        "008-bad-magic-http",
        "packet starts with 0x47 0x45 instead of its magic bytes",
    ),
    ("009-zero-length-first-packet", "packet without a type"),
    ("010-zero-length-then-get", "packet without a type"),
    ("011-prefix-code-0", "unknown packet type 0"),
    ("012-prefix-code-1", "unknown packet type 1"),
    ("013-prefix-code-3", "unknown packet type 3"),
    ("014-prefix-code-4", "unknown packet type 4"),
    ("017-prefix-code-9", "unknown packet type 9"),
    ("018-prefix-code-11", "unknown packet type 11"),
    ("019-prefix-code-16", "unknown packet type 16"),
    ("020-prefix-code-255", "unknown packet type 255"),
    (
        "022-max-packet-8193",
        "payload of 8189 bytes exceeds the limit of 8188",
    ),
    (
        "023-declared-length-65535",
        "payload of 65535 bytes exceeds the limit of 8188",
    ),
    (
        "025-max-packet-65537",
        "payload of 65533 bytes exceeds the limit of 65532",
    ),
    ("026-method-code-0", "unknown method code 0"),
    ("027-method-code-28", "unknown method code 28"),
    ("028-method-code-64", "unknown method code 64"),
    ("029-method-code-127", "unknown method code 127"),
    ("030-method-code-128", "unknown method code 128"),
    ("031-method-code-254", "unknown method code 254"),
    (
        "060-stored-method-absent",
        "method code 255 without a stored method",
    ),
    ("065-header-code-A000", "unknown header code a000"),
    ("066-header-code-A00F", "unknown header code a00f"),
    ("067-header-code-A1", "packet ends inside a field"),
    ("070-header-null-name", "header without a name"),
    ("075-header-count-too-high", "packet ends inside a field"),
    ("076-header-count-too-low", "unknown attribute code 0"),
    ("150-attr-code-14", "unknown attribute code 14"),
    ("151-attr-code-14-confusion", "unknown attribute code 14"),
    ("152-attr-code-0", "unknown attribute code 0"),
    ("164-no-terminator", "packet ends inside a field"),
    (
        "165-terminator-then-garbage",
        "12 bytes after the end of the message",
    ),
    ("166-string-past-end", "packet ends inside a field"),
    ("167-string-no-nul", "string without its terminating NUL"),
    ("168-truncated-forward", "packet ends inside a field"),
    (
        "180-body-chunk-len-too-large",
        "body of 100 bytes in a packet with room for 5",
    ),
    (
        "181-body-chunk-len-too-small",
        "body of 5 bytes in a packet with room for 10",
    ),
    (
        "182-body-with-nul",
        "body of 10 bytes in a packet with room for 11",
    ),
    ("183-body-one-byte-payload", "packet ends inside a field"),
    (
        "184-body-oversize",
        "payload of 8189 bytes exceeds the limit of 8188",
    ),
    (
        "185-body-bad-magic",
        "packet starts with 0x41 0x42 instead of its magic bytes",
    ),
    ("186-body-instead-cping", "packet ends inside a field"),
    ("195-body-unasked-no-cl-ignored", "unknown packet type 0"),
    ("196-body-cl0-unasked", "unknown packet type 0"),
    ("197-body-cl0-empty-packet", "packet without a type"),
    (
        "254-headers-count-ffff",
        "packet is too short for 65535 headers",
    ),
    // Tomcat executes this body as a request. Here it is refused, because the attacker's packet has padding.
    (
        "258-smuggle-unasked-body",
        "396 bytes after the end of the message",
    ),
    (
        "259-smuggle-unasked-body-secret",
        "396 bytes after the end of the message",
    ),
    (
        "271-get-body-ignored-then-cping",
        "packet ends inside a field",
    ),
    // The length A005 of a name is read as the code of Authorization, so that the following fields do not match.
    (
        "274-header-name-length-A005",
        "string without its terminating NUL",
    ),
];

/// Recordings whose `is_ssl` byte is neither 0 nor 1.
const IS_SSL: [&str; 2] = ["088-is-ssl-2", "089-is-ssl-255"];

/// Recordings that end inside a packet, with the number of bytes left over.
const CUT: [(&str, usize); 1] = [("169-packet-cut-then-close", 40)];

#[test]
fn recorded_packets_to_tomcat_are_decoded_or_refused_as_listed() {
    let mut refused = Vec::new();
    let mut cut = Vec::new();
    for (stem, request, response) in recordings("tomcat_raw") {
        let answer = decode_response(&response);
        assert!(answer.error.is_none(), "{stem}: {:?}", answer.error);
        assert_eq!(answer.rest, 0, "{stem}: Tomcat never stops inside a packet");
        assert_eq!(
            encode_response(&answer.messages, PacketSize::MAX),
            response,
            "{stem}"
        );

        let large = LARGE_PACKETS.contains(&stem.as_str());
        let size = if large {
            PacketSize::MAX
        } else {
            PacketSize::DEFAULT
        };
        let asked = decode_request(&request, size, &answer.messages);
        match asked.error {
            Some(error) => refused.push((stem, error.to_string())),
            None if asked.rest > 0 => cut.push((stem, asked.rest)),
            // Any non-zero byte means TLS; it is written as 1.
            None if IS_SSL.contains(&stem.as_str()) => {}
            None => assert_eq!(encode_request(&asked.messages, size), request, "{stem}"),
        }
    }
    let refused: Vec<_> = refused
        .iter()
        .map(|(stem, error)| (stem.as_str(), error.as_str()))
        .collect();
    assert_eq!(refused, REFUSED);
    let cut: Vec<_> = cut
        .iter()
        .map(|(stem, rest)| (stem.as_str(), *rest))
        .collect();
    assert_eq!(cut, CUT);
}
