//! The series of a gateway's metrics, and the page that shows them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cells::{Counter, Gauge};
use super::families::{BUILD_INFO, FAMILIES, Family, Kind};
use super::histogram::Histogram;
use super::series::Labels;
use super::shown::Shown;

/// The metrics of one gateway. A clone is the same metrics.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<Mutex<Families>>);

/// By the name of the family, and by the labels of the series, in the order of the page.
type Families = BTreeMap<&'static str, BTreeMap<Labels, Cell>>;

/// What a series counts.
#[derive(Debug, Clone)]
enum Cell {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Histogram),
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// Metrics of a gateway that starts.
    pub(crate) fn new() -> Self {
        let metrics = Self(Arc::default());
        let version = Labels::default().and("version", env!("CARGO_PKG_VERSION"));
        metrics.gauge(&BUILD_INFO, version).set(1);
        metrics
    }

    /// The Prometheus text format, with the series of these members alone.
    ///
    /// <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>
    pub(crate) fn render(&self, shown: &Shown) -> String {
        let mut page = String::new();
        let families = self.lock();
        for family in FAMILIES {
            if let Some(series) = families.get(family.name).filter(|it| !it.is_empty()) {
                write_family(family, series, shown, &mut page);
            }
        }
        page
    }

    /// The counter of these labels. It is the same each time, so that it goes on when handles are made anew.
    pub(super) fn counter(&self, family: &Family, labels: Labels) -> Counter {
        let cell = self.cell(family, labels, || Cell::Counter(Counter::new()));
        match cell {
            Cell::Counter(counter) => counter,
            // No family has two kinds.
            _ => Counter::noop(),
        }
    }

    /// The gauge of these labels.
    pub(super) fn gauge(&self, family: &Family, labels: Labels) -> Gauge {
        let cell = self.cell(family, labels, || Cell::Gauge(Gauge::default()));
        match cell {
            Cell::Gauge(gauge) => gauge,
            _ => Gauge::default(),
        }
    }

    /// The histogram of these labels, with buckets up to these bounds in seconds.
    pub(super) fn histogram(
        &self,
        family: &Family,
        bounds: &'static [f64],
        labels: Labels,
    ) -> Histogram {
        let make = || Histogram::new(bounds);
        match self.cell(family, labels, || Cell::Histogram(make())) {
            Cell::Histogram(histogram) => histogram,
            _ => make(),
        }
    }

    /// Makes these gauges the only series of the family.
    pub(super) fn replace(&self, family: &Family, series: impl Iterator<Item = (Labels, u64)>) {
        let series = series.map(|(labels, value)| {
            let gauge = Gauge::default();
            gauge.set(value);
            (labels, Cell::Gauge(gauge))
        });
        let series = series.collect();
        self.lock().insert(family.name, series);
    }

    /// Forgets the series of balancers, members and routes that are not among these. Handles that were made of them count
    /// on where nobody looks; a handle that is made anew begins at 0.
    pub(crate) fn forget_others(&self, kept: &Shown) {
        for series in self.lock().values_mut() {
            series.retain(|labels, _| kept.has(labels));
        }
    }

    fn cell(&self, family: &Family, labels: Labels, make: impl FnOnce() -> Cell) -> Cell {
        let mut families = self.lock();
        let series = families.entry(family.name).or_default();
        let cell = series.entry(labels).or_insert_with(make).clone();
        debug_assert!(cell.kind() == family.kind, "{}", family.name);
        cell
    }

    fn lock(&self) -> MutexGuard<'_, Families> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cell {
    const fn kind(&self) -> Kind {
        match self {
            Self::Counter(_) => Kind::Counter,
            Self::Gauge(_) => Kind::Gauge,
            Self::Histogram(_) => Kind::Histogram,
        }
    }
}

