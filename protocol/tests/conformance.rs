//! The cases C01 to C18 of the codec (`protocol/AJP13.md`). C03 and C04 are in `captures/main.rs`, C16 is in
//! `properties.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use ajp13::codec::{ContainerCodec, GatewayCodec};
use ajp13::encode::{BodyEncoder, RequestEncoder, RequestLine, encode_body};
use ajp13::headers::{HeaderName, Headers};
use ajp13::limits::MAX_HEADER_NAME;
use ajp13::request::{Attribute, RequestAttribute};
use ajp13::tables::{HeaderCode, METHODS, RequestHeader, ResponseHeader};
use ajp13::{
    BodyPacket, CodecError, ForwardRequest, FromContainer, Malformed, PacketSize, SendHeaders,
    ToContainer, Unencodable,
};
use bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

fn from_container(bytes: &[u8]) -> Result<Option<FromContainer>, CodecError> {
    GatewayCodec::new(PacketSize::DEFAULT).decode(&mut BytesMut::from(bytes))
}

fn to_container(bytes: &[u8], body: bool) -> Result<Option<ToContainer>, CodecError> {
    let mut codec = ContainerCodec::new(PacketSize::DEFAULT);
    if body {
        codec.expect_body();
    }
    codec.decode(&mut BytesMut::from(bytes))
}

#[track_caller]
fn malformed<T: std::fmt::Debug>(result: Result<Option<T>, CodecError>) -> Malformed {
    match result {
        Err(CodecError::Malformed(malformed)) => malformed,
        other => panic!("expected a malformed packet, got {other:?}"),
    }
}

fn line(method: &[u8]) -> RequestLine<'_> {
    RequestLine {
        method,
        protocol: b"HTTP/1.1",
        uri: b"/app",
        remote_addr: b"192.0.2.7",
        remote_host: None,
        server_name: b"shop.example.com",
        server_port: 80,
        is_ssl: false,
    }
}

/// A packet with this payload, to the container.
fn packet(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[0x12, 0x34], &length[..], payload].concat()
}

/// A packet with this payload, from the container.
fn answer(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [b"AB", &length[..], payload].concat()
}

/// FORWARD_REQUEST of `GET /` up to `is_ssl`, then these bytes.
fn forward(rest: &[u8]) -> Vec<u8> {
    let fixed = b"\x02\x02\0\x08HTTP/1.1\0\0\x01/\0\0\x01a\0\xff\xff\0\x01h\0\0\x50\0";
    packet(&[&fixed[..], rest].concat())
}

#[test]
fn c01_fixed_packets_have_their_exact_bytes() {
    let mut gateway = GatewayCodec::new(PacketSize::DEFAULT);
    for (message, bytes) in [
        (ToContainer::CPing, &b"\x12\x34\0\x01\x0a"[..]),
        (ToContainer::Shutdown, b"\x12\x34\0\x01\x07"),
        (ToContainer::Ping, b"\x12\x34\0\x01\x08"),
        (ToContainer::Body(BodyPacket::End), b"\x12\x34\0\x02\0\0"),
        (ToContainer::Body(BodyPacket::BareEnd), b"\x12\x34\0\0"),
    ] {
        let mut out = BytesMut::new();
        gateway.encode(message.clone(), &mut out).unwrap();
        assert_eq!(&out[..], bytes);
        let body = matches!(message, ToContainer::Body(_));
        assert_eq!(to_container(bytes, body).unwrap(), Some(message));
    }
    let mut container = ContainerCodec::new(PacketSize::DEFAULT);
    for (message, bytes) in [
        (FromContainer::CPong, &b"AB\0\x01\x09"[..]),
        (
            FromContainer::EndResponse { reuse: true },
            b"AB\0\x02\x05\x01",
        ),
        (
            FromContainer::EndResponse { reuse: false },
            b"AB\0\x02\x05\0",
        ),
        (FromContainer::GetBodyChunk(8186), b"AB\0\x03\x06\x1f\xfa"),
        (
            FromContainer::SendBodyChunk(Bytes::new()),
            b"AB\0\x04\x03\0\0\0",
        ),
    ] {
        let mut out = BytesMut::new();
        container.encode(message.clone(), &mut out).unwrap();
        assert_eq!(&out[..], bytes);
        assert_eq!(from_container(bytes).unwrap(), Some(message));
    }
}

