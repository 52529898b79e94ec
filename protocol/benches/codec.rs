//! Time to encode and decode one message: `cargo bench -p ajp13`.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark fails by panicking"
)]

use std::hint::black_box;

use ajp13::codec::{ContainerCodec, GatewayCodec};
use ajp13::encode::{RequestEncoder, RequestLine, encode_body};
use ajp13::headers::Headers;
use ajp13::request::Attribute;
use ajp13::tables::{ResponseHeader, request_attribute};
use ajp13::{FromContainer, PacketSize, SendHeaders};
use bytes::{Bytes, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio_util::codec::{Decoder, Encoder};

/// Header fields of a browser.
const FIELDS: [(&[u8], &[u8]); 12] = [
    (b"host", b"shop.example.com"),
    (
        b"user-agent",
        b"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    ),
    (
        b"accept",
        b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    ),
    (b"accept-language", b"en-US,en;q=0.5"),
    (b"accept-encoding", b"gzip, deflate, br, zstd"),
    (
        b"cookie",
        b"theme=dark; JSESSIONID=0123456789ABCDEF0123456789ABCDEF.node1",
    ),
    (b"referer", b"https://shop.example.com/shop/basket"),
    (b"upgrade-insecure-requests", b"1"),
    (b"sec-fetch-dest", b"document"),
    (b"sec-fetch-mode", b"navigate"),
    (b"sec-fetch-site", b"same-origin"),
    (b"content-length", b"0"),
];

fn encode_request(out: &mut Vec<u8>) {
    let line = RequestLine {
        method: b"GET",
        protocol: b"HTTP/1.1",
        uri: b"/shop/basket",
        remote_addr: b"192.0.2.7",
        remote_host: None,
        server_name: b"shop.example.com",
        server_port: 443,
        is_ssl: false,
    };
    let mut head = RequestEncoder::begin(out, PacketSize::DEFAULT, &line).unwrap();
    for (name, value) in FIELDS {
        head.header(name, value).unwrap();
    }
    head.attribute(Attribute::Secret, b"s3cret").unwrap();
    head.attribute(Attribute::QueryString, b"item=4711&count=2")
        .unwrap();
    head.named_attribute(request_attribute::REMOTE_PORT.as_bytes(), b"41968")
        .unwrap();
    head.finish().unwrap();
}

fn response(length: usize) -> BytesMut {
    let mut headers = Headers::<ResponseHeader>::builder();
    headers.push(b"X-Node", b"node1").unwrap();
    headers
        .push(b"Content-Type", b"text/html;charset=UTF-8")
        .unwrap();
    headers
        .push(b"Content-Length", length.to_string().as_bytes())
        .unwrap();
    let mut out = BytesMut::new();
    let mut codec = ContainerCodec::new(PacketSize::DEFAULT);
    let head = SendHeaders {
        status: 200,
        message: Some(Bytes::from_static(b"200")),
        headers: headers.build(),
    };
    codec
        .encode(FromContainer::SendHeaders(head), &mut out)
        .unwrap();
    let data = Bytes::from(vec![b'x'; length]);
    for at in (0..length).step_by(8184) {
        let chunk = data.slice(at..length.min(at + 8184));
        codec
            .encode(FromContainer::SendBodyChunk(chunk), &mut out)
            .unwrap();
    }
    codec
        .encode(FromContainer::EndResponse { reuse: true }, &mut out)
        .unwrap();
    out
}

fn benches(criterion: &mut Criterion) {
    criterion.bench_function("encode FORWARD_REQUEST, 12 headers", |bencher| {
        let mut out = Vec::with_capacity(8192);
        bencher.iter(|| {
            out.clear();
            encode_request(black_box(&mut out));
        });
    });
    let mut request = Vec::new();
    encode_request(&mut request);
    criterion.bench_function("decode FORWARD_REQUEST, 12 headers", |bencher| {
        let mut codec = ContainerCodec::new(PacketSize::DEFAULT);
        bencher.iter(|| {
            codec
                .decode(&mut BytesMut::from(&black_box(&request)[..]))
                .unwrap()
                .unwrap()
        });
    });

    let mut group = criterion.benchmark_group("encode request body");
    for length in [1024, 8186] {
        group.throughput(Throughput::Bytes(length));
        let data = vec![b'x'; usize::try_from(length).unwrap()];
        let mut out = BytesMut::with_capacity(16384);
        group.bench_function(format!("{length} B"), |bencher| {
            bencher.iter(|| {
                out.clear();
                encode_body(black_box(&mut out), PacketSize::DEFAULT, &data).unwrap();
            });
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("decode response");
    for length in [1024, 65536] {
        let stream = response(length);
        group.throughput(Throughput::Bytes(u64::try_from(length).unwrap()));
        group.bench_function(format!("{length} B body"), |bencher| {
            let mut codec = GatewayCodec::new(PacketSize::DEFAULT);
            let mut input = BytesMut::with_capacity(2 * stream.len());
            bencher.iter(|| {
                input.reserve(stream.len());
                input.extend_from_slice(&stream);
                let mut fields = 0;
                while let Some(message) = codec.decode(&mut input).unwrap() {
                    if let FromContainer::SendHeaders(head) = &message {
                        fields += head.headers.iter().count();
                    }
                    black_box(message);
                }
                fields
            });
        });
    }
    group.finish();
}

criterion_group!(codec, benches);
criterion_main!(codec);
