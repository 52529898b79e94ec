//! Properties: encoding and decoding give the same message, any split of a stream gives the same messages, nothing
//! panics.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use ajp13::codec::{ContainerCodec, GatewayCodec};
use ajp13::encode::{RequestEncoder, RequestLine};
use ajp13::exchange::{Exchange, RequestBody};
use ajp13::headers::{HeaderName, Headers};
use ajp13::request::{Attribute, RequestAttribute};
use ajp13::tables::{HeaderCode, METHODS, RequestHeader, ResponseHeader};
use ajp13::{BodyPacket, ForwardRequest, FromContainer, PacketSize, SendHeaders, ToContainer};
use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use tokio_util::codec::{Decoder, Encoder};

fn text(most: usize) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..most).prop_map(Bytes::from)
}

fn wire_string(most: usize) -> impl Strategy<Value = Option<Bytes>> {
    option::weighted(0.9, text(most))
}

fn headers<C: HeaderCode>(all: &'static [C]) -> impl Strategy<Value = Headers<C>> {
    // A name of 0xA000 bytes or more would be read as a code; the encoder sends only short names.
    let name = prop_oneof![
        (0..all.len()).prop_map(move |index| HeaderName::Coded(all[index])),
        text(40).prop_map(HeaderName::Text),
    ];
    vec((name, wire_string(60)), 0..12).prop_map(|fields| {
        let mut builder = Headers::builder();
        for (name, value) in &fields {
            builder.push_raw(name, value.as_ref()).unwrap();
        }
        builder.build()
    })
}

fn from_container() -> impl Strategy<Value = FromContainer> {
    prop_oneof![
        (any::<u16>(), wire_string(20), headers(ResponseHeader::ALL)).prop_map(
            |(status, message, headers)| FromContainer::SendHeaders(SendHeaders {
                status,
                message,
                headers
            })
        ),
        text(9000)
            .prop_map(|data| FromContainer::SendBodyChunk(data.slice(..data.len().min(8184)))),
        any::<u16>().prop_map(FromContainer::GetBodyChunk),
        any::<bool>().prop_map(|reuse| FromContainer::EndResponse { reuse }),
        Just(FromContainer::CPong),
    ]
}

fn attribute() -> impl Strategy<Value = RequestAttribute> {
    let kinds = [
        Attribute::QueryString,
        Attribute::Route,
        Attribute::Secret,
        Attribute::SslCert,
    ];
    prop_oneof![
        (0..kinds.len(), wire_string(40))
            .prop_map(move |(kind, value)| RequestAttribute::Text(kinds[kind], value)),
        (wire_string(20), wire_string(20))
            .prop_map(|(name, value)| RequestAttribute::Named(name, value)),
        any::<u16>().prop_map(RequestAttribute::SslKeySize),
    ]
}

fn forward_request() -> impl Strategy<Value = ForwardRequest> {
    let texts = (
        wire_string(10),
        wire_string(80),
        wire_string(20),
        wire_string(20),
        wire_string(20),
    );
    (
        1..=27_u8,
        texts,
        any::<u16>(),
        any::<bool>(),
        headers(RequestHeader::ALL),
        vec(attribute(), 0..6),
    )
        .prop_map(
            |(method, texts, server_port, is_ssl, headers, attributes)| ForwardRequest {
                method,
                protocol: texts.0,
                uri: texts.1,
                remote_addr: texts.2,
                remote_host: texts.3,
                server_name: texts.4,
                server_port,
                is_ssl,
                headers,
                attributes,
            },
        )
}

fn to_container() -> impl Strategy<Value = ToContainer> {
    prop_oneof![
        forward_request().prop_map(|request| ToContainer::ForwardRequest(Box::new(request))),
        vec(any::<u8>(), 1..8186).prop_map(|data| ToContainer::Body(BodyPacket::Data(data.into()))),
        Just(ToContainer::Body(BodyPacket::End)),
        Just(ToContainer::Body(BodyPacket::BareEnd)),
        Just(ToContainer::CPing),
        Just(ToContainer::Shutdown),
        Just(ToContainer::Ping),
    ]
}

/// Decodes a stream that arrives in pieces of these lengths.
fn read_in_pieces<D: Decoder>(
    mut decode: impl FnMut(&mut BytesMut) -> Result<Option<D::Item>, D::Error>,
    stream: &[u8],
    pieces: &[usize],
) -> (Vec<D::Item>, Option<String>)
where
    D::Error: ToString,
{
    let mut input = BytesMut::new();
    let mut items = Vec::new();
    let mut rest = stream;
    let mut pieces = pieces.iter().copied().cycle();
    loop {
        match decode(&mut input) {
            Ok(Some(item)) => items.push(item),
            Ok(None) if rest.is_empty() => return (items, None),
            Ok(None) => {
                let length = pieces.next().unwrap_or(1).clamp(1, rest.len());
                input.extend_from_slice(&rest[..length]);
                rest = &rest[length..];
            }
            Err(error) => return (items, Some(error.to_string())),
        }
    }
}

