//! Any bytes from an FTP server on its control connection: no panic, bounded replies, and the same replies however the bytes
//! were split. What a reply names (port, size, directory) is within its limits.
#![no_main]

use ajpgate_ftp::passive::{epsv_port, pasv_port};
use ajpgate_ftp::reply::{BadReply, REPLY_MAX, Reply, ReplyReader};
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;

fn replies(pieces: &[&[u8]]) -> (Vec<Reply>, Option<BadReply>) {
    let (mut reader, mut buffer) = (ReplyReader::default(), BytesMut::new());
    let mut replies = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match reader.decode(&mut buffer) {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(bad) => return (replies, Some(bad)),
            }
        }
    }
    (replies, None)
}

fuzz_target!(|input: (u16, &[u8])| {
    let (at, stream) = input;
    let (one, other) = stream.split_at(usize::from(at).min(stream.len()));
    let read = replies(&[stream]);
    assert_eq!(replies(&[one, other]), read);
    for reply in read.0 {
        assert!((100..600).contains(&reply.code));
        assert!(reply.first.len() + reply.last.len() <= 2 * REPLY_MAX);
        assert_ne!(epsv_port(&reply), Some(0));
        assert_ne!(pasv_port(&reply), Some(0));
        let _ = reply.size();
        if let Some(directory) = reply.directory() {
            assert!(directory.starts_with(b"/"));
            assert!(!directory.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
        }
    }
});