#[test]
fn c02_strings_are_empty_text_or_null() {
    for (bytes, message) in [
        (&b"\x04\0\xc8\0\0\0\0\0"[..], Some(Bytes::new())),
        (
            b"\x04\0\xc8\0\x03abc\0\0\0",
            Some(Bytes::from_static(b"abc")),
        ),
        (b"\x04\0\xc8\xff\xff\0\0", None),
    ] {
        let head = SendHeaders {
            status: 200,
            message,
            headers: Headers::new(),
        };
        let expected = FromContainer::SendHeaders(head);
        assert_eq!(
            from_container(&answer(bytes)).unwrap(),
            Some(expected.clone())
        );
        let mut out = BytesMut::new();
        ContainerCodec::new(PacketSize::DEFAULT)
            .encode(expected, &mut out)
            .unwrap();
        assert_eq!(&out[..], &answer(bytes)[..]);
    }
}

#[test]
fn c05_methods_are_sent_as_codes_or_by_name() {
    for (code, method) in (1..=27).zip(METHODS) {
        let request = encode(&line(method.as_bytes()), |_| Ok(())).unwrap();
        assert_eq!(
            (request.method, request.method_name()),
            (code, Some(method.as_bytes()))
        );
        assert_eq!(request.text(Attribute::StoredMethod), None);
    }
    for method in ["PATCH", "FOOBAR", "get", "QUERY"] {
        let request = encode(&line(method.as_bytes()), |_| Ok(())).unwrap();
        assert_eq!(
            (request.method, request.method_name()),
            (0xFF, Some(method.as_bytes()))
        );
    }
    for code in (28..=254).chain([0]) {
        let mut bytes = forward(b"\0\0\xff");
        bytes[5] = code;
        assert_eq!(
            malformed(to_container(&bytes, false)),
            Malformed::Method(code)
        );
    }
    let mut bytes = forward(b"\0\0\xff");
    bytes[5] = 0xFF;
    assert_eq!(
        malformed(to_container(&bytes, false)),
        Malformed::NoStoredMethod
    );
}

#[test]
fn c06_header_codes_and_names_map_to_each_other_and_other_codes_are_refused() {
    for header in RequestHeader::ALL.iter().copied() {
        let request = encode(&line(b"GET"), |head| {
            head.header(header.name().as_bytes(), b"x")
        })
        .unwrap();
        let (name, _) = request.headers.iter().next().unwrap();
        assert_eq!(name, HeaderName::Coded(header));
        assert_eq!(name.as_bytes(), header.name().as_bytes());
    }
    for code in [0, 15, 0xFF] {
        let bytes = forward(&[0, 1, 0xA0, code, 0, 0, 0, 0xFF]);
        assert_eq!(
            malformed(to_container(&bytes, false)),
            Malformed::HeaderCode(code)
        );
    }
    for code in (12..=255).chain([0]) {
        let bytes = answer(&[4, 0, 200, 0, 0, 0, 0, 1, 0xA0, code, 0, 0, 0]);
        assert_eq!(
            malformed(from_container(&bytes)),
            Malformed::HeaderCode(code)
        );
    }
    for header in ResponseHeader::ALL.iter().copied() {
        let bytes = answer(&[4, 0, 200, 0, 0, 0, 0, 1, 0xA0, header.code(), 0, 1, b'x', 0]);
        let Some(FromContainer::SendHeaders(head)) = from_container(&bytes).unwrap() else {
            panic!()
        };
        assert_eq!(head.headers.get(header).as_deref(), Some(&b"x"[..]));
    }
}

