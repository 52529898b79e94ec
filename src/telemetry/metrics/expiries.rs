//! When certificates expire, over all listeners.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::families::CERTIFICATE_EXPIRY;
use super::recorder::Metrics;
use super::series::Labels;

/// See the [module](self). A clone is the same.
#[derive(Debug, Clone)]
pub(crate) struct CertificateExpiries(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    metrics: Metrics,
    listeners: Mutex<Listeners>,
}

/// Names with the Unix time in seconds, by listener.
#[derive(Debug, Default)]
struct Listeners {
    next: u64,
    shown: BTreeMap<u64, Vec<(String, i64)>>,
}

impl CertificateExpiries {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self(Arc::new(Inner {
            metrics: metrics.clone(),
            listeners: Mutex::default(),
        }))
    }

    /// The part of one listener. It is gone from the metrics when this is dropped.
    pub(crate) fn of_listener(&self) -> ExpiriesOfListener {
        let mut listeners = self.0.lock();
        listeners.next += 1;
        ExpiriesOfListener {
            all: self.clone(),
            number: listeners.next,
        }
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, Listeners> {
        let listeners = self.listeners.lock();
        listeners.unwrap_or_else(PoisonError::into_inner)
    }

    /// Where several certificates have the same name, the one that expires first counts.
    fn write(&self, listeners: &Listeners) {
        let mut all: BTreeMap<&str, i64> = BTreeMap::new();
        for (name, expires) in listeners.shown.values().flatten() {
            let first = all.entry(name).or_insert(*expires);
            *first = (*first).min(*expires);
        }
        let series = all.into_iter().map(|(name, expires)| {
            let labels = Labels::default().and("name", name);
            (labels, u64::try_from(expires).unwrap_or(0))
        });
        self.metrics.replace(&CERTIFICATE_EXPIRY, series);
    }
}

/// When the certificates of one listener expire.
#[derive(Debug)]
pub(crate) struct ExpiriesOfListener {
    all: CertificateExpiries,
    number: u64,
}

impl ExpiriesOfListener {
    /// Names, each with the Unix time in seconds.
    pub(crate) fn show(&self, names: &[(String, i64)]) {
        let inner = &self.all.0;
        let mut listeners = inner.lock();
        listeners.shown.insert(self.number, names.to_vec());
        inner.write(&listeners);
    }
}

impl Drop for ExpiriesOfListener {
    fn drop(&mut self) {
        let inner = &self.all.0;
        let mut listeners = inner.lock();
        listeners.shown.remove(&self.number);
        inner.write(&listeners);
    }
}

#[cfg(test)]
mod tests {
    use super::super::shown::Shown;
    use super::*;

    #[test]
    fn names_of_several_listeners_are_shown_once_and_go_with_their_listener() {
        let metrics = Metrics::new();
        let all = CertificateExpiries::new(&metrics);
        let (one, other) = (all.of_listener(), all.of_listener());
        one.show(&[("a".to_owned(), 20), ("b".to_owned(), 7)]);
        other.show(&[("a".to_owned(), 10)]);
        let series = || {
            let page = metrics.render(&Shown::default());
            let lines = page
                .lines()
                .filter(|line| line.starts_with(CERTIFICATE_EXPIRY.name));
            lines.map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        let name = CERTIFICATE_EXPIRY.name;
        assert_eq!(
            series(),
            [
                format!("{name}{{name=\"a\"}} 10"),
                format!("{name}{{name=\"b\"}} 7")
            ]
        );
        drop(one);
        assert_eq!(series(), [format!("{name}{{name=\"a\"}} 10")]);
        other.show(&[("c".to_owned(), 1)]);
        assert_eq!(series(), [format!("{name}{{name=\"c\"}} 1")]);
    }
}
