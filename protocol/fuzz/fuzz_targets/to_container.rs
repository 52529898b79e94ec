//! Anything as the requests of a gateway: no panic, and what reads also writes as the same bytes. The first
//! byte of the input says where request body is expected.
#![no_main]

use ajp13::codec::{ContainerCodec, GatewayCodec};
use ajp13::{PacketSize, ToContainer};
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use tokio_util::codec::{Decoder, Encoder};

fuzz_target!(|bytes: &[u8]| {
    let Some((&bodies, stream)) = bytes.split_first() else { return };
    let mut container = ContainerCodec::new(PacketSize::DEFAULT);
    let mut input = BytesMut::from(stream);
    let mut at = 0;
    for turn in 0.. {
        if bodies & (1 << (turn % 8)) != 0 {
            container.expect_body();
        }
        let Ok(Some(message)) = container.decode(&mut input) else { break };
        let taken = &stream[at..stream.len() - input.len()];
        at += taken.len();
        let mut exact = true;
        if let ToContainer::ForwardRequest(request) = &message {
            assert!(request.method_name().is_some());
            assert_eq!(request.headers.iter().count(), request.headers.len());
            let _ = request.named().count();
            // Any non-zero byte means TLS and is written as 1.
            exact = !request.is_ssl;
        }
        let mut out = BytesMut::new();
        GatewayCodec::new(PacketSize::DEFAULT).encode(message, &mut out).unwrap();
        assert_eq!(out.len(), taken.len());
        if exact {
            assert_eq!(&out[..], taken);
        }
    }
});
