//! Which series are shown, and which are kept: a member that has another route now, or is gone, would look as if it still
//! ran.

use std::collections::HashSet;

use super::series::Labels;

/// The members and routes of the configuration that counts now.
#[derive(Debug, Default)]
pub(crate) struct Shown(HashSet<String>);

impl Shown {
    /// Shows the series of a balancer, and those of requests that no member of it answered.
    pub(crate) fn balancer(&mut self, balancer: &str) {
        self.0.insert(format!("balancer=\"{balancer}\""));
        self.0
            .insert(format!("balancer=\"{balancer}\",member=\"\",route=\"\""));
        for route in ["unknown", ""] {
            self.0
                .insert(format!("balancer=\"{balancer}\",route=\"{route}\""));
        }
    }

    /// Shows the series of a member of it.
    pub(crate) fn member(&mut self, balancer: &str, member: &str, route: &str) {
        self.0.insert(format!(
            "balancer=\"{balancer}\",member=\"{member}\",route=\"{route}\""
        ));
        self.0
            .insert(format!("balancer=\"{balancer}\",route=\"{route}\""));
    }

    /// Whether the balancer, the member and the routes of a series are among them.
    pub(super) fn has(&self, labels: &Labels) -> bool {
        let issued = labels.issued();
        self.shows(labels.place()) && issued.is_none_or(|issued| self.shows(issued))
    }

    /// Whether what these labels name is among them; an empty text is. No name, URL or route has a quotation mark.
    pub(super) fn shows(&self, labels: &str) -> bool {
        labels.is_empty() || self.0.contains(labels)
    }
}
