//! The access log and the program's own log.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::cluster::{Cluster, Node};
use crate::support::http::get;
use crate::support::program::{Done, Program, ajpgate};
use crate::support::{DEADLINE, ReservedPort, Scratch, until};

/// Sends the requests of every access log here: a new session, the session again, an unknown route, a 404.
fn traffic(cluster: &Cluster) -> Visit {
    let first = cluster.get(
        "/start?a=b",
        "User-Agent: test/1.0\r\nReferer: http://elsewhere/\r\n",
    );
    let cookie = first.cookie().expect("a session");
    let node = first.node().to_owned();
    cluster.get("/again", &format!("Cookie: {cookie}\r\n"));
    cluster.get("/other", "Cookie: JSESSIONID=X.node9\r\n");
    assert_eq!(cluster.get("/status?code=418", "").status, 418);
    Visit { node }
}

struct Visit {
    /// The node of the session.
    node: String,
}

/// The lines of the access log after the gateway has ended, when all queued lines are written.
fn lines(done: &Done) -> Vec<&str> {
    assert!(done.stdout.ends_with('\n'), "{done:?}");
    done.stdout.lines().collect()
}

#[test]
fn the_access_log_is_one_combined_line_for_each_request() {
    let cluster = Cluster::start("");
    traffic(&cluster);
    let done = cluster.stop();
    let lines = lines(&done);
    assert_eq!(lines.len(), 4, "{done:?}");
    let (client, rest) = lines[0].split_once(" [").expect(lines[0]);
    assert_eq!(client, "127.0.0.1 - -");
    let (time, rest) = rest.split_once("] ").expect(lines[0]);
    assert_eq!(time.len(), "24/Nov/2026:12:00:00 +0000".len(), "{time}");
    let (request, rest) = rest.split_once("\" ").expect(lines[0]);
    assert_eq!(request, "\"GET /start?a=b HTTP/1.1");
    let (numbers, agents) = rest.split_once(" \"").expect(lines[0]);
    assert!(numbers.starts_with("200 "), "{numbers}");
    assert_eq!(agents, "http://elsewhere/\" \"test/1.0\"");
    assert!(
        lines[3].contains("\"GET /status?code=418 HTTP/1.1\" 418 "),
        "{}",
        lines[3]
    );
}

/// The keys of a JSON line, in their order.
const JSON_KEYS: [&str; 21] = [
    "time",
    "client",
    "user",
    "method",
    "target",
    "protocol",
    "status",
    "bytes",
    "duration_ms",
    "host",
    "referer",
    "user_agent",
    "balancer",
    "member",
    "route",
    "session_route",
    "sticky",
    "route_changed",
    "attempts",
    "request_id",
    "trace_id",
];

#[test]
fn the_json_access_log_has_the_documented_keys() {
    let cluster = Cluster::start("access_log: { format: json }\n");
    let visit = traffic(&cluster);
    let members = cluster
        .nodes
        .each_ref()
        .map(|node| format!("ajp://{}", node.address));
    let host = "localhost";
    let done = cluster.stop();
    let text = lines(&done);
    let lines: Vec<Value> = text
        .iter()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    assert_eq!(lines.len(), 4, "{done:?}");

    assert_eq!(lines[0].as_object().unwrap().len(), JSON_KEYS.len());
    let places = JSON_KEYS.map(|key| text[0].find(&format!("\"{key}\":")).expect(key));
    assert!(places.is_sorted(), "in this order: {}", text[0]);

    let first = &lines[0];
    for (key, value) in [
        ("client", Value::from("127.0.0.1")),
        ("method", "GET".into()),
        ("target", "/start?a=b".into()),
        ("protocol", "HTTP/1.1".into()),
        ("status", 200.into()),
        ("host", host.into()),
        ("referer", "http://elsewhere/".into()),
        ("user_agent", "test/1.0".into()),
        ("balancer", "shop".into()),
        ("route", visit.node.as_str().into()),
        ("session_route", Value::Null),
        ("sticky", "new".into()),
        ("attempts", 1.into()),
        ("trace_id", Value::Null),
    ] {
        assert_eq!(first[key], value, "{key} of {first}");
    }
    assert!(
        members.contains(&first["member"].as_str().unwrap().to_owned()),
        "{first}"
    );
    assert!(first["bytes"].as_u64().unwrap() > 0, "{first}");
    assert!(first["duration_ms"].as_f64().unwrap() > 0.0, "{first}");
    let time = first["time"].as_str().unwrap();
    assert!(
        time.len() == "2026-11-24T12:00:00.000Z".len() && time.ends_with('Z'),
        "{time}"
    );

    let ids: BTreeSet<&str> = lines
        .iter()
        .map(|line| line["request_id"].as_str().expect("an id"))
        .collect();
    assert_eq!(ids.len(), 4, "each request has an id of its own: {ids:?}");
    assert!(ids.iter().all(|id| id.len() == 32), "{ids:?}");

    assert_eq!(lines[1]["sticky"], "hit");
    assert_eq!(lines[1]["session_route"], visit.node.as_str());
    assert_eq!(lines[2]["sticky"], "unknown_route");
    assert_eq!(lines[2]["session_route"], "node9");
    assert_eq!(lines[3]["status"], 418);
}

