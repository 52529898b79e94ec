//! What is promised of `/metrics`, row by row: names, labels, and every value of the closed lists.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::Gate;
use crate::support::client::{Client, get};
use crate::support::container::{Container, Wire};
use crate::support::gateway::{ConfigFile, Running, ask};

/// Labels whose values come from the configuration.
const MEMBER: &[&str] = &["balancer", "member", "route"];

/// A name without `ajpgate_`, its labels from the configuration, and its own label with all of its values.
type Row = (
    &'static str,
    &'static [&'static str],
    Option<(&'static str, &'static [&'static str])>,
);

const ROWS: &[Row] = &[
    (
        "sticky_requests_total",
        &["balancer", "route"],
        Some((
            "result",
            &[
                "hit",
                "redirect",
                "failover",
                "unknown_route",
                "unserved",
                "no_route",
                "new",
            ],
        )),
    ),
    (
        "sticky_route_mismatch_total",
        MEMBER,
        Some(("issued", &["n2", "unknown"])),
    ),
    (
        "requests_total",
        MEMBER,
        Some(("code", &["2xx", "3xx", "4xx", "5xx"])),
    ),
    ("request_duration_seconds_count", &["balancer"], None),
    ("request_duration_seconds_sum", &["balancer"], None),
    ("backend_duration_seconds_count", MEMBER, None),
    ("backend_duration_seconds_sum", MEMBER, None),
    ("requests_in_flight", &["balancer"], None),
    ("member_busy", MEMBER, None),
    ("member_up", MEMBER, None),
    (
        "member_status",
        MEMBER,
        Some((
            "status",
            &[
                "disabled",
                "stopped",
                "drain",
                "hot_standby",
                "hot_spare",
                "ignore_errors",
                "error",
                "health_check_failed",
            ],
        )),
    ),
    ("member_elected_total", MEMBER, None),
    (
        "member_errors_total",
        MEMBER,
        Some((
            "kind",
            &["connect", "ping", "timeout", "protocol", "closed", "status"],
        )),
    ),
    (
        "retries_total",
        MEMBER,
        Some((
            "reason",
            &["connect", "ping", "stale", "closed", "busy", "status"],
        )),
    ),
    (
        "bytes_total",
        MEMBER,
        Some(("direction", &["to_backend", "from_backend"])),
    ),
    (
        "pool_connections",
        MEMBER,
        Some(("state", &["idle", "busy"])),
    ),
    ("pool_wait_seconds_count", MEMBER, None),
    ("pool_wait_seconds_sum", MEMBER, None),
    (
        "connects_total",
        MEMBER,
        Some(("result", &["ok", "refused", "timeout", "error"])),
    ),
    (
        "health_checks_total",
        MEMBER,
        Some(("result", &["pass", "fail"])),
    ),
    (
        "config_reloads_total",
        &[],
        Some(("result", &["ok", "rejected"])),
    ),
];

/// The values of each label of a metric.
type Labels = BTreeMap<String, BTreeSet<String>>;

/// Every metric of the gateway that has been shown, with its labels.
fn series(text: &str) -> BTreeMap<String, Labels> {
    let mut found: BTreeMap<String, Labels> = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("ajpgate_")) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let metric = found.entry(name.to_owned()).or_default();
        let parts: Vec<&str> = labels.split('"').collect();
        for pair in parts.chunks_exact(2) {
            let label = pair[0].trim_matches([',', '=']);
            let values = metric.entry(label.to_owned()).or_default();
            values.insert(pair[1].to_owned());
        }
    }
    found
}

fn set(values: &[&str]) -> BTreeSet<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// A container whose answers issue this session.
async fn issuing(session: &'static str) -> Container {
    Container::start(move |_, mut wire: Wire| async move {
        let cookie = format!("JSESSIONID={session}; Path=/");
        while wire.next_request().await.is_some() {
            wire.respond(200, &[("Set-Cookie", &cookie)], b"").await;
        }
    })
    .await
}