#[test]
fn c07_a_coded_name_in_any_case_or_form_is_the_same_header() {
    for name in ["content-length", "Content-Length", "CONTENT-LENGTH"] {
        // As text, as mod_jk sends Accept-Language.
        let mut bytes = vec![0, 1, 0, 14];
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b"\0\0\x025\x31\0\xff");
        let Some(ToContainer::ForwardRequest(request)) =
            to_container(&forward(&bytes), false).unwrap()
        else {
            panic!()
        };
        assert_eq!(
            request.headers.get(RequestHeader::ContentLength).as_deref(),
            Some(&b"51"[..])
        );
        let (kept, _) = request.headers.iter().next().unwrap();
        assert_eq!(kept, HeaderName::Text(Bytes::from_static(name.as_bytes())));
        // The encoder always writes the code.
        let request = encode(&line(b"GET"), |head| head.header(name.as_bytes(), b"51")).unwrap();
        let (coded, _) = request.headers.iter().next().unwrap();
        assert_eq!(coded, HeaderName::Coded(RequestHeader::ContentLength));
    }
}

#[test]
fn c08_packets_are_read_from_any_split_and_from_one_buffer() {
    let head = b"\x04\0\xc8\0\x02OK\0\0\x01\xa0\x01\0\x04text\0";
    let stream = [answer(head), answer(b"\x03\0\x02hi\0"), answer(b"\x05\x01")].concat();
    let mut whole = BytesMut::from(&stream[..]);
    let mut codec = GatewayCodec::new(PacketSize::DEFAULT);
    let expected: Vec<_> = std::iter::from_fn(|| codec.decode(&mut whole).unwrap()).collect();
    assert_eq!(expected.len(), 3);
    for cut in 0..=stream.len() {
        let mut input = BytesMut::from(&stream[..cut]);
        let mut got: Vec<_> = std::iter::from_fn(|| codec.decode(&mut input).unwrap()).collect();
        input.extend_from_slice(&stream[cut..]);
        got.extend(std::iter::from_fn(|| codec.decode(&mut input).unwrap()));
        assert_eq!(got, expected, "cut at {cut}");
    }
}

#[test]
fn c09_payload_lengths_are_checked_before_memory_is_reserved() {
    let limit = PacketSize::DEFAULT.max_payload();
    // The container refuses a payload of P − 3 bytes before any of it has arrived.
    assert_eq!(
        malformed(to_container(b"\x12\x34\x1f\xfd", false)),
        Malformed::Oversize {
            length: 8189,
            limit
        }
    );
    assert_eq!(
        malformed(to_container(b"\x12\x34\xff\xff", false)),
        Malformed::Oversize {
            length: 65535,
            limit
        }
    );
    assert_eq!(
        malformed(to_container(b"\x12\x34\0\0", false)),
        Malformed::Empty
    );
    // P − 4 bytes are allowed: the decoder waits for them.
    assert_eq!(to_container(b"\x12\x34\x1f\xfc", false).unwrap(), None);
    // The gateway accepts any length, and reserves memory only as bytes arrive.
    let mut input = BytesMut::from(&b"AB\xff\xff\x03\xff\xfb"[..]);
    let mut codec = GatewayCodec::new(PacketSize::DEFAULT);
    assert_eq!(codec.decode(&mut input).unwrap(), None);
    assert!(
        input.capacity() < 20 * 1024,
        "{} bytes reserved ahead",
        input.capacity()
    );
    input.resize(4 + 65535, 0);
    let Some(FromContainer::SendBodyChunk(data)) = codec.decode(&mut input).unwrap() else {
        panic!()
    };
    assert_eq!(data.len(), 65531);
    assert_eq!(malformed(from_container(b"AB\0\0")), Malformed::Empty);
    assert_eq!(
        malformed(from_container(b"\x12\x34\0\x01\x0a")),
        Malformed::Magic([0x12, 0x34])
    );
}

