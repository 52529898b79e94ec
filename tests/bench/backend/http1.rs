//! The part of HTTP/1.1 that the proxies in the benchmarks send.

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::answers::Answers;
use crate::serve::{unknown, write};
use crate::upload::Upload;

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
        if head.starts_with(b"POST") {
            let mut upload = Upload::announced(content_length(&head)?)?;
            while upload.left() > 0 {
                if input.is_empty() {
                    input.reserve(READ_AHEAD);
                    if stream.read_buf(&mut input).await? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                let here = upload.left().min(input.len());
                upload.take(&input.split_to(here))?;
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

fn content_length(head: &[u8]) -> io::Result<&[u8]> {
    head.split(|byte| *byte == b'\n')
        .filter_map(|line| line.split_at_checked(b"content-length:".len()))
        .find(|(name, _)| name.eq_ignore_ascii_case(b"content-length:"))
        .map(|(_, value)| value.trim_ascii())
        .ok_or_else(|| io::Error::other("POST without Content-Length"))
}
