//! `sticky_requests_total`, which is also read for people who look at a balancer.

use std::collections::BTreeSet;

use super::cells::Counter;
use super::families::STICKY_REQUESTS;
use super::labels::StickyResult;
use super::recorder::Metrics;
use super::series::Labels;

/// What became of one route's requests.
#[derive(Debug, Clone)]
pub(crate) struct StickyCounters([Counter; StickyResult::COUNT]);

impl StickyCounters {
    /// Counters for these results; the others count nowhere.
    fn new(metrics: &Metrics, balancer: &str, route: &str, results: &[StickyResult]) -> Self {
        let labels = Labels::default()
            .and("balancer", balancer)
            .and("route", route);
        Self(StickyResult::ALL.map(|result| {
            if !results.contains(&result) {
                return Counter::noop();
            }
            metrics.counter(&STICKY_REQUESTS, labels.and("result", result.text()))
        }))
    }

    /// How often that became of them, since the gateway started.
    pub(crate) fn total(&self, result: StickyResult) -> u64 {
        self.0.get(result as usize).map_or(0, Counter::total)
    }

    fn increment(&self, result: StickyResult) {
        if let Some(counter) = self.0.get(result as usize) {
            counter.increment(1);
        }
    }
}

/// The counters of one balancer.
#[derive(Debug, Clone)]
pub(crate) struct StickyMetrics {
    /// Sorted by route, each route once.
    by_route: Vec<(String, StickyCounters)>,
    unknown: StickyCounters,
    none: StickyCounters,
}

impl StickyMetrics {
    /// `routes` are the members'; an empty one is none.
    pub(super) fn new<'a>(
        metrics: &Metrics,
        balancer: &str,
        routes: impl Iterator<Item = &'a str>,
    ) -> Self {
        let counters = |route: &str, results: &[StickyResult]| {
            StickyCounters::new(metrics, balancer, route, results)
        };
        let of_a_route = [
            StickyResult::Hit,
            StickyResult::Redirect,
            StickyResult::Failover,
            StickyResult::Unserved,
        ];
        let routes: BTreeSet<&str> = routes.filter(|route| !route.is_empty()).collect();
        Self {
            by_route: routes
                .into_iter()
                .map(|route| (route.to_owned(), counters(route, &of_a_route)))
                .collect(),
            unknown: counters("unknown", &[StickyResult::UnknownRoute]),
            none: counters("", &[StickyResult::NoRoute, StickyResult::New]),
        }
    }

    /// Counts what became of the route that a session asked for; `None` when it asked for none. A route that nobody has any
    /// more is unknown, whatever became of it.
    pub(crate) fn count(&self, route: Option<&str>, result: StickyResult) {
        match route.filter(|route| !route.is_empty()) {
            None => self.none.increment(result),
            Some(route) => match self.of(route) {
                Some(counters) => counters.increment(result),
                None => self.unknown.increment(StickyResult::UnknownRoute),
            },
        }
    }

    /// Counts nowhere.
    pub(super) fn noop() -> Self {
        let nowhere = StickyCounters(StickyResult::ALL.map(|_| Counter::noop()));
        Self {
            by_route: Vec::new(),
            unknown: nowhere.clone(),
            none: nowhere,
        }
    }

    /// The counters of a member's route.
    pub(crate) fn of(&self, route: &str) -> Option<&StickyCounters> {
        let place = self
            .by_route
            .binary_search_by(|(known, _)| known.as_str().cmp(route));
        let (_, counters) = self.by_route.get(place.ok()?)?;
        Some(counters)
    }

    /// Of the routes that nobody has.
    pub(crate) const fn unknown(&self) -> &StickyCounters {
        &self.unknown
    }

    /// Of requests that asked for no route.
    pub(crate) const fn none(&self) -> &StickyCounters {
        &self.none
    }
}
