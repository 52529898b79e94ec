//! The gateway's metrics, read as Prometheus reads them.

/// The values of one scrape.
#[derive(Debug)]
pub(crate) struct Metrics(Vec<Series>);

#[derive(Debug)]
struct Series {
    name: String,
    labels: String,
    value: f64,
}

impl Metrics {
    /// Reads the text of `/metrics`.
    pub(crate) fn parse(text: &str) -> Self {
        let series = text.lines().filter(|line| !line.starts_with('#'));
        Self(series.filter_map(parse_line).collect())
    }

    /// The sum of the series of this name (without `ajpgate_`) that have all these labels.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let wanted: Vec<_> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{value}\""))
            .collect();
        let matching = self.0.iter().filter(|series| {
            series.name.strip_prefix("ajpgate_") == Some(name)
                && wanted.iter().all(|label| series.labels.contains(label))
        });
        matching.map(|series| series.value).sum()
    }

    /// [`Metrics::sum`] as a whole number.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts of a test are small and not negative"
    )]
    pub(crate) fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.sum(name, labels) as u64
    }
}

fn parse_line(line: &str) -> Option<Series> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    Some(Series {
        name: name.to_owned(),
        labels: labels.to_owned(),
        value: value.parse().ok()?,
    })
}
