//! The recorder of a gateway's metrics.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Gauge, Key, Label, Level, Metadata, Recorder, SharedString};
use metrics_exporter_prometheus::formatting::{write_help_line, write_type_line};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::families::{BUILD_INFO, FAMILIES, Family, Kind};
use super::histogram::Histogram;
use super::shown::Shown;
use super::tally::Tally;

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// The recorder of one gateway.
#[derive(Clone)]
pub(crate) struct Metrics {
    recorder: Arc<metrics_exporter_prometheus::PrometheusRecorder>,
    handle: PrometheusHandle,
    /// Totals of the counters that are also read here, by series: they go on when handles are made anew.
    totals: Arc<Mutex<HashMap<Key, Arc<AtomicU64>>>>,
    /// The histograms by series, which the recorder has not.
    histograms: Arc<Mutex<BTreeMap<Key, Histogram>>>,
}

impl Metrics {
    /// A recorder with every metric described.
    pub(crate) fn new() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        for family in FAMILIES {
            let (name, help) = (family.name.into(), SharedString::const_str(family.help));
            match family.kind {
                Kind::Counter => recorder.describe_counter(name, family.unit, help),
                Kind::Gauge => recorder.describe_gauge(name, family.unit, help),
                Kind::Histogram => {}
            }
        }
        let handle = recorder.handle();
        let metrics = Self {
            recorder: Arc::new(recorder),
            handle,
            totals: Arc::default(),
            histograms: Arc::default(),
        };
        metrics
            .gauge(
                &BUILD_INFO,
                vec![Label::new("version", env!("CARGO_PKG_VERSION"))],
            )
            .set(1.0);
        metrics
    }

    /// The Prometheus text format, with the series of these members alone.
    pub(crate) fn render(&self, shown: &Shown) -> String {
        let mut text = self.handle.render();
        let histograms = self
            .histograms
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for family in FAMILIES {
            let mut series = histograms
                .iter()
                .filter(|(key, _)| key.name() == family.name)
                .peekable();
            if series.peek().is_none() {
                continue;
            }
            write_help_line(&mut text, family.name, None, None, family.help);
            write_type_line(&mut text, family.name, None, None, "histogram");
            for (key, histogram) in series {
                histogram.write(family.name, key.labels(), &mut text);
            }
            text.push('\n');
        }
        drop(histograms);
        shown.filter(&text)
    }

    pub(super) fn counter(&self, family: &Family, labels: Vec<Label>) -> Counter {
        debug_assert!(family.kind == Kind::Counter, "{}", family.name);
        self.recorder
            .register_counter(&Key::from_parts(family.name, labels), &METADATA)
    }

    pub(super) fn tally(&self, family: &Family, labels: Vec<Label>) -> Tally {
        let key = Key::from_parts(family.name, labels.clone());
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        let total = Arc::clone(totals.entry(key).or_default());
        drop(totals);
        Tally::new(self.counter(family, labels), total)
    }

    pub(super) fn gauge(&self, family: &Family, labels: Vec<Label>) -> Gauge {
        debug_assert!(family.kind == Kind::Gauge, "{}", family.name);
        self.recorder
            .register_gauge(&Key::from_parts(family.name, labels), &METADATA)
    }

    pub(super) fn histogram(
        &self,
        family: &Family,
        bounds: &'static [f64],
        labels: Vec<Label>,
    ) -> Histogram {
        debug_assert!(family.kind == Kind::Histogram, "{}", family.name);
        let key = Key::from_parts(family.name, labels);
        let mut histograms = self
            .histograms
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let histogram = histograms
            .entry(key)
            .or_insert_with(|| Histogram::new(bounds));
        histogram.clone()
    }
}

static METADATA: Metadata<'_> = Metadata::new(module_path!(), Level::INFO, None);