#[test]
fn c10_strings_with_a_wrong_length_or_without_nul_are_refused() {
    for (string, error) in [
        (&b"\0\x09abc\0"[..], Malformed::Truncated),
        (b"\xff\xfeabc\0", Malformed::Truncated),
        (b"\0\x03abcX", Malformed::Unterminated),
    ] {
        let bytes = answer(&[&b"\x04\0\xc8"[..], string, b"\0\0"].concat());
        assert_eq!(malformed(from_container(&bytes)), error);
    }
    // A NUL inside a string is decoded. It is refused when the string is forwarded: by the encoder, as here, and by
    // the gateway when it makes an HTTP field of it.
    let bytes = answer(b"\x04\0\xc8\0\0\0\0\x01\xa0\x06\0\x03a\0b\0");
    let Some(FromContainer::SendHeaders(head)) = from_container(&bytes).unwrap() else {
        panic!()
    };
    let value = head.headers.get(ResponseHeader::Location).unwrap();
    assert_eq!(&value[..], b"a\0b");
    let mut builder = Headers::<ResponseHeader>::builder();
    assert_eq!(
        builder.push(b"Location", &value),
        Err(Unencodable::ControlCharacter)
    );
}

#[test]
fn c11_wrong_header_counts_are_refused() {
    for (count, error) in [
        (2_u16, Malformed::Truncated),
        (0, Malformed::Attribute(0xA0)),
        (0xFFFF, Malformed::HeaderCount(0xFFFF)),
    ] {
        let mut bytes = count.to_be_bytes().to_vec();
        bytes.extend_from_slice(b"\xa0\x0b\0\x04host\0\xff");
        assert_eq!(
            malformed(to_container(&forward(&bytes), false)),
            error,
            "{count}"
        );
    }
}

