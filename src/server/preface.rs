//! Tells HTTP/2 with prior knowledge from HTTP/1.1 by the first bytes of a connection (RFC 9113 section 3.3).

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::framing::Preface;
use crate::state::Shared;

/// Room for the first read, in bytes: that for a head of HTTP/1.1.
const ROOM: usize = 8 * 1024;

/// Reads until it is known what the client speaks, and returns what was read. `None` when the client is gone or says nothing
/// for too long, or when no further requests are taken.
pub(super) async fn read(stream: &mut TcpStream, shared: &Shared) -> Option<(Preface, BytesMut)> {
    let time = {
        let limits = &shared.snapshot.load().limits;
        limits.idle_timeout.min(limits.header_timeout)
    };
    tokio::select! {
        read = read_within(stream, time) => read.ok(),
        () = shared.closing.idle_ends() => None,
    }
}

async fn read_within(stream: &mut TcpStream, time: Duration) -> io::Result<(Preface, BytesMut)> {
    tokio::time::timeout(time, async {
        // A connection that waits has no buffer.
        stream.readable().await?;
        let mut read = BytesMut::with_capacity(ROOM);
        loop {
            let ended = stream.read_buf(&mut read).await? == 0;
            match Preface::of(&read) {
                Preface::Incomplete if !ended => {}
                known => return Ok((known, read)),
            }
        }
    })
    .await?
}
