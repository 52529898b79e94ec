//! The AJP13 wire protocol, both directions, without I/O.
//!
//! The crate decodes bytes to messages and encodes messages to bytes. It has no sockets, tasks, clocks or logging. Both
//! ends are here: the gateway's, and the servlet container's for embedded nodes and tests.
//!
//! | Layer | Module | Contents |
//! |---|---|---|
//! | numbers | [`tables`], [`limits`] | codes of methods, header names and attributes; packet sizes |
//! | messages | [`request`], [`response`], [`headers`] | the contents of one packet |
//! | encoding | [`encode`] | requests and bodies from borrowed parts, in one pass |
//! | framing | [`codec`] | the bounds of one packet; `tokio_util` [`Decoder`] and [`Encoder`] |
//! | order | [`exchange`] | the order of packets in one request |
//!
//! A packet that cannot be decoded is [`Malformed`]. A packet that is not allowed at its place is [`Misbehaved`]. In both
//! cases the connection must be closed: AJP13 has no request number, so that an answer out of order would be delivered
//! to another request.
//!
//! AJP13 has no specification body. `protocol/AJP13.md` describes the protocol as Tomcat 10.1, mod_jk 1.2.48 and
//! mod_proxy_ajp 2.4 speak it (recordings in `testdata/captures`). Items name the source files that they follow.
//!
//! ```
//! use ajp13::codec::GatewayCodec;
//! use ajp13::encode::{RequestEncoder, RequestLine};
//! use ajp13::request::Attribute;
//! use ajp13::{FromContainer, PacketSize};
//! use bytes::BytesMut;
//! use tokio_util::codec::Decoder;
//!
//! // A request is encoded from borrowed parts into the connection's buffer.
//! let mut out = Vec::new();
//! let mut head = RequestEncoder::begin(&mut out, PacketSize::DEFAULT, &RequestLine {
//!     method: b"GET",
//!     protocol: b"HTTP/1.1",
//!     uri: b"/app/session",
//!     remote_addr: b"192.0.2.7",
//!     remote_host: None,
//!     server_name: b"shop.example.com",
//!     server_port: 80,
//!     is_ssl: false,
//! })?;
//! head.header(b"host", b"shop.example.com")?;
//! head.attribute(Attribute::Secret, b"s3cret")?;
//! head.finish()?;
//!
//! // An answer is decoded packet by packet.
//! let mut input = BytesMut::from(&b"AB\0\x02\x05\x01"[..]);
//! let message = GatewayCodec::new(PacketSize::DEFAULT).decode(&mut input)?;
//! assert!(matches!(message, Some(FromContainer::EndResponse { reuse: true })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Decoder`]: tokio_util::codec::Decoder
//! [`Encoder`]: tokio_util::codec::Encoder
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub mod codec;
pub mod encode;
mod error;
pub mod exchange;
pub mod headers;
pub mod limits;
pub mod request;
pub mod response;
pub mod tables;
mod wire;

pub use error::{CodecError, Malformed, Misbehaved, Unencodable};
pub use limits::PacketSize;
pub use request::{BodyPacket, ForwardRequest, ToContainer};
pub use response::{FromContainer, SendHeaders};
