//! How often a request makes the gateway allocate memory. The bounds have room for new versions of libraries; they fail
//! on an allocation for each header field, each packet or each member.
//!
//! The gateway runs on the thread of the test, and only that thread is counted. Clients and backends run on another.

use allocation_counter::measure;
use tokio::runtime::{Builder, Runtime};

use crate::support::client::Client;
use crate::support::container::{Container, Wire};
use crate::support::gateway::Running;
use crate::support::origin::{Conn, Origin};

/// Number of requests that a mean is taken over, after as many that fill pools and buffers.
const REQUESTS: u64 = 200;
const LARGE_REQUESTS: u64 = 10;

/// The fields of a browser's request with a session.
const FIELDS: &str = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/html,application/xhtml+xml\r\nAccept-Language: en\r\nAccept-Encoding: gzip\r\n\
    Cookie: JSESSIONID=1B7F54C4C19DC4F5446E3AC06B2EC191.n1\r\nX-Request-Id: 1\r\n";

/// Fields of every answer, beside its length.
const ANSWERED: [(&str, &str); 2] = [("Content-Type", "text/html"), ("X-Node", "n1")];

/// Clients and backends on a thread of their own, and the gateway between them on the thread of the test.
struct Setup {
    elsewhere: Runtime,
    here: Runtime,
    gateway: Running,
}

impl Setup {
    fn new(elsewhere: Runtime, start: impl FnOnce() -> Running) -> Self {
        let here = Builder::new_current_thread().enable_all().build().unwrap();
        let gateway = here.block_on(async { start() });
        Self {
            elsewhere,
            here,
            gateway,
        }
    }

    /// Memory that the gateway allocates for a GET of this path with these fields, on an open connection.
    fn used(&self, path: &'static str, fields: &str) -> Used {
        self.used_by(REQUESTS, path, fields)
    }

    /// The same with this number of requests.
    fn used_by(&self, count: u64, path: &'static str, fields: &str) -> Used {
        let connect = Client::connect(self.gateway.front);
        let mut client = self.elsewhere.block_on(connect);
        let mut used = measure(|| ());
        for _ in 0..2 {
            let fields = fields.to_owned();
            let requests = self.elsewhere.spawn(async move {
                for _ in 0..count {
                    assert_eq!(client.get(path, &fields).await.status, 200);
                }
                client
            });
            let mut back = None;
            used = measure(|| back = Some(self.here.block_on(requests).unwrap()));
            client = back.unwrap();
        }
        Used {
            allocations: used.count_total as f64 / count as f64,
            bytes: used.bytes_total as f64 / count as f64,
        }
    }
}

/// Mean values of one request.
#[derive(Debug)]
struct Used {
    allocations: f64,
    bytes: f64,
}

fn elsewhere() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

/// A gateway in front of `members` containers that answer `/N` with N bytes, with these further keys.
fn over_ajp(members: usize, keys: &str) -> Setup {
    let elsewhere = elsewhere();
    let start = || {
        Container::start(|_, mut wire: Wire| async move {
            while let Some(request) = wire.next_request().await {
                let path = String::from_utf8(request.uri.unwrap().to_vec()).unwrap();
                let body = vec![b'x'; path[1..].parse().unwrap()];
                wire.respond(200, &ANSWERED, &body).await;
            }
        })
    };
    let mut yaml = String::from("balancers:\n  test:\n    members:\n");
    for number in 1..=members {
        let container = elsewhere.block_on(start());
        yaml += &format!(
            "      - {{ url: \"ajp://{}\", route: n{number} }}\n",
            container.address
        );
        // It serves until its runtime ends.
        std::mem::forget(container);
    }
    yaml += &format!("proxy_pass: [{{ path: /, to: \"balancer://test/\" }}]\n{keys}");
    Setup::new(elsewhere, || Running::start(&yaml))
}

/// A gateway in front of an HTTP server that answers `/N` with N bytes.
fn over_http() -> Setup {
    let elsewhere = elsewhere();
    let origin = elsewhere.block_on(Origin::start(|_, mut conn: Conn| async move {
        while let Some(request) = conn.next_request().await {
            let length = request.line.split(['/', ' ']).nth(2).unwrap();
            let body = "x".repeat(length.parse().unwrap());
            conn.respond(200, &ANSWERED, &body).await;
        }
    }));
    let setup = Setup::new(elsewhere, || Running::before_http(&[&origin], "", ""));
    std::mem::forget(origin);
    setup
}

#[test]
fn a_small_answer_over_ajp_takes_at_most_20_allocations_and_12_more_with_an_access_log() {
    let quiet = over_ajp(1, "").used("/1024", FIELDS);
    assert!(quiet.allocations <= 20.0, "{quiet:?}");
    let logged = over_ajp(1, "access_log: { path: /dev/null }\n").used("/1024", FIELDS);
    assert!(logged.allocations <= 32.0, "{logged:?}");
}

#[test]
fn a_small_answer_over_http_takes_at_most_50_allocations() {
    let used = over_http().used("/1024", FIELDS);
    assert!(used.allocations <= 50.0, "{used:?}");
}

#[test]
fn more_members_take_no_more_allocations() {
    let one = over_ajp(1, "").used("/1024", FIELDS);
    let many = over_ajp(20, "").used("/1024", FIELDS);
    assert!(many.allocations < one.allocations + 1.0, "{one:?} {many:?}");
}

/// hyper allocates the name of each field that HTTP does not define.
#[test]
fn a_field_of_a_request_takes_one_allocation_over_ajp() {
    let setup = over_ajp(1, "");
    let more: String = (0..40).map(|n| format!("X-Field-{n}: value\r\n")).collect();
    let few = setup.used("/1024", FIELDS);
    let many = setup.used("/1024", &format!("{FIELDS}{more}"));
    let each = (many.allocations - few.allocations) / 40.0;
    assert!(each <= 1.2, "{each}");
}

/// The bytes of a backend stay in the buffer that they were read into until they are written to the client.
#[test]
fn a_packet_of_a_large_answer_takes_at_most_3_allocations_and_twice_its_length() {
    const LENGTH: f64 = 1_048_576.0;
    let packets = LENGTH / 8184.0;
    for setup in [over_ajp(1, ""), over_http()] {
        let small = setup.used("/1024", FIELDS);
        let large = setup.used_by(LARGE_REQUESTS, "/1048576", FIELDS);
        let each = (large.allocations - small.allocations) / packets;
        assert!(each <= 3.0, "{each} {large:?}");
        assert!(large.bytes <= 2.0 * LENGTH, "{large:?}");
    }
}
