//! The part of HTTP/1.1 that the proxies in the benchmarks send.

use std::io;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::answers::Answers;
use crate::serve::{unknown, write};

const READ_AHEAD: usize = 64 * 1024;

/// Answers the requests on a connection.
pub(crate) async fn serve(mut stream: TcpStream, answers: Arc<Answers>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = BytesMut::with_capacity(READ_AHEAD);
    loop {
        let Some(end) = end_of_head(&input) else {
            input.reserve(READ_AHEAD);
            if stream.read_buf(&mut input).await? == 0 {
                return Ok(());
            }
            continue;
        };
        let head = input.split_to(end);
        let mut left = match head.starts_with(b"POST") {
            true => content_length(&head)?,
            false => 0,
        };
        while left > 0 {
            let here = left.min(input.len());
            input.advance(here);
            left -= here;
            if left > 0 {
                input.reserve(READ_AHEAD);
                if stream.read_buf(&mut input).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
        let mut words = head.as_ref().split(|byte| *byte == b' ');
        let path = words.nth(1).unwrap_or_default();
        let answer = answers.to(path).ok_or_else(|| unknown(path))?;
        write(&mut stream, answer).await?;
    }
}

fn end_of_head(input: &[u8]) -> Option<usize> {
    memchr::memmem::find(input, b"\r\n\r\n").map(|at| at + 4)
}

fn content_length(head: &[u8]) -> io::Result<usize> {
    head.split(|byte| *byte == b'\n')
        .filter_map(|line| line.split_at_checked(b"content-length:".len()))
        .find(|(name, _)| name.eq_ignore_ascii_case(b"content-length:"))
        .and_then(|(_, value)| str::from_utf8(value.trim_ascii()).ok()?.parse().ok())
        .ok_or_else(|| io::Error::other("POST without Content-Length"))
}