proptest! {
    /// The borrowed view of the fields of an answer is the same list.
    #[test]
    fn texts_are_the_fields(headers in headers(ResponseHeader::ALL)) {
        let shared: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.unwrap_or_default().to_vec()))
            .collect();
        let texts: Vec<_> = headers
            .texts()
            .map(|(name, value)| (name.to_vec(), value.to_vec()))
            .collect();
        prop_assert_eq!(texts, shared);
    }

    #[test]
    fn encoded_responses_are_decoded_from_any_split(
        messages in vec(from_container(), 1..8),
        pieces in vec(1..200_usize, 1..20),
    ) {
        let mut container = ContainerCodec::new(PacketSize::DEFAULT);
        let mut stream = BytesMut::new();
        for message in &messages {
            container.encode(message.clone(), &mut stream).unwrap();
        }
        let mut gateway = GatewayCodec::new(PacketSize::DEFAULT);
        let read = read_in_pieces::<GatewayCodec>(|input| gateway.decode(input), &stream, &pieces);
        prop_assert_eq!(read, (messages, None));
    }

    #[test]
    fn encoded_requests_are_decoded_from_any_split(
        messages in vec(to_container(), 1..6),
        pieces in vec(1..200_usize, 1..20),
    ) {
        let mut gateway = GatewayCodec::new(PacketSize::DEFAULT);
        let mut stream = BytesMut::new();
        for message in &messages {
            gateway.encode(message.clone(), &mut stream).unwrap();
        }
        let mut container = ContainerCodec::new(PacketSize::DEFAULT);
        let mut expected = messages.iter();
        let mut next = expected.next();
        let read = read_in_pieces::<ContainerCodec>(
            |input| {
                if matches!(next, Some(ToContainer::Body(_))) {
                    container.expect_body();
                }
                let read = container.decode(input);
                if matches!(read, Ok(Some(_))) {
                    next = expected.next();
                }
                read
            },
            &stream,
            &pieces,
        );
        prop_assert_eq!(read, (messages.clone(), None));
    }

    /// Any bytes give the same messages and the same error in every split, and never a panic.
    #[test]
    fn c16_any_bytes_are_decoded_the_same_from_any_split(
        mut stream in vec(any::<u8>(), 0..600),
        start in 0..3_usize,
        pieces in vec(1..50_usize, 1..20),
    ) {
        let start: &[u8] = [&b"AB"[..], b"\x12\x34", b""][start];
        stream.splice(0..0, start.iter().copied());
        let mut codec = GatewayCodec::new(PacketSize::DEFAULT);
        let whole = read_in_pieces::<GatewayCodec>(|input| codec.decode(input), &stream, &[usize::MAX]);
        let mut codec = GatewayCodec::new(PacketSize::DEFAULT);
        let split = read_in_pieces::<GatewayCodec>(|input| codec.decode(input), &stream, &pieces);
        prop_assert_eq!(whole, split);
        let mut codec = ContainerCodec::new(PacketSize::DEFAULT);
        let whole = read_in_pieces::<ContainerCodec>(|input| codec.decode(input), &stream, &[usize::MAX]);
        let mut codec = ContainerCodec::new(PacketSize::DEFAULT);
        let split = read_in_pieces::<ContainerCodec>(|input| codec.decode(input), &stream, &pieces);
        prop_assert_eq!(whole, split);
    }

    /// The container reads each field as the gateway encoded it.
    #[test]
    fn an_encoded_request_has_the_given_parts(
        method in prop_oneof![
            (0..METHODS.len()).prop_map(|index| METHODS[index].to_owned()),
            "[A-Z!#$%&'*+.^_`|~-]{1,32}",
        ],
        uri in "/[ -~]{0,60}",
        fields in vec(("[a-z][a-z0-9-]{0,20}", "[ -~\t\u{80}-\u{ff}]{0,40}"), 0..15),
        query in option::of("[ -~]{0,40}"),
        port in any::<u16>(),
        is_ssl in any::<bool>(),
    ) {
        let mut out = Vec::new();
        let mut head = RequestEncoder::begin(&mut out, PacketSize::DEFAULT, &RequestLine {
            method: method.as_bytes(),
            protocol: b"HTTP/1.1",
            uri: uri.as_bytes(),
            remote_addr: b"2001:db8::1",
            remote_host: None,
            server_name: b"h",
            server_port: port,
            is_ssl,
        }).unwrap();
        for (name, value) in &fields {
            head.header(name.as_bytes(), value.as_bytes()).unwrap();
        }
        if let Some(query) = &query {
            head.attribute(Attribute::QueryString, query.as_bytes()).unwrap();
        }
        head.finish().unwrap();
        let read = ContainerCodec::new(PacketSize::DEFAULT).decode(&mut BytesMut::from(&out[..])).unwrap();
        let Some(ToContainer::ForwardRequest(request)) = read else { panic!("{read:?}") };
        prop_assert_eq!(request.method_name(), Some(method.as_bytes()));
        prop_assert_eq!(request.uri.as_deref(), Some(uri.as_bytes()));
        prop_assert_eq!((request.server_port, request.is_ssl), (port, is_ssl));
        prop_assert_eq!(request.text(Attribute::QueryString), query.as_deref().map(str::as_bytes));
        let read: Vec<_> = request
            .headers
            .iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.unwrap().to_vec()))
            .collect();
        let told: Vec<_> =
            fields.iter().map(|(name, value)| (name.clone().into_bytes(), value.clone().into_bytes())).collect();
        prop_assert_eq!(read, told);
    }

    /// An exchange accepts any packets in any order without a panic, and allows reuse only when no packet is due.
    #[test]
    fn an_exchange_accepts_packets_in_any_order_without_panic(
        messages in vec(from_container(), 0..20),
        length in 0..20_000_u64,
        plan in 0..3_u8,
    ) {
        let body = match plan {
            0 => RequestBody::Empty,
            1 => RequestBody::Known(length),
            _ => RequestBody::Unknown,
        };
        let mut exchange = Exchange::new(body, PacketSize::DEFAULT);
        for message in messages {
            let due = exchange.due();
            if let Ok(ajp13::exchange::Step::Done { reuse: true }) = exchange.on(message) {
                prop_assert_eq!(due, None);
            }
        }
    }
}