#[tokio::test]
async fn each_metric_has_its_labels_and_each_label_its_values() {
    let nodes = [issuing("a.n2").await, Container::hello("n2").await];
    let gateway = Running::before(&[&nodes[0], &nodes[1]], "", "");
    for session in ["a.n1", "a.n2", "a.n9", "a", ""] {
        let fields = format!("Cookie: JSESSIONID={session}\r\n");
        assert_eq!(gateway.get("/", &fields).await.status, 200);
    }
    gateway.quiet().await;
    let text = get(gateway.admin, "/metrics", "").await.text().to_owned();
    let series = series(&text);
    let urls = nodes
        .each_ref()
        .map(|node| format!("ajp://{}", node.address));
    // What a label of the configuration may say, whatever metric it belongs to.
    let mut known: Labels = BTreeMap::new();
    known.insert("balancer".to_owned(), set(&["test", ""]));
    known.insert("member".to_owned(), set(&[&urls[0], &urls[1], ""]));
    known.insert("route".to_owned(), set(&["n1", "n2", "unknown", ""]));

    for (name, labels, own) in ROWS {
        let found = series.get(&format!("ajpgate_{name}"));
        let found = found.unwrap_or_else(|| panic!("there is no {name} in\n{text}"));
        let own = own.map(|(label, values)| (label, set(values)));
        let wanted = labels
            .iter()
            .copied()
            .chain(own.as_ref().map(|(label, _)| *label));
        let wanted: BTreeSet<String> = wanted.map(str::to_owned).collect();
        assert_eq!(
            found.keys().cloned().collect::<BTreeSet<_>>(),
            wanted,
            "{name}"
        );
        if let Some((label, values)) = own {
            assert_eq!(found[label], values, "{name}");
        }
    }
    for (name, labels) in &series {
        for (label, values) in labels {
            let strange: Vec<_> = match known.get(label) {
                Some(known) => values.difference(known).collect(),
                None => Vec::new(),
            };
            assert!(strange.is_empty(), "{name}: {label}: {strange:?}");
        }
    }
    // Each member has all of its series from the start on, so that a rate is never blind to the first one.
    for url in &urls {
        for name in [
            "member_up",
            "requests_total",
            "connects_total",
            "member_status",
        ] {
            assert!(
                series[&format!("ajpgate_{name}")]["member"].contains(url),
                "{name}"
            );
        }
    }
    assert_eq!(
        series["ajpgate_build_info"]["version"],
        set(&[env!("CARGO_PKG_VERSION")])
    );
}

/// Answers every request, on whatever address of the loopback network it comes, with a session of the route that the
/// request's path names.
fn one_container_on_all_addresses() -> Container {
    Container::at(([0, 0, 0, 0], 0).into(), |_, mut wire: Wire| async move {
        while let Some(request) = wire.next_request().await {
            let path = request.uri.unwrap_or_default();
            let cookie = format!(
                "JSESSIONID=a.{}; Path=/",
                String::from_utf8_lossy(&path[1..])
            );
            wire.respond(200, &[("Set-Cookie", &cookie)], b"").await;
        }
    })
}

/// The text of `/metrics` of a balancer of so many members, each of which has answered a session of its own with the
/// route of its neighbour.
async fn text_of(members: usize) -> String {
    let container = one_container_on_all_addresses();
    let port = container.address.port();
    let urls: Vec<String> = (1..=members)
        .map(|member| format!("ajp://127.0.0.{member}:{port}"))
        .collect();
    let gateway = Running::over(&urls, "", "");
    let mut client = gateway.client().await;
    for member in 1..=members {
        let neighbour = member % members + 1;
        let session = format!("Cookie: JSESSIONID=a.n{member}\r\n");
        let answer = client.get(&format!("/n{neighbour}"), &session).await;
        assert_eq!(answer.status, 200);
    }
    get(gateway.admin, "/metrics", "").await.text().to_owned()
}

/// A scrape grows with the number of members, not with members times routes: 200 members stay below 1.5 MB.
#[tokio::test]
async fn series_grow_with_the_members_and_not_with_pairs_of_them() {
    let (half, whole) = (text_of(100).await, text_of(200).await);
    let series = |text: &str| {
        text.lines()
            .filter(|line| line.starts_with("ajpgate_"))
            .count()
    };
    let of_a_member = (series(&whole) - series(&half)) / 100;
    assert_eq!(series(&whole), series(&half) + 100 * of_a_member);
    assert!(of_a_member <= 67, "{of_a_member} series of a member");
    assert!(whole.len() < 1_500_000, "{} bytes", whole.len());
    // Only the pairs that happened, and the one of routes that no member has.
    let mismatches = whole
        .lines()
        .filter(|line| line.starts_with("ajpgate_sticky_route_mismatch_total{"));
    assert_eq!(mismatches.count(), 2 * 200);
}

