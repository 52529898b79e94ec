//! The body of a request, compared with what the clients send.

use std::io;

use crate::client::BODY_BYTE;

/// As long as the longest piece that is compared at once.
static EXPECTED: [u8; 64 * 1024] = [BODY_BYTE; 64 * 1024];

/// A request body on its way in.
#[derive(Debug, Default)]
pub(crate) struct Upload {
    /// Bytes that are still to come. `None`: the length is not known.
    left: Option<usize>,
}

impl Upload {
    /// A body whose length is the value of Content-Length.
    pub(crate) fn announced(length: &[u8]) -> io::Result<Self> {
        let length = str::from_utf8(length).map_err(io::Error::other)?;
        let length = length.parse().map_err(io::Error::other)?;
        Ok(Self { left: Some(length) })
    }

    /// Bytes that are still to come, if the length is known.
    pub(crate) fn left(&self) -> usize {
        self.left.unwrap_or_default()
    }

    /// Takes the next bytes, and fails when the clients do not send such bytes.
    pub(crate) fn take(&mut self, data: &[u8]) -> io::Result<()> {
        let equal = data
            .chunks(EXPECTED.len())
            .all(|piece| EXPECTED.starts_with(piece));
        if let Some(left) = &mut self.left {
            *left = left
                .checked_sub(data.len())
                .ok_or_else(|| io::Error::other("an upload is longer than announced"))?;
        }
        if equal {
            Ok(())
        } else {
            Err(io::Error::other("an upload has other bytes"))
        }
    }

    /// The end of the body, which must be where it was announced.
    pub(crate) fn end(self) -> io::Result<()> {
        match self.left {
            None | Some(0) => Ok(()),
            Some(left) => Err(io::Error::other(format!("an upload lacks {left} bytes"))),
        }
    }
}