#[test]
fn a_custom_access_log_may_use_balancer_variables() {
    let format = "%>s %U%q balancer=%{BALANCER_NAME}e member=%{BALANCER_WORKER_NAME}e \
                  route=%{BALANCER_WORKER_ROUTE}e asked=%{BALANCER_SESSION_ROUTE}e \
                  by=%{BALANCER_SESSION_STICKY}e changed=%{BALANCER_ROUTE_CHANGED}e %{X-Node}o";
    let cluster = Cluster::start(&format!("access_log: {{ format: '{format}' }}\n"));
    let node = traffic(&cluster).node;
    let index = usize::from(node == "node2");
    let member = format!("ajp://{}", cluster.nodes[index].address);
    let done = cluster.stop();
    let lines = lines(&done);
    assert_eq!(
        lines[1],
        format!(
            "200 /again balancer=balancer://shop member={member} route={node} asked={node} \
             by=JSESSIONID changed=- {node}"
        )
    );
    assert!(lines[0].contains(" asked=- by=- "), "{}", lines[0]);
    assert!(
        lines[2].contains(" asked=node9 by=JSESSIONID changed=1 "),
        "{}",
        lines[2]
    );
}

#[test]
fn an_access_log_file_is_relative_to_the_configuration_and_written_at_once() {
    let cluster = Cluster::start("access_log: { path: access.log, format: '%s %U' }\n");
    let file = cluster.scratch.path().join("access.log");
    let text = || std::fs::read_to_string(&file).unwrap();
    cluster.get("/one", "");
    until("the line of a request that is over", || {
        (text() == "200 /one\n").then_some(())
    });
    for _ in 0..100 {
        cluster.get("/more", "");
    }
    let done = cluster.gateway.stop();
    assert_eq!(done.stdout, "");
    assert_eq!(text().lines().count(), 101);
}

#[test]
fn an_access_log_that_is_off_writes_nothing() {
    let cluster = Cluster::start("access_log: { format: off }\n");
    traffic(&cluster);
    assert_eq!(cluster.stop().stdout, "");
}

#[test]
fn json_logs_have_time_level_target_message_and_then_the_fields() {
    let cluster =
        Cluster::start("log: { format: json, level: debug }\naccess_log: { format: off }\n");
    traffic(&cluster);
    let done = cluster.stop();
    let mut messages = Vec::new();
    for line in done.stderr.lines() {
        let entry: Value = serde_json::from_str(line).expect(line);
        let text = |key: &str| entry[key].as_str().expect(line).to_owned();
        assert!(text("time").ends_with('Z'), "{line}");
        assert!(
            ["error", "warn", "info", "debug"].contains(&text("level").as_str()),
            "{line}"
        );
        assert!(!text("target").is_empty(), "{line}");
        messages.push(text("message"));
        // These four keys come first, in this order.
        let at =
            ["\"time\":", "\"level\":", "\"target\":", "\"message\":"].map(|key| line.find(key));
        assert!(at.is_sorted() && at[0] == Some(1), "{line}");
    }
    let running = messages
        .iter()
        .position(|message| message == "ajpgate is running");
    let over = messages
        .iter()
        .position(|message| message == "shutting down");
    assert!(running.is_some() && running < over, "{messages:?}");
}