/// Writes one family with an empty line behind it.
fn write_family(
    family: &Family,
    series: &BTreeMap<Labels, Cell>,
    shown: &Shown,
    page: &mut String,
) {
    let Family { name, kind, help } = family;
    for part in ["# HELP ", name, " ", help, "\n# TYPE ", name, " "] {
        page.push_str(part);
    }
    page.push_str(kind.text());
    page.push('\n');
    let ends = series.values().find_map(|cell| match cell {
        Cell::Histogram(histogram) => Some(histogram.ends()),
        _ => None,
    });
    let ends = ends.unwrap_or_default();
    let mut number = itoa::Buffer::new();
    // Series of the same member follow each other.
    let mut last = ("", true);
    for (labels, cell) in series {
        if labels.place() != last.0 {
            last = (labels.place(), shown.shows(labels.place()));
        }
        let issued = labels.issued();
        if !last.1 || issued.is_some_and(|issued| !shown.shows(issued)) {
            continue;
        }
        let value = match cell {
            Cell::Counter(counter) => number.format(counter.total()),
            Cell::Gauge(gauge) => number.format(gauge.value()),
            Cell::Histogram(histogram) => {
                histogram.write(name, labels.text(), &ends, page);
                continue;
            }
        };
        page.push_str(name);
        if !labels.text().is_empty() {
            for part in ["{", labels.text(), "}"] {
                page.push_str(part);
            }
        }
        for part in [" ", value, "\n"] {
            page.push_str(part);
        }
    }
    page.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::families::{BUILD_INFO, CLIENT_CONNECTIONS, MEMBER_ELECTED, POOL_WAIT};
    use super::*;

    fn labels(labels: &[(&str, &str)]) -> Labels {
        let none = Labels::default();
        let add = |all: Labels, (name, value): &(&str, &str)| all.and(name, value);
        labels.iter().fold(none, add)
    }

    #[test]
    fn a_page_has_the_families_in_their_order_and_their_series_sorted() {
        let metrics = Metrics::new();
        let mut shown = Shown::default();
        shown.balancer("b");
        for member in ["y", "x"] {
            shown.member("b", member, "n");
            let of = labels(&[("balancer", "b"), ("member", member), ("route", "n")]);
            metrics.counter(&MEMBER_ELECTED, of.clone()).increment(3);
            metrics.histogram(&POOL_WAIT, &[0.5, 1.0], of);
        }
        metrics.gauge(&CLIENT_CONNECTIONS, Labels::default()).set(7);
        let waits = |member: &str| {
            let of = format!("balancer=\"b\",member=\"{member}\",route=\"n\"");
            let name = POOL_WAIT.name;
            format!(
                "{name}_bucket{{{of},le=\"0.5\"}} 0\n{name}_bucket{{{of},le=\"1\"}} 0\n\
                 {name}_bucket{{{of},le=\"+Inf\"}} 0\n{name}_sum{{{of}}} 0\n{name}_count{{{of}}} 0\n"
            )
        };
        let heading = |family: &Family| {
            let Family { name, kind, help } = family;
            format!("# HELP {name} {help}\n# TYPE {name} {}\n", kind.text())
        };
        let expected = [
            heading(&MEMBER_ELECTED),
            "ajpgate_member_elected_total{balancer=\"b\",member=\"x\",route=\"n\"} 3\n".to_owned(),
            "ajpgate_member_elected_total{balancer=\"b\",member=\"y\",route=\"n\"} 3\n\n"
                .to_owned(),
            heading(&POOL_WAIT),
            waits("x"),
            waits("y"),
            "\n".to_owned(),
            heading(&CLIENT_CONNECTIONS),
            "ajpgate_client_connections 7\n\n".to_owned(),
            heading(&BUILD_INFO),
            format!(
                "ajpgate_build_info{{version=\"{}\"}} 1\n\n",
                env!("CARGO_PKG_VERSION")
            ),
        ];
        assert_eq!(metrics.render(&shown), expected.concat());
    }

    #[test]
    fn the_handles_of_a_series_count_together() {
        let metrics = Metrics::new();
        let of = labels(&[("balancer", "b")]);
        let [one, other] = [(); 2].map(|()| metrics.counter(&MEMBER_ELECTED, of.clone()));
        one.increment(1);
        other.increment(2);
        assert_eq!((one.total(), other.total()), (3, 3));
    }

    #[test]
    fn the_series_of_members_that_are_gone_are_forgotten() {
        let metrics = Metrics::new();
        let mut kept = Shown::default();
        kept.balancer("b");
        kept.member("b", "x", "n1");
        let number = || {
            let families = metrics.lock();
            families.values().map(BTreeMap::len).sum::<usize>()
        };
        let counter = |member: &str, route: &str, issued: &str| {
            let of = [("balancer", "b"), ("member", member), ("route", route)];
            metrics.counter(&MEMBER_ELECTED, labels(&of).and("issued", issued))
        };
        let stays = counter("x", "n1", "n1");
        stays.increment(1);
        let before = number();
        for round in 0..100 {
            let url = format!("y{round}");
            for (member, route, issued) in
                [("x", "n2", "n1"), ("x", "n1", "n2"), (&url, "n1", "n1")]
            {
                counter(member, route, issued).increment(1);
            }
            metrics.forget_others(&kept);
            assert_eq!(number(), before);
        }
        assert_eq!(counter("x", "n1", "n1").total(), 1);
        assert_eq!(counter("y1", "n1", "n1").total(), 0);
    }

    #[test]
    fn only_members_of_the_configuration_are_shown() {
        let mut shown = Shown::default();
        shown.balancer("b");
        shown.member("b", "ajp://h:8009", "n1");
        let member = |member, route| vec![("balancer", "b"), ("member", member), ("route", route)];
        let with = |mut all: Vec<(&'static str, &'static str)>, more| {
            all.push(more);
            all
        };
        let ours = member("ajp://h:8009", "n1");
        let route = |route| vec![("balancer", "b"), ("route", route)];
        let nobody = |balancer| vec![("balancer", balancer), ("member", ""), ("route", "")];
        let kept = [
            vec![],
            vec![("balancer", "b")],
            with(ours.clone(), ("code", "2xx")),
            with(member("", ""), ("code", "5xx")),
            with(nobody(""), ("code", "4xx")),
            with(route("n1"), ("result", "hit")),
            with(route("unknown"), ("result", "unknown_route")),
            with(route(""), ("result", "new")),
            with(ours.clone(), ("issued", "unknown")),
        ];
        let gone = [
            with(member("ajp://h:8009", "n2"), ("code", "2xx")),
            with(member("ajp://h:8010", "n1"), ("code", "2xx")),
            with(nobody("c"), ("code", "5xx")),
            vec![("balancer", "c")],
            with(route("n2"), ("result", "hit")),
            with(ours, ("issued", "n2")),
        ];
        for (all, expected) in [(&kept[..], true), (&gone[..], false)] {
            for one in all {
                let metrics = Metrics::new();
                metrics.counter(&MEMBER_ELECTED, labels(one));
                let page = metrics.render(&shown);
                let is_shown = page.contains("\najpgate_member_elected_total");
                assert_eq!(is_shown, expected, "{one:?}");
            }
        }
    }
}