/// Gauges of a URL that two mappings name, each with one request under way: the requests, the busy connections, and the
/// most connections that there may be.
async fn gauges_of_two_mappings(one: &str, other: &str) -> [f64; 3] {
    let gate = Gate::new();
    let opened = gate.clone();
    let container = Container::start(move |_, mut wire: Wire| {
        let gate = opened.clone();
        async move {
            while wire.next_request().await.is_some() {
                gate.opened(1).await;
                wire.respond(200, &[], b"").await;
            }
        }
    })
    .await;
    let to = format!("to: \"ajp://{}/\"", container.address);
    let gateway = Running::start(&format!(
        "proxy_pass:\n  - {{ path: /one, {to}, member: {{ {one} }} }}\n  - {{ path: /other, {to}, member: {{ {other} }} }}\n"
    ));
    let mut clients = [gateway.client().await, gateway.client().await];
    for (client, path) in clients.iter_mut().zip(["/one", "/other"]) {
        client
            .send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .await;
    }
    let busy = [("state", "busy")];
    gateway
        .metric_becomes("ajpgate_requests_in_flight", &[], 2.0)
        .await;
    gateway
        .metric_becomes("ajpgate_pool_connections", &busy, 2.0)
        .await;
    let gauges = [
        gateway.metric("ajpgate_member_busy", &[]).await,
        gateway.metric("ajpgate_pool_connections", &busy).await,
        gateway.metric("ajpgate_pool_max_connections", &[]).await,
    ];
    gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().await.status, 200);
    }
    gauges
}

/// As two ProxyPass lines of httpd share a worker.
#[tokio::test]
async fn mappings_to_one_url_with_the_same_keys_share_its_connections() {
    assert_eq!(
        gauges_of_two_mappings("max: 5", "max: 5").await,
        [2.0, 2.0, 5.0]
    );
}

#[tokio::test]
async fn gauges_of_mappings_to_one_url_with_different_keys_are_added_up() {
    assert_eq!(
        gauges_of_two_mappings("max: 3", "max: 4").await,
        [2.0, 2.0, 7.0]
    );
}

/// A container that answers when the gate has been opened once more.
async fn waiting(gate: &Gate) -> Container {
    let gate = gate.clone();
    Container::start(move |_, mut wire: Wire| {
        let gate = gate.clone();
        async move {
            while wire.next_request().await.is_some() {
                gate.opened(1).await;
                wire.respond(200, &[], b"").await;
            }
        }
    })
    .await
}

/// A gateway whose member `n1` has a request with a session of its own under way.
struct UnderWay {
    gateway: Running,
    client: Client,
    gate: Gate,
    file: ConfigFile,
    urls: [String; 2],
    _containers: [Container; 2],
}

fn two_members(name: &str, urls: &[String; 2]) -> String {
    format!(
        "balancers:\n  {name}:\n    members:\n      - {{ url: \"{}\", route: n1 }}\n      - {{ url: \"{}\", route: n2 }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://{name}/\" }}]\n",
        urls[0], urls[1]
    )
}

impl UnderWay {
    async fn start() -> Self {
        let gate = Gate::new();
        let containers = [waiting(&gate).await, Container::hello("n2").await];
        let urls = [0, 1].map(|it: usize| format!("ajp://{}", containers[it].address));
        let file = ConfigFile::new("metrics-under-way", &two_members("test", &urls));
        let gateway = Running::start_from(&file);
        let mut client = gateway.client().await;
        client
            .send("GET / HTTP/1.1\r\nHost: a\r\nCookie: JSESSIONID=a.n1\r\n\r\n")
            .await;
        gateway
            .metric_becomes("ajpgate_member_busy", &[], 1.0)
            .await;
        Self {
            gateway,
            client,
            gate,
            file,
            urls,
            _containers: containers,
        }
    }

    async fn change(&self, method: &str, path: &str, body: &str) {
        let done = ask(&self.gateway, method, path, body).await;
        assert!(done.status < 300, "{method} {path}: {done:?}");
    }

