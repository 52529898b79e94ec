//! A PROXY header, read from a connection.

use std::io;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::header::{Broken, Header};
use super::parse::parse;

/// Most bytes that are looked at at once, in bytes: what fits the smallest TCP segment, as most headers do.
const LOOK: usize = 536;

/// Why there is no header.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoHeader {
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error("the connection ends before its PROXY header")]
    Closed,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads the header that a connection begins with, and nothing behind it.
///
/// The bytes are looked at before they are taken: only the header itself says where it ends.
pub(crate) async fn read(stream: &mut TcpStream) -> Result<Header, NoHeader> {
    let mut held = Vec::new();
    let mut seen = [0; LOOK];
    loop {
        let count = stream.peek(&mut seen).await?;
        if count == 0 {
            return Err(NoHeader::Closed);
        }
        let before = held.len();
        held.extend_from_slice(seen.get(..count).unwrap_or_default());
        let header = parse(&held)?;
        let taken = header.map_or(count, |(_, length)| length.saturating_sub(before));
        let taken = seen.get_mut(..taken).unwrap_or_default();
        stream.read_exact(taken).await?;
        if let Some((header, _)) = header {
            return Ok(header);
        }
    }
}
