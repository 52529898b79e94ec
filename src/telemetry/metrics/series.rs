//! The labels of a series, as a scrape writes them, and which member they name.

use std::cmp::Ordering;

/// Labels in the order in which they were added: the ones that name a member come first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Labels {
    /// `balancer="shop",member="ajp://a:8009",route="n1",code="2xx"`.
    text: String,
    /// Length of the text that names the balancer; 0 where it is empty, or none.
    balancer: usize,
    /// Length of the text that names the member or the route, or else the balancer.
    place: usize,
    /// The place of the route in `issued`, where there is that label.
    issued: Option<Box<str>>,
}

impl Labels {
    /// With one label more.
    pub(super) fn and(&self, name: &str, value: &str) -> Self {
        let mut labels = self.clone();
        if !labels.text.is_empty() {
            labels.text.push(',');
        }
        labels.text.push_str(name);
        labels.text.push_str("=\"");
        for letter in value.chars() {
            match letter {
                '\\' => labels.text.push_str("\\\\"),
                '"' => labels.text.push_str("\\\""),
                '\n' => labels.text.push_str("\\n"),
                letter => labels.text.push(letter),
            }
        }
        labels.text.push('"');
        match name {
            "balancer" if !value.is_empty() => {
                labels.balancer = labels.text.len();
                labels.place = labels.balancer;
            }
            "route" if labels.balancer > 0 => labels.place = labels.text.len(),
            "issued" => {
                let balancer = self.text.get(..self.balancer).unwrap_or_default();
                labels.issued = Some(format!("{balancer},route=\"{value}\"").into());
            }
            _ => {}
        }
        labels
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The labels that name the balancer and, where there are such labels, member and route. Empty where no balancer is
    /// named.
    pub(super) fn place(&self) -> &str {
        self.text.get(..self.place).unwrap_or_default()
    }

    /// Balancer and route of the label `issued`, where there is one.
    pub(super) fn issued(&self) -> Option<&str> {
        self.issued.as_deref()
    }
}

impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Labels {}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_written_so_that_it_cannot_end_before_its_end() {
        let labels = Labels::default().and("a", "x\\\"\ny").and("b", "");
        assert_eq!(labels.text(), "a=\"x\\\\\\\"\\ny\",b=\"\"");
    }
}
