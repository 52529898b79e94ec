//! The AJP13 wire protocol, both directions, without I/O.
//!
//! Bytes go in, messages come out, and the other way round: no sockets, tasks, clocks or logging. The web
//! server's end (a gateway) and the servlet container's end (an embedded node, a scripted Tomcat) are the
//! same code seen from two sides.
//!
//! | Layer | Module | What it knows |
//! |---|---|---|
//! | numbers | [`tables`], [`limits`] | codes of methods, header names and attributes; packet sizes |
//! | messages | [`request`], [`response`], [`headers`] | what one packet says |
//! | writing | [`encode`] | requests and bodies from borrowed parts, in one pass |
//! | framing | [`codec`] | where one packet ends; `tokio_util` [`Decoder`] and [`Encoder`] |
//! | order | [`exchange`] | which packet may follow which in one request |
//!
//! A packet that cannot be read is [`Malformed`]; one that can be read but may not come now is
//! [`Misbehaved`]. Either way the only safe thing is to close the connection: AJP13 has no request number, so
//! an answer that is out of step belongs to somebody else's request.
//!
//! There is no specification body. Facts are taken from the packets that Tomcat 10.1, mod_jk 1.2.48 and
//! mod_proxy_ajp 2.4 exchange (`testdata/captures`), and from their sources, which the items name.
//!
//! ```
//! use ajp13::codec::GatewayCodec;
//! use ajp13::encode::{RequestEncoder, RequestLine};
//! use ajp13::request::Attribute;
//! use ajp13::{FromContainer, PacketSize};
//! use bytes::BytesMut;
//! use tokio_util::codec::Decoder;
//!
//! // A request is written from borrowed parts, straight into the connection's buffer.
//! let mut out = BytesMut::new();
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
//! // An answer is read packet by packet.
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
