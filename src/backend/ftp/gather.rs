//! Reads a listing to its end. Only then is it known to be whole, and only then is it shown.

use std::future::poll_fn;
use std::time::Duration;

use bytes::BytesMut;
use jiff::Timestamp;
use tokio::time::timeout;

use super::super::error::FailureKind;
use super::super::exchange::{Event, Exchange as _};
use super::download::FtpDriver;
use super::entry::{Entry, Format, Listing};
use super::fault::FtpFault;

/// Longest line of a listing, in bytes: the longest name of most systems is 255, and facts stand before it.
const LINE_MAX: usize = 8 * 1024;

/// Longest listing, in bytes: a hundred thousand usual names.
const LISTING_MAX: usize = 8 * 1024 * 1024;

/// Collects all entries within `limit`, however steadily they come.
pub(super) async fn entries(
    driver: &mut FtpDriver,
    format: Format,
    limit: Duration,
) -> Result<Vec<Entry>, FailureKind> {
    let read = async {
        let mut listing = Listing::new(format, Timestamp::now());
        let mut buffer = BytesMut::new();
        let mut total = 0_usize;
        loop {
            match poll_fn(|cx| driver.poll_event(cx)).await? {
                Event::Data(data) => {
                    total = total.saturating_add(data.len());
                    buffer.extend_from_slice(&data);
                    while let Some(end) = memchr::memchr(b'\n', &buffer) {
                        let line = buffer.split_to(end.saturating_add(1));
                        if line.len() > LINE_MAX {
                            return Err(FtpFault::LongListing.into());
                        }
                        listing.add(line.strip_suffix(b"\n").unwrap_or(&line));
                    }
                    if total > LISTING_MAX || buffer.len() > LINE_MAX {
                        return Err(FtpFault::LongListing.into());
                    }
                }
                Event::Flush => {}
                Event::End => break,
            }
        }
        if !buffer.is_empty() {
            listing.add(&buffer);
        }
        Ok(listing.finish())
    };
    timeout(limit, read)
        .await
        .unwrap_or(Err(FailureKind::Silent))
}