#[test]
fn a_collector_of_traces_that_is_gone_is_named_with_the_reason() {
    let gone = ReservedPort::new();
    let url = format!("http://{}", gone.addr());
    let mut cluster = Cluster::start(&format!("tracing: {{ otlp: \"{url}\" }}\n"));
    assert_eq!(cluster.get("/", "").status, 200);
    cluster.gateway.logs("has not taken spans of traces");
    let log = cluster.gateway.stderr();
    let line = log.lines().find(|line| line.contains("spans of traces"));
    let line = line.unwrap();
    let named = format!("collector=\"{url}/v1/traces\"");
    assert!(line.contains(&named), "{line}");
    assert!(line.contains("Connection refused"), "{line}");
}

#[test]
fn a_log_level_hides_what_is_below_it() {
    let mut cluster = Cluster::start("log: { level: info }\n");
    cluster.nodes[0].program.signal("KILL");
    for _ in 0..3 {
        cluster.get("/", "Cookie: JSESSIONID=X.node1\r\n");
    }
    let log = cluster.stop().stderr;
    assert!(log.contains(" INFO ") && log.contains(" WARN "), "{log}");
    assert!(
        !log.contains(" DEBUG ") && !log.contains(" TRACE "),
        "{log}"
    );
}

/// Only a terminal gets colours.
#[test]
fn a_log_in_a_file_has_no_colours() {
    let cluster = Cluster::start("log: { level: debug }\n");
    traffic(&cluster);
    let done = cluster.stop();
    assert!(!done.stderr.contains('\u{1b}'), "{:?}", done.stderr);
}

/// One line for each request, with the values that the decision depended on.
#[test]
fn at_level_debug_each_request_logs_how_its_member_was_chosen() {
    let cluster =
        Cluster::start("log: { level: debug, format: json }\naccess_log: { format: off }\n");
    let visit = traffic(&cluster);
    let done = cluster.stop();
    let requests: Vec<Value> = done
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .filter(|line: &Value| line["message"] == "request")
        .collect();
    let decisions: Vec<[&str; 3]> = requests
        .iter()
        .map(|line| ["sticky", "session_route", "how"].map(|key| line[key].as_str().unwrap_or("-")))
        .collect();
    assert_eq!(
        decisions,
        [
            ["new", "-", "free"],
            ["hit", visit.node.as_str(), "sticky"],
            ["unknown_route", "node9", "free"],
            ["new", "-", "free"],
        ],
        "{done:?}"
    );
}

/// A mistake that breaks the stickiness of all requests is logged once, with the change that mends it.
#[test]
fn mistakes_in_routes_are_logged_once_and_counted() {
    let scratch = Scratch::new("mistakes");
    let node = Node::start(&scratch, "west", None);
    let file = format!(
        "listeners: [{{ bind: \"127.0.0.1:0\" }}]\n\
         balancers: {{ shop: {{ members: [{{ url: \"ajp://{}\", route: east }}] }} }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://shop/\" }}]\n\
         admin: {{ bind: \"127.0.0.1:0\" }}\n",
        node.address
    );
    scratch.write("ajpgate.yaml", &file);
    let mut gateway = Program::start(&mut ajpgate(scratch.path(), &["run"]));
    let front = gateway.front();
    for cookie in ["", "JSESSIONID=A.north", "JSESSIONID=A"] {
        for _ in 0..3 {
            get(front, "/", &format!("Cookie: {cookie}\r\n"));
        }
    }
    let metrics = get(gateway.admin(), "/metrics", "").body;
    let log = gateway.stop().stderr;
    for (mistake, what_to_change) in [
        ("another route than its own", "jvmRoute"),
        ("a route that no member has", "jvmRoute"),
        ("had no route", "jvmRoute"),
    ] {
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(mistake)).collect();
        assert_eq!(lines.len(), 1, "{mistake}: {log}");
        assert!(lines[0].contains(what_to_change), "{}", lines[0]);
    }
    for (series, count) in [
        ("route=\"unknown\",result=\"unknown_route\"", 3),
        ("route=\"\",result=\"no_route\"", 3),
        ("route=\"east\",issued=\"unknown\"", 9),
    ] {
        assert!(
            metrics.contains(&format!("{series}}} {count}\n")),
            "{series}: {metrics}"
        );
    }
}

