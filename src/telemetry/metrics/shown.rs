//! Which series are shown. A recorder forgets none, but a member that has another route now, or is gone, would look
//! as if it still ran.

use std::collections::HashSet;

/// The members and routes of the configuration that counts now.
#[derive(Debug, Default)]
pub(crate) struct Shown(HashSet<String>);

impl Shown {
    /// Shows the series of a member, and those of requests that it did not answer.
    pub(crate) fn member(&mut self, balancer: &str, member: &str, route: &str) {
        for member in [member, ""] {
            let route = if member.is_empty() { "" } else { route };
            self.0.insert(format!(
                "balancer=\"{balancer}\",member=\"{member}\",route=\"{route}\""
            ));
        }
        for route in [route, "unknown", ""] {
            self.0
                .insert(format!("balancer=\"{balancer}\",route=\"{route}\""));
        }
    }

    /// Removes the lines of series whose member or route is not among these.
    pub(super) fn filter(&self, text: &str) -> String {
        let lines = text.split_inclusive('\n').filter(|line| self.shows(line));
        lines.collect()
    }

    fn shows(&self, line: &str) -> bool {
        let labels = line.split_once('{').map_or("", |(_, labels)| labels);
        // Labels are written in the order in which handles give them: what a member is comes first.
        let Some((before, behind)) = labels.split_once("route=\"") else {
            return true;
        };
        let route = behind.split('"').next().unwrap_or_default();
        let of_no_balancer = before.starts_with("balancer=\"\"");
        of_no_balancer
            || line.starts_with('#')
            || self.0.contains(&format!("{before}route=\"{route}\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_members_of_the_configuration_are_shown() {
        let mut shown = Shown::default();
        shown.member("b", "ajp://h:8009", "n1");
        let kept = "# HELP m Text with {route=\"n9\"}.\n\
                    up 1\n\
                    m{balancer=\"b\"} 1\n\
                    m{balancer=\"b\",member=\"ajp://h:8009\",route=\"n1\",code=\"2xx\"} 1\n\
                    m{balancer=\"b\",member=\"\",route=\"\",code=\"5xx\"} 1\n\
                    m{balancer=\"\",member=\"\",route=\"\",code=\"4xx\"} 1\n\
                    m{balancer=\"b\",route=\"n1\",result=\"hit\"} 1\n\
                    m{balancer=\"b\",route=\"unknown\",result=\"unknown_route\"} 1\n\
                    m{balancer=\"b\",route=\"\",result=\"new\"} 1\n";
        let gone = "m{balancer=\"b\",member=\"ajp://h:8009\",route=\"n2\",code=\"2xx\"} 1\n\
                    m{balancer=\"b\",member=\"ajp://h:8010\",route=\"n1\",code=\"2xx\"} 1\n\
                    m{balancer=\"c\",member=\"\",route=\"\",code=\"5xx\"} 1\n\
                    m{balancer=\"b\",route=\"n2\",result=\"hit\"} 1\n";
        assert_eq!(shown.filter(&[kept, gone].concat()), kept);
    }
}
