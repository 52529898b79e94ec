//! Finds members that get many uploads in small packets, for a line in the log.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Bytes of uploads within [`WINDOW`] from which the log suggests larger packets.
const MANY: u64 = 64 * 1024 * 1024;

/// Between two lines for a member, and how long uploads are counted together.
const WINDOW: Duration = Duration::from_secs(60 * 60);

/// What has been uploaded to a member in packets of 8 KiB.
#[derive(Debug, Default)]
pub(super) struct SmallPackets(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    /// `None` before the first upload.
    begun: Option<Instant>,
    bytes: u64,
    /// The window has begun with a line.
    told: bool,
}

impl SmallPackets {
    /// Counts an upload of so many bytes. `Some` where it is time for a line: the bytes of at most an hour.
    pub(super) fn add(&self, bytes: u64) -> Option<u64> {
        let now = Instant::now();
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if window.begun.is_none_or(|begun| now - begun >= WINDOW) {
            *window = Window {
                begun: Some(now),
                ..Window::default()
            };
        }
        window.bytes = window.bytes.saturating_add(bytes);
        if window.told || window.bytes <= MANY {
            return None;
        }
        let bytes = window.bytes;
        *window = Window {
            begun: Some(now),
            bytes: 0,
            told: true,
        };
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_line_is_due_once_an_hour_and_only_behind_many_bytes() {
        let uploads = SmallPackets::default();
        let mut due = Vec::new();
        // 1 MiB a minute in the first hours, then twice as much.
        for minute in 0..300_u64 {
            let bytes = if minute < 120 { 1 << 20 } else { 2 << 20 };
            if let Some(bytes) = uploads.add(bytes) {
                due.push((minute, bytes >> 20));
            }
            tokio::time::advance(Duration::from_secs(60)).await;
        }
        assert_eq!(due, [(152, 66), (244, 66)]);
    }
}