    /// Ends the request, which must be counted once: for this balancer and route, and as a session of `sticky`.
    async fn ends(mut self, what: &str, (balancer, route): (&str, &str), sticky: Option<&str>) {
        self.gate.open();
        assert_eq!(self.client.answer().await.status, 200);
        let total =
            async |name: &str, labels: &[(&str, &str)]| self.gateway.metric(name, labels).await;
        let requests = "ajpgate_requests_total";
        let of = [("code", "2xx"), ("balancer", balancer), ("route", route)];
        assert_eq!(total(requests, &of).await, 1.0, "{what}");
        assert_eq!(total(requests, &of[..1]).await, 1.0, "{what}");
        let once = f64::from(u8::from(sticky.is_some()));
        let sessions = "ajpgate_sticky_requests_total";
        let of = [("route", sticky.unwrap_or("n1"))];
        assert_eq!(total(sessions, &of).await, once, "{what}");
        assert_eq!(total(sessions, &[]).await, once, "{what}");
        let in_flight = total("ajpgate_requests_in_flight", &[]).await;
        assert_eq!(in_flight, 0.0, "{what}");
    }
}

/// Requests that are under way when something becomes of their member are counted, each once: under the labels that are
/// current at their end, or without a member where it is gone.
#[tokio::test]
async fn requests_under_way_are_counted_whatever_becomes_of_their_member() {
    const MEMBERS: &str = "/api/v1/balancers/test/members";
    let member = format!("{MEMBERS}/n1");

    let it = UnderWay::start().await;
    it.change("PATCH", &member, "{\"route\":\"n9\"}").await;
    it.ends("another route", ("test", "n9"), Some("n9")).await;

    let it = UnderWay::start().await;
    it.change("DELETE", &member, "").await;
    it.ends("gone", ("test", ""), Some("unknown")).await;

    let it = UnderWay::start().await;
    it.change("DELETE", &member, "").await;
    let add = format!("{{\"url\":\"{}\",\"route\":\"n1\"}}", it.urls[0]);
    it.change("POST", MEMBERS, &add).await;
    it.ends("gone and back", ("test", ""), Some("n1")).await;

    let it = UnderWay::start().await;
    it.file.write(&two_members("elsewhere", &it.urls));
    it.change("POST", "/api/v1/reload", "").await;
    it.ends("balancer gone", ("", ""), None).await;
}

/// A body that is refused by its length is refused after the session has been read.
#[tokio::test]
async fn a_refused_body_counts_for_the_session_of_its_request() {
    let container = Container::hello("n1").await;
    let to = format!("ajp://{}", container.address);
    let gateway = Running::start(&format!(
        "balancers: {{ test: {{ members: [{{ url: \"{to}\", route: n1 }}] }} }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://test/\", max_body: 1 }}]\n"
    ));
    let total = async |result: &str| {
        let of = [("result", result)];
        gateway.metric("ajpgate_sticky_requests_total", &of).await
    };
    for session in ["a.zz", "a", "a.n1"] {
        let mut client = gateway.client().await;
        client
            .send(format!(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nCookie: JSESSIONID={session}\r\n\r\n12345"
            ))
            .await;
        assert_eq!(client.answer().await.status, 413);
    }
    assert_eq!(
        (total("unknown_route").await, total("no_route").await),
        (1.0, 1.0)
    );
    assert_eq!(total("new").await, 0.0);
    // No member was looked for.
    assert_eq!(total("hit").await + total("unserved").await, 0.0);
}

/// A client that leaves while its request waits for the member of its session has not been served.
#[tokio::test]
async fn a_session_whose_client_leaves_while_it_waits_is_unserved() {
    let container = Container::hello("n1").await;
    let gateway = Running::before(&[&container], "timeout: 20s", "status: [disabled]");
    let mut client = gateway.client().await;
    client
        .send("GET / HTTP/1.1\r\nHost: a\r\nCookie: JSESSIONID=a.n1\r\n\r\n")
        .await;
    gateway
        .metric_becomes("ajpgate_requests_in_flight", &[], 1.0)
        .await;
    client.vanish();
    let of = [("result", "unserved"), ("route", "n1")];
    gateway
        .metric_becomes("ajpgate_sticky_requests_total", &of, 1.0)
        .await;
}

#[tokio::test]
async fn what_is_refused_before_it_is_mapped_is_counted() {
    let container = Container::hello("n1").await;
    let gateway = Running::before(&[&container], "", "");
    for (count, request) in [
        (1.0, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        (2.0, "GET /a%2Fb HTTP/1.1\r\nHost: a\r\n\r\n"),
        (3.0, "GET / HTTP/1.1\r\n\r\n"),
    ] {
        let mut client = gateway.client().await;
        client.send(request).await;
        assert_eq!(client.answer().await.status, 400);
        gateway
            .metric_becomes("ajpgate_refused_requests_total", &[], count)
            .await;
    }
}
