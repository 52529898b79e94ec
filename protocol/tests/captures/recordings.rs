//! Decodes recorded connections to messages.

use std::path::{Path, PathBuf};

use ajp13::codec::{ContainerCodec, GatewayCodec};
use ajp13::tables::RequestHeader;
use ajp13::{CodecError, ForwardRequest, FromContainer, PacketSize, ToContainer};
use bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

/// The folder of recordings.
pub(crate) fn captures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/captures")
        .join(folder)
}

/// The recordings of a folder: file stem, bytes to the container, bytes from the container.
pub(crate) fn recordings(folder: &str) -> Vec<(String, Bytes, Bytes)> {
    let mut stems: Vec<String> = std::fs::read_dir(captures(folder))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".req.bin").map(str::to_owned))
        .collect();
    stems.sort();
    assert!(
        stems.len() > 50,
        "{folder}: only {} recordings",
        stems.len()
    );
    stems
        .into_iter()
        .map(|stem| {
            let read = |kind: &str| {
                Bytes::from(
                    std::fs::read(captures(folder).join(format!("{stem}.{kind}.bin"))).unwrap(),
                )
            };
            let (request, response) = (read("req"), read("resp"));
            (stem, request, response)
        })
        .collect()
}

/// The messages before the first error, and the number of bytes left over.
pub(crate) struct Decoded<T> {
    pub(crate) messages: Vec<T>,
    pub(crate) rest: usize,
    pub(crate) error: Option<CodecError>,
}

/// Decodes bytes from a container.
pub(crate) fn decode_response(bytes: &[u8]) -> Decoded<FromContainer> {
    let mut codec = GatewayCodec::new(PacketSize::DEFAULT);
    let mut input = BytesMut::from(bytes);
    let mut messages = Vec::new();
    loop {
        match codec.decode(&mut input) {
            Ok(Some(message)) => messages.push(message),
            Ok(None) => {
                return Decoded {
                    messages,
                    rest: input.len(),
                    error: None,
                };
            }
            Err(error) => {
                return Decoded {
                    messages,
                    rest: input.len(),
                    error: Some(error),
                };
            }
        }
    }
}

/// Decodes bytes to a container.
///
/// Body packets have no type. Their places follow from the announced lengths and from the number of GET_BODY_CHUNK in the
/// response to each request.
pub(crate) fn decode_request(
    bytes: &[u8],
    size: PacketSize,
    response: &[FromContainer],
) -> Decoded<ToContainer> {
    let mut asked = asked_per_request(response).into_iter();
    let mut codec = ContainerCodec::new(size);
    let mut input = BytesMut::from(bytes);
    let mut messages = Vec::new();
    let mut bodies = 0;
    loop {
        if bodies > 0 {
            codec.expect_body();
        }
        match codec.decode(&mut input) {
            Ok(Some(message)) => {
                bodies = match &message {
                    ToContainer::ForwardRequest(request) => {
                        usize::from(announces_body(request)) + asked.next().unwrap_or(0)
                    }
                    ToContainer::Body(_) => bodies - 1,
                    _ => bodies,
                };
                messages.push(message);
            }
            Ok(None) => {
                return Decoded {
                    messages,
                    rest: input.len(),
                    error: None,
                };
            }
            Err(error) => {
                return Decoded {
                    messages,
                    rest: input.len(),
                    error: Some(error),
                };
            }
        }
    }
}

fn announces_body(request: &ForwardRequest) -> bool {
    let length = request.headers.get(RequestHeader::ContentLength);
    length.is_some_and(|length| length.iter().any(|digit| (b'1'..=b'9').contains(digit)))
}

fn asked_per_request(response: &[FromContainer]) -> Vec<usize> {
    let mut counts = Vec::new();
    let mut count = 0;
    for message in response {
        match message {
            FromContainer::GetBodyChunk(_) => count += 1,
            FromContainer::EndResponse { .. } => counts.push(std::mem::take(&mut count)),
            _ => {}
        }
    }
    counts.push(count);
    counts
}

/// Encodes messages to a container.
pub(crate) fn encode_request(messages: &[ToContainer], size: PacketSize) -> BytesMut {
    let mut codec = GatewayCodec::new(size);
    let mut out = BytesMut::new();
    for message in messages {
        codec.encode(message.clone(), &mut out).unwrap();
    }
    out
}

/// Encodes messages from a container.
pub(crate) fn encode_response(messages: &[FromContainer], size: PacketSize) -> BytesMut {
    let mut codec = ContainerCodec::new(size);
    let mut out = BytesMut::new();
    for message in messages {
        codec.encode(message.clone(), &mut out).unwrap();
    }
    out
}
