//! A gateway whose members one source names, and Tomcats to be named.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::Value;

use super::container::{self, Container};
use super::gateway::{ConfigFile, Running, ask};
use super::{ReservedPort, until};

/// A gateway whose balancer `test` has the members of one source.
pub(crate) struct Discovering {
    pub(crate) gateway: Running,
    _file: ConfigFile,
}

impl Discovering {
    /// `keys` are further keys of the balancer, a line each; `source` is the source without its interval.
    pub(crate) fn start(test: &str, keys: &str, source: &str) -> Self {
        let keys: String = keys.lines().map(|key| format!("    {key}\n")).collect();
        let yaml = format!(
            "balancers:
  test:
    stickysession: JSESSIONID|jsessionid
{keys}    discover:
      - {{ {source}, interval: 100ms }}
proxy_pass: [{{ path: /, to: \"balancer://test/\" }}]
"
        );
        let file = ConfigFile::new(test, &yaml);
        Self {
            gateway: Running::start_from(&file),
            _file: file,
        }
    }

    pub(crate) async fn members(&self) -> Vec<Value> {
        let answer = ask(&self.gateway, "GET", "/api/v1/balancers/test", "").await;
        let shown: Value = serde_json::from_str(answer.text()).unwrap();
        shown["members"].as_array().unwrap().clone()
    }

    /// The members that take new sessions, sorted: url and route.
    pub(crate) async fn living(&self) -> Vec<String> {
        let members = self.members().await.into_iter();
        let takes = |it: &Value| {
            ["drain", "disabled"]
                .iter()
                .all(|flag| it["status"][flag] == false)
        };
        let living = members.filter(takes);
        let line = |it: Value| format!("{} {}", text(&it["url"]), text(&it["route"]));
        let mut lines: Vec<String> = living.map(line).collect();
        lines.sort();
        lines
    }

    pub(crate) async fn has(&self, expected: &[&str]) {
        until(&format!("the members are {expected:?}"), async || {
            self.living().await == expected
        })
        .await;
    }

    /// How many answers had this result so far.
    pub(crate) async fn counted(&self, result: &str) -> f64 {
        let labels = [("balancer", "test"), ("result", result)];
        self.gateway
            .metric("ajpgate_discovery_total", &labels)
            .await
    }

    /// Waits for two further answers with this result, so that one began behind the last change.
    pub(crate) async fn answers(&self, result: &str) {
        let before = self.counted(result).await;
        until(&format!("two answers are {result}"), async || {
            self.counted(result).await >= before + 2.0
        })
        .await;
    }
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub(crate) fn host(last: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, last).into()
}

/// Containers at one port of these addresses.
pub(crate) fn containers(hosts: &[(u8, &'static str)]) -> (u16, Vec<Container>) {
    let port = ReservedPort::new().addr().port();
    let mut all = Vec::new();
    for (last, route) in hosts {
        all.push(tomcat(SocketAddr::new(host(*last), port), route));
    }
    (port, all)
}

/// A Tomcat that issues a session with its route to who has none.
pub(crate) fn tomcat(address: SocketAddr, route: &'static str) -> Container {
    Container::at(address, move |_, mut wire| async move {
        while let Some(request) = wire.next_request().await {
            let cookie = container::named(&request, "cookie").unwrap_or_default();
            let session = format!("JSESSIONID=s.{route}; Path=/");
            let fields = [("X-Node", route), ("Set-Cookie", session.as_str())];
            let fields = match cookie.contains("JSESSIONID") {
                true => &fields[..1],
                false => &fields[..],
            };
            wire.respond(200, fields, route.as_bytes()).await;
        }
    })
}
