//! Reads a piece of a file.

use std::io::IoSliceMut;
use std::os::fd::OwnedFd;

use bytes::Bytes;
use rustix::io::{Errno, ReadWriteFlags, Result, pread, preadv2};

use super::directory::Medium;
use super::pool::{Buffer, LARGEST};

/// Up to this size a piece gets a buffer of its own, in bytes: one of 64 KiB would be held for it until the client has it.
const SMALL: usize = 8 * 1024;

/// How a piece is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// Only what the kernel has in its memory (RWF_NOWAIT, preadv2(2)).
    None,
    /// As long as it takes.
    Endless,
}

/// Reads up to `most` bytes from the byte number `at` on, if nothing has to be waited for; else `None`. No bytes are the
/// end of the file.
pub(super) fn read_now(
    file: &OwnedFd,
    at: u64,
    most: u64,
    medium: Medium,
) -> Option<Result<Bytes>> {
    let patience = match medium {
        Medium::Memory => Patience::Endless,
        Medium::Disk => Patience::None,
        Medium::Other => return None,
    };
    match read(file, at, most, patience) {
        // The second is said by file systems that cannot tell.
        Err(Errno::AGAIN | Errno::OPNOTSUPP) => None,
        read => Some(read),
    }
}

/// The same, with all the time that it takes.
pub(super) fn read_patiently(file: &OwnedFd, at: u64, most: u64) -> Result<Bytes> {
    read(file, at, most, Patience::Endless)
}

fn read(file: &OwnedFd, at: u64, most: u64, patience: Patience) -> Result<Bytes> {
    let most = usize::try_from(most).unwrap_or(LARGEST).min(LARGEST);
    if most <= SMALL {
        let mut bytes = vec![0; most];
        let filled = fill(file, at, &mut bytes, patience)?;
        bytes.truncate(filled);
        return Ok(Bytes::from(bytes));
    }
    let mut buffer = Buffer::take();
    let filled = fill(file, at, buffer.room(most), patience)?;
    Ok(buffer.into_bytes(filled))
}

fn fill(file: &OwnedFd, at: u64, room: &mut [u8], patience: Patience) -> Result<usize> {
    match patience {
        Patience::None => preadv2(
            file,
            &mut [IoSliceMut::new(room)],
            at,
            ReadWriteFlags::NOWAIT,
        ),
        Patience::Endless => pread(file, room, at),
    }
}
