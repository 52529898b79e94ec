//! Debian's Prometheus reads the gateway's metrics, evaluates the shipped rules, and answers every query of the dashboard.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use crate::support::ajpgate::Ajpgate;
use crate::support::browser::Browser;
use crate::support::eventually;
use crate::support::node::Node;
use crate::support::port::ReservedPort;
use crate::support::probe;
use crate::support::prometheus::{self, Prometheus, promtool};
use crate::support::tls::Authority;
use serde_json::Value;

/// The password in `docker/prometheus/admin-password`, and the header field that carries it.
const ADMIN: &str = "{ bind: \"127.0.0.1:0\", auth: { user: admin, password: trial } }";
const CREDENTIALS: (&str, &str) = ("Authorization", "Basic YWRtaW46dHJpYWw=");

/// A gateway whose metrics have values for every panel of the dashboard.
struct Setup {
    _authority: Authority,
    gateway: Ajpgate,
    _nodes: Vec<Node>,
    _gone: ReservedPort,
}

impl Setup {
    /// `node1` and `node2` work, `node3` issues sessions of another route, `node4` drains, `node5` does not run.
    async fn open() -> Self {
        let (one, two, three, four) = tokio::join!(
            Node::start("node1"),
            Node::start("node2"),
            Node::start("somewhere"),
            Node::start("node4"),
        );
        let gone = ReservedPort::new();
        let authority = Authority::new();
        let tls = authority.server("server", &["localhost"]);
        let gateway = Ajpgate::start(&format!(
            "listeners:
  - {{ bind: \"127.0.0.1:0\" }}
  - {{ bind: \"127.0.0.1:0\", tls: {{ {tls} }} }}
balancers:
  shop:
    failonstatus: [503]
    health_check: {{ method: cping, interval: 1s }}
    discover: [{{ file: more/*.yaml }}]
    members:
      - {{ url: \"ajp://{}\", route: node1 }}
      - {{ url: \"ajp://{}\", route: node2 }}
      - {{ url: \"ajp://{}\", route: node3 }}
      - {{ url: \"ajp://{}\", route: node4, status: [drain] }}
      - {{ url: \"ajp://{}\", route: node5 }}
proxy_pass:
  - {{ path: /, to: \"balancer://shop/\" }}
cluster: {{ url: \"redis://[::1]:1\", name: shop }}
admin: {ADMIN}
",
            one.ajp_addr(),
            two.ajp_addr(),
            three.ajp_addr(),
            four.ajp_addr(),
            gone.addr(),
        ))
        .await;
        Self {
            _authority: authority,
            gateway,
            _nodes: vec![one, two, three, four],
            _gone: gone,
        }
    }

    /// Sends requests of all kinds, one after the other.
    async fn visit(&self) {
        let front = self.gateway.front();
        for _ in 0..3 {
            // `node3` issues sessions whose route no member has.
            let mut newcomer = Browser::new(front);
            newcomer.get("/").await;
        }
        for session in ["A.node1", "A.node2", "A.node4", "A.node5", "A.nowhere", "A"] {
            returning(front, session).get("/").await;
        }
        returning(front, "B.node1").get("/status?code=500").await;
    }

    /// The text of `/metrics`.
    async fn scrape(&self) -> String {
        let reply = probe::get(self.gateway.admin(), "/metrics", &[CREDENTIALS]).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.text()
    }
}

/// A client with a session.
fn returning(front: SocketAddr, session: &str) -> Browser {
    let mut browser = Browser::new(front);
    browser.session = Some(format!("JSESSIONID={session}"));
    browser
}

#[test]
fn promtool_accepts_configuration_and_rules() {
    promtool(&["check", "config", "prometheus.yml"], "");
    promtool(&["check", "rules", "rules.yml"], "");
}

#[test]
fn each_alert_fires_exactly_when_it_should() {
    promtool(&["test", "rules", "rules.test.yml"], "");
    let rules = fs::read_to_string(prometheus::shipped().join("rules.yml")).unwrap();
    let tests = fs::read_to_string(prometheus::shipped().join("rules.test.yml")).unwrap();
    for alert in rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
    {
        let tested = tests.lines().any(|line| line.ends_with(alert));
        assert!(tested, "rules.test.yml has no test of {alert}");
    }
}

/// Name, kind and labels of each metric, `ajpgate_` and the labels of buckets left out.
const DOCUMENTED: &[(&str, &str, &str)] = &[
    ("access_log_dropped_total", "counter", ""),
    (
        "backend_duration_seconds",
        "histogram",
        "balancer member route",
    ),
    ("build_info", "gauge", "version"),
    ("bytes_total", "counter", "balancer direction member route"),
    ("client_connections", "gauge", ""),
    ("config_reloads_total", "counter", "result"),
    ("connects_total", "counter", "balancer member result route"),
    ("discovery_total", "counter", "balancer result source"),
    (
        "health_checks_total",
        "counter",
        "balancer member result route",
    ),
    ("member_busy", "gauge", "balancer member route"),
    ("member_drained", "gauge", "balancer member route"),
    ("member_elected_total", "counter", "balancer member route"),
    (
        "member_errors_total",
        "counter",
        "balancer kind member route",
    ),
    ("member_status", "gauge", "balancer member route status"),
    ("member_up", "gauge", "balancer member route"),
    ("pool_connections", "gauge", "balancer member route state"),
    ("pool_max_connections", "gauge", "balancer member route"),
    ("pool_wait_seconds", "histogram", "balancer member route"),
    ("refused_requests_total", "counter", ""),
    ("request_duration_seconds", "histogram", "balancer"),
    ("requests_in_flight", "gauge", "balancer"),
    ("requests_total", "counter", "balancer code member route"),
    ("retries_total", "counter", "balancer member reason route"),
    ("sticky_requests_total", "counter", "balancer result route"),
    (
        "sticky_route_mismatch_total",
        "counter",
        "balancer issued member route",
    ),
    ("sticky_sessions", "gauge", "balancer member route"),
    ("certificate_expiry_seconds", "gauge", "name"),
    ("cluster_connected", "gauge", ""),
    ("tls_handshakes_total", "counter", "result"),
    ("trace_spans_total", "counter", "result"),
    ("acme_total", "counter", "result"),
    ("access_refused_total", "counter", "reason"),
    ("limits_total", "counter", "limit"),
    ("proxy_headers_total", "counter", "result"),
];

#[tokio::test]
async fn the_metrics_are_the_documented_ones_and_promtool_accepts_them() {
    let shop = Setup::open().await;
    shop.visit().await;
    let text = shop.scrape().await;
    promtool(&["check", "metrics"], &text);

    let promised: BTreeMap<String, (String, String)> = DOCUMENTED
        .iter()
        .map(|(name, kind, labels)| {
            (
                format!("ajpgate_{name}"),
                (kind.to_string(), labels.to_string()),
            )
        })
        .collect();
    assert_eq!(families(&text), promised);
}

/// Kind and labels of each metric by its name.
fn families(text: &str) -> BTreeMap<String, (String, String)> {
    let kinds = text.lines().filter_map(|line| {
        let (name, kind) = line.strip_prefix("# TYPE ")?.split_once(' ')?;
        Some((name, kind))
    });
    kinds
        .map(|(name, kind)| {
            let labels = labels(text, name).into_iter().collect::<Vec<_>>();
            (name.to_owned(), (kind.to_owned(), labels.join(" ")))
        })
        .collect()
}

/// The labels that series of this metric have.
fn labels<'a>(text: &'a str, name: &str) -> BTreeSet<&'a str> {
    let series = text.lines().filter_map(|line| line.strip_prefix(name));
    let labels = series.filter_map(|rest| {
        let (suffix, labels) = rest.split_once('{')?;
        ["", "_bucket"].contains(&suffix).then_some(labels)
    });
    labels
        .flat_map(|labels| labels.split('"').step_by(2))
        .map(|label| label.trim_matches([',', '=']))
        .filter(|label| !label.is_empty() && !label.contains('}') && *label != "le")
        .collect()
}

#[tokio::test]
async fn every_query_of_the_dashboard_has_data_and_every_rule_is_evaluated() {
    let shop = Setup::open().await;
    let prometheus = Prometheus::start(shop.gateway.admin()).await;

    let mut without_data = dashboard();
    assert!(without_data.len() > 30, "{without_data:?}");
    eventually("all queries have data", async || {
        shop.visit().await;
        let mut still = Vec::new();
        for (panel, query) in without_data.split_off(0) {
            let values = prometheus.query(&query).await;
            if !values.iter().any(|value| value.is_finite()) {
                still.push((panel, query));
            }
        }
        without_data = still;
        without_data.is_empty()
    })
    .await;

    // The values are those of the requests that were sent.
    for (route, expected) in [
        ("node1", 1.0),
        ("node2", 1.0),
        ("node4", 1.0),
        ("node5", 0.0),
    ] {
        let rate = format!("balancer_route:ajpgate_sticky_hits:ratio_rate5m{{route=\"{route}\"}}");
        // A recorded series follows the scrapes by an evaluation of the rules.
        eventually("the rate of the route is recorded", async || {
            prometheus.query(&rate).await == [expected]
        })
        .await;
    }
    for (query, expected) in [
        ("ajpgate_member_up{route=\"node5\"}", 0.0),
        (
            "ajpgate_member_status{route=\"node4\",status=\"drain\"}",
            1.0,
        ),
        ("sum(up{job=\"ajpgate\"})", 1.0),
        (
            "count(ALERTS{alertname=\"AjpgateRouteMismatch\",alertstate=\"firing\"})",
            1.0,
        ),
    ] {
        assert_eq!(prometheus.query(query).await, [expected], "{query}");
    }
    for (name, health, error) in prometheus.rules().await {
        assert_eq!((health.as_str(), error.as_str()), ("ok", ""), "{name}");
    }
}

/// The queries of the dashboard, each with the title of its panel, as Grafana sends them when all values of its variables
/// are chosen.
fn dashboard() -> Vec<(String, String)> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/grafana/dashboards/ajpgate.json");
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();

    let panels = list(&dashboard["panels"]);
    let targets = panels.iter().flat_map(|panel| {
        let queries = list(&panel["targets"]).into_iter();
        let is_row = panel["type"] == "row";
        assert!(is_row || queries.len() > 0, "{panel} asks for nothing");
        assert!(list(&panel["panels"]).is_empty(), "{panel} hides others");
        queries.map(|target| (text(&panel["title"]), text(&target["expr"])))
    });
    let notes = list(&dashboard["annotations"]["list"])
        .into_iter()
        .map(|note| (text(&note["name"]), text(&note["expr"])));
    // Variables use `label_values(METRIC, LABEL)`, which Grafana evaluates itself.
    let choices = list(&dashboard["templating"]["list"]).into_iter();
    let choices = choices
        .filter(|choice| choice["type"] == "query")
        .map(|choice| {
            let query = choice["query"]["query"]
                .as_str()
                .or(choice["query"].as_str());
            let query = query.expect("a query").to_owned();
            let values = query
                .strip_prefix("label_values(")
                .and_then(|it| it.strip_suffix(')'));
            let (metric, label) = values
                .and_then(|it| it.split_once(", "))
                .expect("label_values");
            (
                query.clone(),
                format!("count by ({label}) ({metric}{{{label}!=\"\"}})"),
            )
        });
    let targets = targets.chain(choices);
    let chosen = |(title, query): (String, String)| {
        let query = query
            .replace("$balancer", ".*")
            .replace("$__rate_interval", "15s")
            .replace("$__range", "5m");
        assert!(
            !query.contains('$'),
            "{title}: a variable that is not known: {query}"
        );
        (title, query)
    };
    targets.chain(notes).map(chosen).collect()
}