/// As logrotate does it: rename, then SIGHUP.
#[test]
fn a_renamed_access_log_is_opened_again_at_a_reload() {
    let mut cluster = Cluster::start("access_log: { path: access.log, format: \"%U\" }\n");
    let file = |name: &str| cluster.scratch.path().join(name);
    let (log, rotated) = (file("access.log"), file("access.log.1"));
    cluster.get("/before", "");
    std::fs::rename(&log, &rotated).unwrap();
    cluster.gateway.signal("HUP");
    until("there is a new file", || log.exists().then_some(()));
    cluster.get("/after", "");
    let done = cluster.gateway.stop();
    let read = |path| std::fs::read_to_string(path).unwrap();
    assert_eq!(
        (read(&rotated), read(&log)),
        ("/before\n".to_owned(), "/after\n".to_owned()),
        "{done:?}"
    );
}

/// Sends bytes on a connection of their own, and reads until a text has come, or up to the end where it is empty.
fn talk(cluster: &Cluster, sent: &str, sees: &str) -> TcpStream {
    let mut stream = TcpStream::connect(cluster.front).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(sent.as_bytes()).unwrap();
    let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
    while sees.is_empty() || !String::from_utf8_lossy(&seen).contains(sees) {
        let count = stream.read(&mut piece).unwrap();
        if count == 0 {
            break;
        }
        seen.extend_from_slice(&piece[..count]);
    }
    stream
}

#[test]
fn the_access_log_says_what_becomes_of_the_connection_and_shows_refused_targets() {
    let cluster = Cluster::start("access_log: { format: '%X %>s %r' }\n");
    let kept = talk(
        &cluster,
        "GET /kept HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\n\r\n",
    );
    for (sent, sees) in [
        (
            "GET /close HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "",
        ),
        ("GET /old HTTP/1.0\r\n\r\n", ""),
        (
            "POST /early HTTP/1.1\r\nHost: a b\r\nContent-Length: 9\r\n\r\n",
            "\r\n\r\n",
        ),
        ("GET /a\"<é HTTP/1.1\r\nHost: a\r\n\r\n", ""),
        // It leaves while the answer is under way.
        (
            "GET /bytes?n=50000000 HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\n\r\n",
        ),
    ] {
        drop(talk(&cluster, sent, sees));
        cluster.in_flight("0");
    }
    drop(kept);
    let done = cluster.stop();
    assert_eq!(
        lines(&done),
        [
            "+ 200 GET /kept HTTP/1.1",
            "- 200 GET /close HTTP/1.1",
            "- 200 GET /old HTTP/1.0",
            "- 400 POST /early HTTP/1.1",
            r#"- 400 GET /a\"<\xc3\xa9 HTTP/1.1"#,
            "X 200 GET /bytes?n=50000000 HTTP/1.1",
        ]
    );
}

#[test]
fn the_json_access_log_shows_what_is_known_of_a_refused_request() {
    let cluster = Cluster::start("access_log: { format: json }\n");
    for sent in ["GET /a\"b HTTP/1.1\r\nHost: a\r\n\r\n", "one two\r\n\r\n"] {
        drop(talk(&cluster, sent, ""));
    }
    let done = cluster.stop();
    let logged: Vec<Value> = lines(&done)
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // Beside the status: the length of `400 Bad Request` and a line end.
    let expected = [
        json!(["GET", "/a\"b", "HTTP/1.1", 400, 16]),
        json!([null, "two", null, 400, 16]),
    ];
    assert_eq!(logged.len(), expected.len(), "{logged:?}");
    for (line, expected) in logged.iter().zip(expected) {
        let keys = ["method", "target", "protocol", "status", "bytes"];
        assert_eq!(json!(keys.map(|key| &line[key])), expected);
    }
}

#[test]
fn the_json_access_log_has_the_host_of_a_target_that_is_a_whole_url() {
    let cluster = Cluster::start("access_log: { format: json }\n");
    drop(talk(
        &cluster,
        "GET http://shop.example.com:80/a HTTP/1.0\r\nConnection: close\r\n\r\n",
        "",
    ));
    let done = cluster.stop();
    let line: Value = serde_json::from_str(lines(&done)[0]).unwrap();
    assert_eq!(
        json!([line["status"], line["host"]]),
        json!([200, "shop.example.com:80"])
    );
}

