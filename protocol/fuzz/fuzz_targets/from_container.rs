//! Anything as the answer of a container: no panic, and what reads also writes as the same bytes.
#![no_main]

use ajp13::codec::{ContainerCodec, GatewayCodec};
use ajp13::{FromContainer, PacketSize};
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use tokio_util::codec::{Decoder, Encoder};

fuzz_target!(|stream: &[u8]| {
    let mut gateway = GatewayCodec::new(PacketSize::DEFAULT);
    let mut input = BytesMut::from(stream);
    let mut at = 0;
    while let Ok(Some(message)) = gateway.decode(&mut input) {
        let taken = &stream[at..stream.len() - input.len()];
        at += taken.len();
        if let FromContainer::SendHeaders(head) = &message {
            assert_eq!(head.headers.iter().count(), head.headers.len());
        }
        // The NUL behind a chunk may be missing, and any non-zero byte means reuse.
        let exact = match &message {
            FromContainer::SendBodyChunk(data) => taken.len() == data.len() + 8,
            FromContainer::EndResponse { reuse } => taken.last() == Some(&u8::from(*reuse)),
            _ => true,
        };
        let mut out = BytesMut::new();
        let written = ContainerCodec::new(PacketSize::MAX).encode(message, &mut out);
        if exact && written.is_ok() {
            assert_eq!(&out[..], taken);
        }
    }
});
