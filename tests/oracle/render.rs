//! A configuration, written for httpd, for mod_jk and for ajpgate.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::configuration::{Configuration, pairs};
use crate::mod_jk;

/// The statuses of a member: ajpgate's word and httpd's letter (`mod_proxy.h: PROXY_WORKER_*_FLAG`).
const STATUSES: [(&str, char); 6] = [
    ("disabled", 'D'),
    ("stopped", 'S'),
    ("hot_standby", 'H'),
    ("hot_spare", 'R'),
    ("drain", 'N'),
    ("ignore_errors", 'I'),
];

/// Keys and their names in mod_jk, which lacks the other keys.
const PROPERTIES: [(&str, &str); 3] = [
    ("loadfactor", "lbfactor"),
    ("redirect", "redirect"),
    ("domain", "domain"),
];

impl Configuration {
    /// The directives of httpd: this number of equal balancers `w0`, `w1` …, each mapped to the path of its name.
    pub(crate) fn httpd(&self, nodes: &[SocketAddr], worlds: usize) -> String {
        let mut members = String::new();
        for ((route, keys), address) in self.members.iter().zip(nodes) {
            let _ = write!(members, "BalancerMember ajp://{address}");
            if !route.is_empty() {
                let _ = write!(members, " route={route}");
            }
            for (key, value) in pairs(keys) {
                let _ = match key {
                    "status" => write!(members, " status=+{}", letters(value)),
                    _ => write!(members, " {key}={value}"),
                };
            }
            members.push('\n');
        }
        let settings = match self.balancer {
            "" => String::new(),
            keys => format!("ProxySet {keys}\n"),
        };
        (0..worlds)
            .map(|world| {
                format!(
                    "<Proxy balancer://w{world}>\n{members}{settings}</Proxy>\n\
                     ProxyPass /w{world} balancer://w{world}/w{world}\n"
                )
            })
            .collect()
    }

    /// The same balancers as workers of mod_jk.
    pub(crate) fn workers(&self, nodes: &[SocketAddr], worlds: usize) -> String {
        let mut workers = String::new();
        for world in 0..worlds {
            let members: Vec<String> = (0..self.size())
                .map(|nth| mod_jk::worker(world, nth))
                .collect();
            let world = format!("w{world}");
            workers += &format!(
                "worker.list={world}\nworker.{world}.type=lb\nworker.{world}.retries=1\n\
                 worker.{world}.balance_workers={}\nworker.{world}.method={}\nworker.{world}.sticky_session={}\n",
                members.join(","),
                method(self.key("lbmethod")),
                self.session_names().is_some()
            );
            if let Some((cookie, parameter)) = self.session_names() {
                workers += &format!(
                    "worker.{world}.session_cookie={cookie}\nworker.{world}.session_path=;{parameter}\n"
                );
            }
            for (nth, member) in members.iter().enumerate() {
                workers += &self.worker(nth, member, nodes[nth]);
            }
        }
        workers
    }

    fn worker(&self, nth: usize, name: &str, node: SocketAddr) -> String {
        let (route, keys) = self.members[nth];
        let mut worker = format!(
            "worker.{name}.type=ajp13\nworker.{name}.host={}\nworker.{name}.port={}\n\
             worker.{name}.retries=1\nworker.{name}.route={route}\n",
            node.ip(),
            node.port()
        );
        for (key, value) in pairs(keys) {
            let known = PROPERTIES.iter().find(|(ours, _)| *ours == key);
            worker += &match known {
                Some((_, property)) => format!("worker.{name}.{property}={value}\n"),
                None => format!("worker.{name}.activation={}\n", activation(value)),
            };
        }
        worker
    }

    /// The same balancers for ajpgate.
    pub(crate) fn yaml(&self, nodes: &[SocketAddr], worlds: usize) -> String {
        let mut balancer = String::new();
        if self.key("stickysession").is_none() {
            balancer += "    stickysession: \"\"\n";
        }
        for (key, value) in pairs(self.balancer) {
            let _ = writeln!(balancer, "    {key}: {}", scalar(key, value));
        }
        balancer += "    members:\n";
        for ((route, keys), address) in self.members.iter().zip(nodes) {
            let _ = write!(balancer, "      - {{ url: \"ajp://{address}\"");
            if !route.is_empty() {
                let _ = write!(balancer, ", route: \"{route}\"");
            }
            for (key, value) in pairs(keys) {
                let _ = write!(balancer, ", {key}: {}", scalar(key, value));
            }
            balancer += " }\n";
        }
        let mut yaml = "balancers:\n".to_owned();
        for world in 0..worlds {
            let _ = write!(yaml, "  w{world}:\n{balancer}");
        }
        yaml += "proxy_pass:\n";
        for world in 0..worlds {
            let _ = writeln!(
                yaml,
                "  - {{ path: /w{world}, to: \"balancer://w{world}/w{world}\" }}"
            );
        }
        yaml
    }
}

fn letters(list: &str) -> String {
    let letter = |word| {
        let found = STATUSES.iter().find(|(known, _)| *known == word);
        found.expect("a status").1
    };
    list.split(',').map(letter).collect()
}

fn scalar(key: &str, value: &str) -> String {
    match (key, value) {
        ("status" | "failonstatus", list) => format!("[{list}]"),
        ("stickysession" | "stickysessionsep" | "redirect", text) => format!("\"{text}\""),
        (_, "on") => "true".to_owned(),
        (_, "off") => "false".to_owned(),
        (_, plain) => plain.to_owned(),
    }
}

/// mod_jk's letter for a method.
fn method(lbmethod: Option<&str>) -> char {
    match lbmethod {
        None | Some("byrequests") => 'R',
        Some("bytraffic") => 'T',
        Some("bybusyness") => 'B',
        Some("sessions") => 'S',
        Some(other) => panic!("mod_jk has no {other}"),
    }
}

/// mod_jk's activation for a status. mod_jk's `disabled` is httpd's drain.
fn activation(status: &str) -> char {
    match status {
        "drain" | "disabled" => 'D',
        "stopped" => 'S',
        other => panic!("mod_jk has no {other}"),
    }
}
