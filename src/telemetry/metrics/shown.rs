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
        if line.starts_with('#') {
            return true;
        }
        // Labels are written in the order in which handles give them: the ones that name a member come first.
        let labels = line.split_once('{').map_or("", |(_, labels)| labels);
        let Some(balancer) = through(labels, "balancer=\"") else {
            return true;
        };
        if balancer == "balancer=\"\"" {
            return true;
        }
        let member = through(labels, "route=\"").unwrap_or(balancer);
        self.0.contains(member) && self.shows_issued(balancer, labels)
    }

    /// Whether the route in `issued`, if there is one, is still the route of a member.
    fn shows_issued(&self, balancer: &str, labels: &str) -> bool {
        let Some((_, issued)) = labels.split_once("issued=\"") else {
            return true;
        };
        let issued = issued.split('"').next().unwrap_or_default();
        self.0.contains(&format!("{balancer},route=\"{issued}\""))
    }
}

/// The labels from the first one to this one with its value. No name, URL or route has a quotation mark.
fn through<'l>(labels: &'l str, label: &str) -> Option<&'l str> {
    let begin = labels.find(label)?.checked_add(label.len())?;
    let length = labels.get(begin..)?.find('"')?;
    labels.get(..=begin.checked_add(length)?)
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
