//! Memory and processor time of a process, as the kernel counts them.

use std::fmt;
use std::fs;
use std::time::Duration;

/// The unit of the times in `/proc/PID/stat`, the same on every Linux that Rust runs on.
const TICKS_PER_SECOND: u64 = 100;
const MIB: f64 = 1024.0;

/// Memory of a process, in KiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// Resident memory now.
    pub(crate) rss: u64,
    /// The peak of resident memory.
    pub(crate) peak: u64,
    /// Resident memory now, with shared pages divided among the processes that share them.
    pub(crate) pss: u64,
}

impl Memory {
    /// The memory of a running process.
    pub(crate) fn of(id: u32) -> Self {
        let status = read(id, "status");
        Self {
            rss: kib(&status, "VmRSS:"),
            peak: kib(&status, "VmHWM:"),
            pss: kib(&read(id, "smaps_rollup"), "Pss:"),
        }
    }

    /// How far the peak is above `earlier`, in KiB.
    ///
    /// The kernel counts pages in batches for each thread, so a peak may be reported a few pages lower than before.
    pub(crate) const fn risen_above(self, earlier: u64) -> u64 {
        self.peak.saturating_sub(earlier)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [rss, peak, pss] = [self.rss, self.peak, self.pss].map(mib);
        write!(f, "RSS {rss:.1} MiB (PSS {pss:.1}, peak {peak:.1})")
    }
}

/// Converts KiB to MiB for messages.
#[expect(clippy::cast_precision_loss, reason = "no process is that large")]
pub(crate) fn mib(kib: u64) -> f64 {
    kib as f64 / MIB
}

/// Processor time that a process has used, in user and in kernel mode.
pub(crate) fn processor_time(id: u32) -> Duration {
    let stat = read(id, "stat");
    // The name, in parentheses, may contain anything; utime and stime are the 12th and 13th field after it.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks: u64 = fields
        .split(' ')
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

fn read(id: u32, name: &str) -> String {
    let path = format!("/proc/{id}/{name}");
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("cannot read {path}: {e}"))
}

fn kib(text: &str, key: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(key))
        .and_then(|value| value.split_whitespace().next()?.parse().ok())
        .unwrap_or_else(|| panic!("no {key} in {text}"))
}
