//! Health checks and heartbeats.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ajp13::ToContainer;
use ajp13::request::Attribute;
use tokio::net::UdpSocket;

use crate::support::client::Client;
use crate::support::container::{Container, Wire, fields};
use crate::support::gateway::Running;
use crate::support::{pause, until};

const STATUS: &str = "ajpgate_member_status";
const CHECKS: &str = "ajpgate_health_checks_total";
const OUT: [(&str, &str); 2] = [("route", "n1"), ("status", "health_check_failed")];

/// A container that can be made to fail, and the number of requests for `/up`.
struct Patient {
    container: Container,
    well: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    most_at_once: Arc<AtomicUsize>,
}

impl Patient {
    async fn new() -> Self {
        let well = Arc::new(AtomicBool::new(true));
        let asked = Arc::new(AtomicUsize::new(0));
        let (at_once, most_at_once) =
            (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (is_well, count, most) = (
            Arc::clone(&well),
            Arc::clone(&asked),
            Arc::clone(&most_at_once),
        );
        let container = Container::start(move |_, mut wire: Wire| {
            let (is_well, count) = (Arc::clone(&is_well), Arc::clone(&count));
            let (at_once, most) = (Arc::clone(&at_once), Arc::clone(&most));
            async move {
                while let Some(request) = wire.next_request().await {
                    if request.uri.as_deref() == Some(b"/up") {
                        count.fetch_add(1, Ordering::SeqCst);
                        let now = at_once.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(now, Ordering::SeqCst);
                        // Longer than the interval.
                        pause(150).await;
                        at_once.fetch_sub(1, Ordering::SeqCst);
                        assert_eq!(request.text(Attribute::Secret), Some(&b"s"[..]));
                        assert!(fields(&request, "user-agent")[0].contains("health check"));
                    }
                    let (status, body) = match is_well.load(Ordering::SeqCst) {
                        true => (200, "status: UP"),
                        false => (500, "status: DOWN"),
                    };
                    wire.respond(status, &[("X-Node", "n1")], body.as_bytes())
                        .await;
                }
            }
        })
        .await;
        Self {
            container,
            well,
            asked,
            most_at_once,
        }
    }

    fn is(&self, well: bool) {
        self.well.store(well, Ordering::SeqCst);
    }
}

fn before(patient: &Patient, health_check: &str) -> Running {
    Running::before(
        &[&patient.container],
        &format!("health_check: {{ {health_check} }}"),
        "secret: s",
    )
}

#[tokio::test]
async fn consecutive_checks_disable_a_member_and_enable_it_again() {
    for expect in ["status: 200", "body: \"status: UP\", status: [200, 500]"] {
        let patient = Patient::new().await;
        let gateway = before(
            &patient,
            &format!(
                "method: get, uri: /up, interval: 100ms, fails: 2, passes: 2, expect: {{ {expect} }}"
            ),
        );
        until("checks", async || patient.asked.load(Ordering::SeqCst) > 2).await;
        assert_eq!(gateway.get("/", "").await.status, 200);
        assert_eq!(gateway.metric(CHECKS, &[("result", "fail")]).await, 0.0);

        patient.is(false);
        gateway.metric_becomes(STATUS, &OUT, 1.0).await;
        assert_eq!(gateway.metric("ajpgate_member_up", &[]).await, 0.0);
        let refused = gateway.get("/", "").await;
        assert_eq!((refused.status, refused.field("x-node")), (503, None));
        assert!(gateway.metric(CHECKS, &[("result", "fail")]).await >= 2.0);

        patient.is(true);
        gateway.metric_becomes(STATUS, &OUT, 0.0).await;
        assert_eq!(gateway.get("/", "").await.status, 200);
        assert_eq!(
            patient.most_at_once.load(Ordering::SeqCst),
            1,
            "never two checks at once"
        );
    }
}

/// Frequent changes of something else neither delay the checks nor add any.
#[tokio::test]
async fn changes_of_other_settings_leave_the_times_of_checks_alone() {
    let patients = [Patient::new().await, Patient::new().await];
    let gateway = Running::before(
        &[&patients[0].container, &patients[1].container],
        "health_check: { method: get, uri: /up, interval: 600ms }",
        "secret: s",
    );
    let asked = |patient: &Patient| patient.asked.load(Ordering::SeqCst);
    let start = std::time::Instant::now();
    let mut attempts = 0;
    until("both are checked", async || {
        attempts = 1 - attempts;
        let change = format!("{{\"maxattempts\": {attempts}}}");
        let path = "/api/v1/balancers/test";
        let mut client = Client::connect(gateway.admin).await;
        client
            .send(format!(
                "PATCH {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{change}",
                gateway.admin,
                change.len()
            ))
            .await;
        assert_eq!(client.answer().await.status, 200);
        patients.iter().all(|patient| asked(patient) > 2)
    })
    .await;
    let intervals = start.elapsed().as_millis() / 600;
    for patient in &patients {
        assert!(
            asked(patient) as u128 <= intervals + 1,
            "{intervals} intervals"
        );
    }
}

#[tokio::test]
async fn no_request_comes_before_a_mandatory_check_has_passed() {
    let patient = Patient::new().await;
    patient.is(false);
    let gateway = before(
        &patient,
        "method: get, uri: /up, interval: 100ms, mandatory: true",
    );
    assert_eq!(gateway.get("/", "").await.field("x-node"), None);
    patient.is(true);
    until("it is let in", async || {
        gateway.get("/", "").await.status == 200
    })
    .await;
}

#[tokio::test]
async fn each_check_method_sends_its_request() {
    for (method, expected) in [
        ("cping", "CPING"),
        ("tcp", "connected"),
        ("options", "OPTIONS *"),
        ("head", "HEAD /up"),
        ("get", "GET /up"),
    ] {
        let (told, mut asked) = tokio::sync::mpsc::unbounded_channel();
        let container = Container::start(move |_, mut wire: Wire| {
            let told = told.clone();
            async move {
                // A check by connecting leaves no other trace.
                let _ = told.send("connected".to_owned());
                while let Some(message) = wire.next().await {
                    match message {
                        ToContainer::CPing => {
                            let _ = told.send("CPING".to_owned());
                            wire.send(ajp13::FromContainer::CPong).await;
                        }
                        ToContainer::ForwardRequest(request) => {
                            let method = request.method_name().unwrap_or_default();
                            let uri = request.uri.as_deref().unwrap_or_default();
                            let line = [method, b" ", uri].concat();
                            let _ = told.send(String::from_utf8(line).unwrap());
                            wire.respond(200, &[], b"").await;
                        }
                        _ => {}
                    }
                }
            }
        })
        .await;
        let check = format!("health_check: {{ method: {method}, uri: /up, interval: 100ms }}");
        let gateway = Running::before(&[&container], &check, "");
        let passed = [("result", "pass")];
        until("a check passes", async || {
            gateway.metric(CHECKS, &passed).await > 0.0
        })
        .await;
        assert_eq!(gateway.metric(CHECKS, &[("result", "fail")]).await, 0.0);
        let mut seen = vec![asked.recv().await.unwrap()];
        while let Ok(more) = asked.try_recv() {
            seen.push(more);
        }
        assert!(seen.contains(&expected.to_owned()), "{method}: {seen:?}");
        assert_eq!(
            gateway.metric("ajpgate_pool_connections", &[]).await,
            0.0,
            "checks use connections of their own"
        );
    }
}

/// A member whose checks pass again gets requests before `retry` is over.
#[tokio::test]
async fn a_passed_check_ends_the_error_state() {
    let address = Container::hello("n1").await.address;
    let gateway = Running::start(&format!(
        "balancers:\n  test:\n    forcerecovery: false\n    health_check: {{ interval: 100ms, fails: 1 }}\n    members:\n      \
         - {{ url: \"ajp://{address}\", route: n1, retry: 1h }}\n\
         proxy_pass: [{{ path: /, to: \"balancer://test/\" }}]\n"
    ));
    gateway.metric_becomes(STATUS, &OUT, 1.0).await;
    assert_eq!(gateway.get("/", "").await.status, 503);
    let _container = Container::at(address, |_, mut wire| async move {
        while let Some(message) = wire.next().await {
            match message {
                ToContainer::CPing => wire.send(ajp13::FromContainer::CPong).await,
                _ => wire.respond(200, &[], b"").await,
            }
        }
    });
    until("it is back", async || {
        gateway.get("/", "").await.status == 200
    })
    .await;
}

/// A member that reports more free threads gets more requests; one that reports none gets no request.
#[tokio::test]
async fn heartbeats_decide_which_member_is_chosen() {
    let nodes = [Container::hello("n1").await, Container::hello("n2").await];
    let gateway = Running::before(
        &[&nodes[0], &nodes[1]],
        "lbmethod: heartbeat\nheartbeat: { listen: \"127.0.0.1:0\" }",
        "",
    );
    // No heartbeat has come yet.
    assert_eq!(gateway.get("/", "").await.status, 503);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for (ready, expected) in [([0, 10], "n2"), ([10, 0], "n1")] {
        until("the reports have come", async || {
            for (node, ready) in nodes.iter().zip(ready) {
                let report = format!("v=1&ready={ready}&busy=1&port={}", node.address.port());
                let to = gateway.heartbeats();
                socket.send_to(report.as_bytes(), to).await.unwrap();
            }
            socket
                .send_to(b"v=9&nonsense", gateway.heartbeats())
                .await
                .unwrap();
            gateway.get("/", "").await.field("x-node") == Some(expected)
        })
        .await;
        for _ in 0..10 {
            assert_eq!(gateway.get("/", "").await.field("x-node"), Some(expected));
        }
    }
}

/// Heartbeats from the file that mod_heartmonitor writes.
#[tokio::test]
async fn heartbeats_are_read_from_a_storage_file() {
    let nodes = [Container::hello("n1").await, Container::hello("n2").await];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hb.dat");
    let write = |ready: [u32; 2]| {
        let line = |node: &Container, ready: u32| {
            let port = node.address.port();
            format!("127.0.0.1 &ready={ready}&busy=0&lastseen=0&port={port}\n")
        };
        let text = line(&nodes[0], ready[0]) + &line(&nodes[1], ready[1]);
        let new = file.with_extension("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, &file).unwrap();
    };
    write([5, 0]);
    let gateway = Running::before(
        &[&nodes[0], &nodes[1]],
        &format!(
            "lbmethod: heartbeat\nheartbeat: {{ storage: \"{}\" }}",
            file.display()
        ),
        "",
    );
    for (ready, expected) in [([5, 0], "n1"), ([0, 5], "n2")] {
        until("the file has been read", async || {
            write(ready);
            gateway.get("/", "").await.field("x-node") == Some(expected)
        })
        .await;
    }
}