#[test]
fn c12_chunk_lengths_must_match_the_payload() {
    let chunk = |length: u16, payload: usize| {
        let mut bytes = vec![3];
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.resize(payload, 0);
        from_container(&answer(&bytes))
    };
    let data = |result: Result<Option<FromContainer>, _>| match result {
        Ok(Some(FromContainer::SendBodyChunk(data))) => data.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(data(chunk(97, 100)), 97);
    assert_eq!(data(chunk(96, 100)), 96);
    assert_eq!(
        malformed(chunk(98, 100)),
        Malformed::BodyLength {
            stated: 98,
            room: 97
        }
    );
    assert_eq!(
        malformed(chunk(200, 100)),
        Malformed::BodyLength {
            stated: 200,
            room: 97
        }
    );
    assert_eq!(
        malformed(chunk(95, 100)),
        Malformed::BodyLength {
            stated: 95,
            room: 97
        }
    );
    assert_eq!(
        malformed(from_container(&answer(b"\x03\0\x01xy"))),
        Malformed::Unterminated
    );
}

#[test]
fn c13_ssl_key_size_is_an_integer() {
    let request = encode(&line(b"GET"), |head| {
        head.ssl_key_size(256);
        Ok(())
    })
    .unwrap();
    assert_eq!(request.attributes, [RequestAttribute::SslKeySize(256)]);
    // As Undertow's client writes it: the string "256".
    let bytes = forward(b"\0\0\x0b\0\x03256\0\xff");
    assert_eq!(
        malformed(to_container(&bytes, false)),
        Malformed::Attribute(b'2')
    );
}

#[test]
fn c14_unassigned_attribute_codes_are_refused() {
    for code in [0, 0x0E, 0x80, 0xFE] {
        let bytes = forward(&[0, 0, code, 0, 3, 0, 4, b'e', 0, 0xFF]);
        assert_eq!(
            malformed(to_container(&bytes, false)),
            Malformed::Attribute(code)
        );
    }
}

#[test]
fn c15_long_header_names_are_not_sent() {
    let name = |length| vec![b'x'; length];
    assert!(
        encode(&line(b"GET"), |head| head
            .header(&name(MAX_HEADER_NAME), b""))
        .is_ok()
    );
    for length in [256, 40960, 41215] {
        let mut out = Vec::new();
        let mut head = RequestEncoder::begin(&mut out, PacketSize::MAX, &line(b"GET")).unwrap();
        assert_eq!(
            head.header(&name(length), b""),
            Err(Unencodable::HeaderName(length))
        );
    }
    assert_eq!(
        encode(&line(b"GET"), |head| head.header(b"", b"x")).unwrap_err(),
        Unencodable::HeaderName(0)
    );
}

#[test]
fn c17_bytes_above_ascii_and_tabs_are_kept() {
    let value = b"caf\xc3\xa9\tbar\x80\xff";
    let request = encode(&line(b"GET"), |head| head.header(b"x-text", value)).unwrap();
    let (name, kept) = request.headers.iter().next().unwrap();
    assert_eq!(
        (name.as_bytes(), kept.as_deref()),
        (&b"x-text"[..], Some(&value[..]))
    );
}

#[test]
fn c18_nothing_with_cr_lf_or_nul_is_encoded() {
    for bad in [&b"a\rb"[..], b"a\nb", b"a\0b", b"a\r\nInjected: yes"] {
        let refused = |change: &dyn Fn(&mut RequestLine<'static>)| {
            let mut line = line(b"GET");
            change(&mut line);
            encode(&line, |_| Ok(())).unwrap_err()
        };
        let bad: &'static [u8] = Vec::leak(bad.to_vec());
        for error in [
            refused(&|line| line.method = bad),
            refused(&|line| line.protocol = bad),
            refused(&|line| line.uri = bad),
            refused(&|line| line.remote_addr = bad),
            refused(&|line| line.remote_host = Some(bad)),
            refused(&|line| line.server_name = bad),
            encode(&line(b"GET"), |head| head.header(bad, b"x")).unwrap_err(),
            encode(&line(b"GET"), |head| head.header(b"x", bad)).unwrap_err(),
            encode(&line(b"GET"), |head| {
                head.attribute(Attribute::QueryString, bad)
            })
            .unwrap_err(),
            encode(&line(b"GET"), |head| head.named_attribute(bad, b"x")).unwrap_err(),
            encode(&line(b"GET"), |head| head.named_attribute(b"x", bad)).unwrap_err(),
        ] {
            assert_eq!(error, Unencodable::ControlCharacter);
        }
    }
}

#[test]
fn a_refused_request_restores_the_buffer() {
    let mut out = b"before".to_vec();
    let mut head = RequestEncoder::begin(&mut out, PacketSize::DEFAULT, &line(b"GET")).unwrap();
    head.header(b"host", b"a").unwrap();
    assert_eq!(
        head.header(b"x", b"a\nb"),
        Err(Unencodable::ControlCharacter)
    );
    drop(head);
    assert_eq!(&out[..], b"before");
}

#[test]
fn a_request_may_fill_its_packet_and_not_exceed_it() {
    for (size, most) in [(PacketSize::DEFAULT, 8192), (PacketSize::MAX, 65536)] {
        let fixed = encoded_length(size, 0).unwrap();
        assert_eq!(encoded_length(size, most - fixed), Ok(most));
        assert_eq!(
            encoded_length(size, most - fixed + 1),
            Err(Unencodable::TooLarge(size))
        );
        // A value that is far too long is not copied.
        let mut out = Vec::new();
        let mut head = RequestEncoder::begin(&mut out, size, &line(b"GET")).unwrap();
        assert_eq!(
            head.header(b"x", &vec![b'y'; 1 << 20]),
            Err(Unencodable::TooLarge(size))
        );
        drop(head);
        assert!(out.capacity() < 1 << 16);
    }
}

fn encoded_length(size: PacketSize, value: usize) -> Result<usize, Unencodable> {
    let mut out = Vec::new();
    let mut head = RequestEncoder::begin(&mut out, size, &line(b"GET"))?;
    head.header(b"x", &vec![b'y'; value])?;
    let length = head.finish()?;
    assert_eq!(out.len(), length);
    Ok(length)
}

#[test]
fn body_packets_have_at_least_one_byte_and_at_most_their_limit() {
    for size in [PacketSize::DEFAULT, PacketSize::MAX] {
        let mut out = BytesMut::new();
        let most = size.max_request_data();
        encode_body(&mut out, size, &vec![7; most]).unwrap();
        assert_eq!(out.len(), size.bytes());
        let mut codec = ContainerCodec::new(size);
        codec.expect_body();
        let Some(ToContainer::Body(BodyPacket::Data(data))) = codec.decode(&mut out).unwrap()
        else {
            panic!()
        };
        assert_eq!(data.len(), most);
        assert_eq!(
            encode_body(&mut out, size, &vec![7; most + 1]),
            Err(Unencodable::TooLarge(size))
        );
        assert_eq!(
            encode_body(&mut out, size, b""),
            Err(Unencodable::EmptyBody)
        );
    }
    for (bytes, error) in [
        (
            &b"\x12\x34\0\x03\0\x02x"[..],
            Malformed::BodyLength { stated: 2, room: 1 },
        ),
        (
            b"\x12\x34\0\x03\0\0x",
            Malformed::BodyLength { stated: 0, room: 1 },
        ),
        (b"\x12\x34\0\x01\x0a", Malformed::Truncated),
    ] {
        assert_eq!(malformed(to_container(bytes, true)), error);
    }
}

#[test]
fn a_body_packet_is_filled_from_pieces_or_not_written() {
    let size = PacketSize::DEFAULT;
    let mut out = BytesMut::from(&b"before"[..]);
    let mut packet = BodyEncoder::begin(&mut out, size);
    assert_eq!(
        (packet.push(b"ab"), packet.push(b""), packet.push(b"c")),
        (2, 0, 1)
    );
    assert_eq!(packet.push(&[0; 9000]), 8183);
    assert_eq!(packet.push(b"x"), 0);
    assert_eq!(packet.finish(), 8186);
    assert_eq!((&out[..6], out.len()), (&b"before"[..], 6 + 8192));
    out.truncate(6);
    assert_eq!(BodyEncoder::begin(&mut out, size).finish(), 0);
    let mut packet = BodyEncoder::begin(&mut out, size);
    packet.push(b"never sent");
    drop(packet);
    assert_eq!(&out[..], b"before");
}

#[test]
fn chunks_from_the_container_never_exceed_the_packet_size() {
    for size in [PacketSize::DEFAULT, PacketSize::MAX] {
        let mut codec = ContainerCodec::new(size);
        let mut out = BytesMut::new();
        let most = size.max_response_data();
        codec
            .encode(FromContainer::SendBodyChunk(vec![1; most].into()), &mut out)
            .unwrap();
        assert_eq!(out.len(), size.bytes());
        let refused = codec.encode(
            FromContainer::SendBodyChunk(vec![1; most + 1].into()),
            &mut out,
        );
        assert!(matches!(
            refused,
            Err(CodecError::Unencodable(Unencodable::TooLarge(_)))
        ));
        assert_eq!(out.len(), size.bytes());
    }
}

/// Encodes a request as the gateway does and decodes it as the container does.
fn encode(
    line: &RequestLine<'_>,
    fill: impl FnOnce(&mut RequestEncoder<'_>) -> Result<(), Unencodable>,
) -> Result<ForwardRequest, Unencodable> {
    let mut out = Vec::new();
    let mut head = RequestEncoder::begin(&mut out, PacketSize::DEFAULT, line)?;
    fill(&mut head)?;
    head.finish()?;
    match to_container(&out, false) {
        Ok(Some(ToContainer::ForwardRequest(request))) => Ok(*request),
        other => panic!("{other:?}"),
    }
}
