//! A histogram of durations whose buckets are fixed: an observation is two additions, and a scrape reads what is there.

use std::fmt::Write as _;
use std::iter::zip;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// See the [module](self). A clone has the same buckets.
#[derive(Debug, Clone)]
pub(crate) struct Histogram(Arc<Cells>);

#[derive(Debug)]
struct Cells {
    /// Upper bounds of the buckets in seconds, ascending.
    bounds: &'static [f64],
    /// Observations in each bucket, and behind them those above all bounds.
    counts: Box<[AtomicU64]>,
    /// The sum of all observations in nanoseconds: enough for 584 years.
    nanos: AtomicU64,
}

impl Histogram {
    /// `bounds` are the upper bounds of the buckets in seconds, ascending.
    pub(super) fn new(bounds: &'static [f64]) -> Self {
        Self(Arc::new(Cells {
            bounds,
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            nanos: AtomicU64::new(0),
        }))
    }

    /// Counts an observation.
    pub(crate) fn record(&self, took: Duration) {
        let Cells {
            bounds,
            counts,
            nanos,
        } = &*self.0;
        let seconds = took.as_secs_f64();
        let bucket = bounds.iter().take_while(|bound| seconds > **bound).count();
        if let Some(count) = counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        nanos.fetch_add(took, Ordering::Relaxed);
    }

    /// The upper bounds of its buckets, as a page writes them.
    pub(super) fn ends(&self) -> Vec<String> {
        let ends = self.0.bounds.iter().map(f64::to_string);
        ends.chain(["+Inf".to_owned()]).collect()
    }

    /// Writes its lines of the Prometheus text format. `ends` are [its own](Self::ends), which all histograms of a family
    /// share.
    pub(super) fn write(&self, name: &str, labels: &str, ends: &[String], page: &mut String) {
        let mut number = itoa::Buffer::new();
        let mut count = 0_u64;
        let comma = if labels.is_empty() { "" } else { "," };
        for (end, cell) in zip(ends, &self.0.counts) {
            count = count.saturating_add(cell.load(Ordering::Relaxed));
            let count = number.format(count);
            for part in [
                name, "_bucket{", labels, comma, "le=\"", end, "\"} ", count, "\n",
            ] {
                page.push_str(part);
            }
        }
        let sum = Duration::from_nanos(self.0.nanos.load(Ordering::Relaxed)).as_secs_f64();
        let _ = writeln!(page, "{name}_sum{{{labels}}} {sum}");
        let _ = writeln!(page, "{name}_count{{{labels}}} {count}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observations_are_counted_in_every_bucket_that_they_fit() {
        let histogram = Histogram::new(&[0.001, 2.5]);
        for took in [0, 1_000, 1_001, 2_500_000, 3_000_000] {
            histogram.record(Duration::from_micros(took));
        }
        let mut text = String::new();
        let labels = "balancer=\"b\",route=\"\"";
        histogram.write("d", labels, &histogram.ends(), &mut text);
        assert_eq!(
            text,
            "d_bucket{balancer=\"b\",route=\"\",le=\"0.001\"} 2\n\
             d_bucket{balancer=\"b\",route=\"\",le=\"2.5\"} 4\n\
             d_bucket{balancer=\"b\",route=\"\",le=\"+Inf\"} 5\n\
             d_sum{balancer=\"b\",route=\"\"} 5.502001\n\
             d_count{balancer=\"b\",route=\"\"} 5\n"
        );
    }
}