/// A member that was chosen and gave no answer is named; where none was chosen there is none.
#[test]
fn the_json_access_log_names_the_member_that_was_chosen_last() {
    let cluster = Cluster::start("access_log: { format: json }\n");
    let members = cluster
        .nodes
        .each_ref()
        .map(|node| format!("ajp://{}", node.address));
    let Cluster {
        gateway,
        front,
        nodes,
        ..
    } = cluster;
    for node in nodes {
        node.program.stop();
    }
    assert_eq!(get(front, "/x", "").status, 503);
    assert_eq!(get(front, "/%00", "").status, 400);
    let done = gateway.stop();
    let logged: Vec<Value> = lines(&done)
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let member = members.iter().position(|url| logged[0]["member"] == **url);
    let route = member.map(|index| format!("node{}", index + 1));
    assert!(
        route.is_some() && logged[0]["route"] == json!(route),
        "{logged:?}"
    );
    assert_eq!(
        json!([logged[1]["member"], logged[1]["route"]]),
        json!([null, null])
    );
}

/// Each request has its own head and body, however they came.
#[test]
fn bytes_received_are_those_of_the_request() {
    let cluster = Cluster::start(
        "access_log: { format: '%>s %I %S %O' }\nlimits: { max_header_bytes: 1KiB }\n",
    );
    let plain = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
    let posted = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    let chunked =
        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let closing = "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let pipelined = [plain, posted, plain, chunked, closing];
    drop(talk(&cluster, &pipelined.concat(), ""));
    let long = format!("GET /x HTTP/1.1\r\nHost: a\r\nX: {}", "a".repeat(1100));
    let refused = [
        ("FOO\r\n\r\n", 400, 5),
        ("GET /a\"b HTTP/1.1\r\nHost: a\r\n\r\n", 400, 19),
        (&*long, 431, long.len()),
    ];
    for (sent, ..) in refused {
        drop(talk(&cluster, sent, ""));
    }
    // Behind a request that is good.
    drop(talk(&cluster, &format!("{plain}FOO\r\n\r\n"), ""));
    let done = cluster.stop();
    let good = pipelined.map(|sent| (200, sent.len()));
    let bad = refused.map(|(_, status, count)| (status, count));
    let expected = [&good[..], &bad, &[(200, plain.len()), (400, 5)]].concat();
    let lines = lines(&done);
    assert_eq!(lines.len(), expected.len(), "{lines:?}");
    for (line, (status, received)) in lines.into_iter().zip(expected) {
        let words: Vec<usize> = line.split(' ').map(|word| word.parse().unwrap()).collect();
        let [told, count, both, sent] = words[..] else {
            panic!("{line}")
        };
        assert_eq!(
            (told, count, both),
            (status, received, received + sent),
            "{line}"
        );
    }
}

/// Fields that are decided when the head of an answer is written.
#[test]
fn fields_of_the_answer_are_those_that_were_sent() {
    let names = ["Content-Length", "Connection", "Transfer-Encoding"];
    let format = names.map(|name| format!("%{{{name}}}o")).join("|");
    let cluster = Cluster::start(&format!("access_log: {{ format: '%>s|{format}' }}\n"));
    let fields = "HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let mut expected = Vec::new();
    for sent in [
        format!("GET /x {fields}"),
        format!("HEAD /x {fields}"),
        format!("GET /bytes?n=10 {fields}"),
        format!("GET /%00 {fields}"),
        "GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\nFOO\r\n\r\n".to_owned(),
    ] {
        let mut stream = TcpStream::connect(cluster.front).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.write_all(sent.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        for head in answer.split("HTTP/1.").skip(1) {
            let head = head.split("\r\n\r\n").next().unwrap();
            let values = names.map(|name| {
                let begins = format!("{name}: ");
                let mut lines = head.lines();
                lines.find_map(|line| Some(line.strip_prefix(&begins)?.to_owned()))
            });
            let values = values.map(|value| value.unwrap_or_else(|| "-".to_owned()));
            expected.push(format!("{}|{}", &head[2..5], values.join("|")));
        }
    }
    assert_eq!(expected.len(), 6, "{expected:?}");
    let done = cluster.stop();
    assert_eq!(lines(&done), expected);
}
