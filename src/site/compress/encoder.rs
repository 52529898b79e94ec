//! An encoder of one answer.

use std::fmt;
use std::io;

use async_compression::Level;
use async_compression::brotli::EncoderParams;
use async_compression::codecs::{BrotliEncoder, EncodeV2, GzipEncoder, ZstdEncoder};
use async_compression::core::util::{PartialBuffer, WriteBuffer};
use async_compression::zstd::CParameter;
use bytes::{Bytes, BytesMut};

use super::super::coding::Coding;
use super::memory::Reserved;

/// gzip's level, as zlib, httpd and nginx number them. nginx's default is 1, mod_deflate's 6.
const GZIP_LEVEL: i32 = 5;

/// brotli's quality. From 5 on its memory and its time grow fast.
const BROTLI_QUALITY: i32 = 4;

/// brotli's window: 2^18 bytes.
const BROTLI_WINDOW: i32 = 18;

/// zstd's level, its own default.
const ZSTD_LEVEL: i32 = 3;

/// zstd's window: 2^18 bytes. Its own default at this level would be 2^21.
const ZSTD_WINDOW: u32 = 18;

/// zstd's two tables have 2^16 entries of four bytes each.
const ZSTD_TABLE: u32 = 16;

/// Most bytes that one step gives.
const PIECE: usize = 16 * 1024;

/// See the [module](self).
pub(crate) struct Encoder {
    codec: Box<dyn EncodeV2 + Send>,
    _memory: Reserved,
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Encoder")
    }
}

impl Encoder {
    /// `None` while too many are at work.
    pub(super) fn new(coding: Coding) -> Option<Self> {
        Some(Self {
            _memory: Reserved::take(memory(coding))?,
            codec: codec(coding),
        })
    }

    /// Takes at most so many bytes of `input` and gives what comes of them, which may be nothing yet.
    pub(super) fn encode(&mut self, input: &mut Bytes, most: usize) -> io::Result<Bytes> {
        let mut taken = PartialBuffer::new(input.get(..most).unwrap_or(input));
        let (_, given) = step(|out| self.codec.encode(&mut taken, out))?;
        let taken = taken.written_len();
        if taken == 0 && given.is_empty() {
            return Err(io::Error::other("the encoder stands still"));
        }
        let _ = input.split_to(taken);
        Ok(given)
    }

    /// Gives what has not been given of the bytes so far; whether that was all.
    pub(super) fn flush(&mut self) -> io::Result<(bool, Bytes)> {
        step(|out| self.codec.flush(out))
    }

    /// Gives the end; whether that was all.
    pub(super) fn finish(&mut self) -> io::Result<(bool, Bytes)> {
        step(|out| self.codec.finish(out))
    }
}

/// The memory of an answer that is compressed, in bytes: measured in a process with 100 of them whose clients take
/// nothing, and of text that hardly becomes smaller.
const fn memory(coding: Coding) -> usize {
    match coding {
        Coding::Gzip => 640 * 1024,
        Coding::Zstd => 1280 * 1024,
        Coding::Br => 3584 * 1024,
    }
}

fn codec(coding: Coding) -> Box<dyn EncodeV2 + Send> {
    match coding {
        Coding::Gzip => Box::new(GzipEncoder::new(Level::Precise(GZIP_LEVEL).into())),
        Coding::Br => {
            let params = EncoderParams::default()
                .quality(Level::Precise(BROTLI_QUALITY))
                .window_size(BROTLI_WINDOW)
                .text_mode();
            Box::new(BrotliEncoder::new(params))
        }
        Coding::Zstd => {
            let params = [
                CParameter::window_log(ZSTD_WINDOW),
                CParameter::hash_log(ZSTD_TABLE),
                CParameter::chain_log(ZSTD_TABLE),
            ];
            Box::new(ZstdEncoder::new_with_params(ZSTD_LEVEL, &params))
        }
    }
}

/// Lets an encoder write up to a piece.
fn step<T>(run: impl FnOnce(&mut WriteBuffer<'_>) -> io::Result<T>) -> io::Result<(T, Bytes)> {
    let mut piece = BytesMut::zeroed(PIECE);
    let mut out = WriteBuffer::new_initialized(&mut piece);
    let result = run(&mut out)?;
    let written = out.written_len();
    // Small pieces do not hold the memory of a whole one.
    let given = match written {
        0 => Bytes::new(),
        1..4096 => Bytes::copy_from_slice(piece.get(..written).unwrap_or_default()),
        _ => {
            piece.truncate(written);
            piece.freeze()
        }
    };
    Ok((result, given))
}
