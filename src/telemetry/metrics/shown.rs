//! Which series are shown. A recorder forgets none, but a member that has another route now, or is gone, would look
//! as if it still ran.

use std::collections::HashSet;

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

    /// Removes the lines of series whose balancer, member or route is not among these.
    pub(super) fn filter(&self, text: &str) -> String {
        let lines = text.split_inclusive('\n').filter(|line| self.shows(line));
        lines.collect()
    }

    fn shows(&self, line: &str) -> bool {
        // Labels are written in the order in which handles give them: what a member is comes first.
        let labels = line.split_once('{').map_or("", |(_, labels)| labels);
        let Some(balancer) = value(labels, "balancer=\"") else {
            return true;
        };
        if line.starts_with('#') || balancer.is_empty() {
            return true;
        }
        let shows_member = match labels.split_once("route=\"") {
            Some((before, _)) => {
                let route = value(labels, "route=\"").unwrap_or_default();
                self.0.contains(&format!("{before}route=\"{route}\""))
            }
            None => self.0.contains(&format!("balancer=\"{balancer}\"")),
        };
        let shows_issued = value(labels, "issued=\"").is_none_or(|issued| {
            self.0
                .contains(&format!("balancer=\"{balancer}\",route=\"{issued}\""))
        });
        shows_member && shows_issued
    }
}

/// What stands behind this, up to the next quotation mark: names, urls and routes have none.
fn value<'l>(labels: &'l str, label: &str) -> Option<&'l str> {
    let (_, behind) = labels.split_once(label)?;
    behind.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_members_of_the_configuration_are_shown() {
        let mut shown = Shown::default();
        shown.balancer("b");
        shown.member("b", "ajp://h:8009", "n1");
        let kept = "# HELP m Text with {route=\"n9\"}.\n\
                    up 1\n\
                    m{balancer=\"b\"} 1\n\
                    m{balancer=\"b\",member=\"ajp://h:8009\",route=\"n1\",code=\"2xx\"} 1\n\
                    m{balancer=\"b\",member=\"\",route=\"\",code=\"5xx\"} 1\n\
                    m{balancer=\"\",member=\"\",route=\"\",code=\"4xx\"} 1\n\
                    m{balancer=\"b\",route=\"n1\",result=\"hit\"} 1\n\
                    m{balancer=\"b\",route=\"unknown\",result=\"unknown_route\"} 1\n\
                    m{balancer=\"b\",route=\"\",result=\"new\"} 1\n\
                    m{balancer=\"b\",member=\"ajp://h:8009\",route=\"n1\",issued=\"unknown\"} 1\n";
        let gone = "m{balancer=\"b\",member=\"ajp://h:8009\",route=\"n2\",code=\"2xx\"} 1\n\
                    m{balancer=\"b\",member=\"ajp://h:8010\",route=\"n1\",code=\"2xx\"} 1\n\
                    m{balancer=\"c\",member=\"\",route=\"\",code=\"5xx\"} 1\n\
                    m{balancer=\"c\"} 1\n\
                    m_bucket{balancer=\"c\",le=\"1\"} 1\n\
                    m{balancer=\"b\",route=\"n2\",result=\"hit\"} 1\n\
                    m{balancer=\"b\",member=\"ajp://h:8009\",route=\"n1\",issued=\"n2\"} 1\n";
        assert_eq!(shown.filter(&[kept, gone].concat()), kept);
    }
}
