//! TLS and HTTP/2 with clients that people have: Chromium, Java's own client, and slowhttptest's slow ones, in front of a real
//! Tomcat.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use crate::support::ajpgate::{Ajpgate, member};
use crate::support::chromium::Chromium;
use crate::support::client;
use crate::support::process::require;
use crate::support::scratch::Scratch;
use crate::support::tls::Authority;
use crate::support::tomcat::{Tomcat, TomcatOptions};
use crate::support::wait::pause;

/// A gateway that speaks TLS, and below it HTTP/2, before a Tomcat, with a second listener without TLS.
struct World {
    ca: Authority,
    gateway: Ajpgate,
    _tomcat: Tomcat,
}

impl World {
    async fn start(limits: &str) -> Self {
        let ca = Authority::new();
        let keys = ca.server("server", &["localhost"]);
        let tomcat = Tomcat::start(TomcatOptions::new("node1").websocket()).await;
        let gateway = Ajpgate::start(&format!(
            "listeners:
  - {{ bind: \"127.0.0.1:0\", tls: {{ {keys} }} }}
  - {{ bind: \"127.0.0.1:0\" }}
limits: {{ {limits} }}
balancers: {{ tomcats: {{ members: [{{ {}, upgrade_url: \"http://{}\" }}] }} }}
proxy_pass: [{{ path: /, to: \"balancer://tomcats/\" }}]
",
            member(&tomcat),
            tomcat.http_addr()
        ))
        .await;
        Self {
            ca,
            gateway,
            _tomcat: tomcat,
        }
    }

    /// The URL of a target, over TLS.
    fn url(&self, target: &str) -> String {
        format!("https://localhost:{}{target}", self.gateway.front().port())
    }

    /// The address of the listener without TLS.
    fn plain(&self) -> SocketAddr {
        let log = self.gateway.log();
        let (_, rest) = log.split_once("listening on http://").unwrap();
        rest.lines().next().unwrap().trim().parse().unwrap()
    }
}

async fn output(mut command: Command) -> Output {
    let output = tokio::task::spawn_blocking(move || command.output());
    output.await.unwrap().unwrap()
}

/// Loads 80 files of a page at once, then speaks WebSocket, and returns the protocol of the page, how many files came whole,
/// the protocols of all of them, and what came back over the WebSocket.
const PAGE: &str = "
const files = await Promise.all([...Array(80).keys()].map(async n => {
    const answer = await fetch(`/app/bytes?n=${20000 + n}&seed=${n}&cl=${n % 2}`);
    return (await answer.arrayBuffer()).byteLength === 20000 + n;
}));
const protocols = new Set(performance.getEntriesByType('resource').map(it => it.nextHopProtocol));
const socket = new WebSocket(`wss://${location.host}/app/socket`);
const said = await new Promise((resolve, reject) => {
    const seen = [];
    socket.onmessage = event => {
        seen.push(event.data);
        if (seen.length === 1) socket.send('hello'.repeat(1000));
        if (seen.length === 2) resolve(seen);
    };
    socket.onerror = () => reject(new Error('no WebSocket'));
});
return [performance.getEntriesByType('navigation')[0].nextHopProtocol, files.filter(it => it).length,
    [...protocols].join(), said[1].length]";

#[tokio::test]
async fn chromium_loads_a_page_of_many_files_and_speaks_websocket() {
    let world = World::start("").await;
    let chromium = Chromium::start().await;
    chromium.open(&world.url("/app/session")).await;
    let seen = chromium
        .run(&format!("return (async () => {{ {PAGE} }})()"))
        .await;
    assert_eq!(seen, serde_json::json!(["h2", 80, "h2", 5000]));
    drop(chromium);
    world.gateway.quiet().await;
    assert_eq!(world.gateway.count("member_errors_total", &[]).await, 0);
}

/// What `Visitor.java` prints for these requests.
async fn java(world: &World, requests: &[(&str, usize, &str)]) -> Vec<String> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/clients/Visitor.java");
    let mut command = Command::new(require("java", "default-jdk-headless"));
    command.arg(program).arg(world.ca.file("ca.pem"));
    for (kind, number, target) in requests {
        command.arg(format!("{kind}:{number}:{}", world.url(target)));
    }
    let output = output(command).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn java_gets_every_answer_also_those_that_come_before_its_body() {
    let world = World::start("max_body: 1MiB").await;
    let seen = java(
        &world,
        &[
            ("get", 30, "/app/bytes?n=70000&seed=1"),
            ("post", 900_000, "/app/status?code=200"),
            ("stream", 900_000, "/app/status?code=200"),
            ("post", 900_000, "/app/status?code=401"),
            ("stream", 900_000, "/app/status?code=403"),
            // Beyond `max_body`.
            ("post", 3_000_000, "/app/sha"),
            ("stream", 3_000_000, "/app/sha"),
            ("stream", 100_000, "/app/sha"),
        ],
    )
    .await;
    let answers = |line: &String| line.rsplit_once(' ').unwrap().0.to_owned();
    let mut expected = vec!["HTTP_2 200".to_owned(); 30];
    expected.extend([200, 200, 401, 403, 413, 413, 200].map(|it| format!("HTTP_2 {it}")));
    assert_eq!(seen.iter().map(answers).collect::<Vec<_>>(), expected);
    assert!(
        seen[..30].iter().all(|it| it.ends_with(" 70000")),
        "{seen:?}"
    );
    world.gateway.quiet().await;
}

#[tokio::test]
async fn curl_gets_an_answer_that_comes_before_its_body() {
    let world = World::start("").await;
    let folder = Scratch::new("curl-early");
    let body = folder.path().join("body");
    std::fs::write(&body, vec![b'x'; 900_000]).unwrap();
    let lengths = ["Content-Length: 900000", "Content-Length:"];
    for (length, status) in lengths
        .into_iter()
        .flat_map(|length| [200, 302, 307, 401].map(|status| (length, status)))
    {
        let mut command = Command::new(require("curl", "curl"));
        command.args(["-sS", "--max-time", "60", "--http2", "-H", length]);
        command.args([
            "-H",
            "Content-Type: a/b",
            "-w",
            "%{http_code} %{http_version}",
        ]);
        command.args(["--cacert", &world.ca.file("ca.pem"), "-o"]);
        command
            .arg(folder.path().join("answer"))
            .arg("--data-binary");
        command.arg(format!("@{}", body.display()));
        command.arg(world.url(&format!("/app/status?code={status}")));
        let output = output(command).await;
        let said = String::from_utf8_lossy(&output.stderr);
        let seen = String::from_utf8_lossy(&output.stdout);
        assert_eq!(seen, format!("{status} 2"), "{length} {said}");
        assert!(output.status.success(), "{length} {status} {said}");
    }
    world.gateway.quiet().await;
}

/// What slowhttptest says of 100 clients of this kind, while other clients are served.
async fn slow(world: &World, base: &str, arguments: &[&str]) -> String {
    let (folder, plain) = (Scratch::new("slow"), world.plain());
    let mut command = Command::new(require("slowhttptest", "slowhttptest"));
    command.args(["-c", "100", "-r", "100", "-l", "10", "-p", "5"]);
    let [mode, target, more @ ..] = arguments else {
        panic!("{arguments:?}");
    };
    let url = format!("{base}{target}");
    command.args([mode, "-u", &url]).args(more);
    command.current_dir(folder.path());
    let running = tokio::spawn(output(command));
    while !running.is_finished() {
        let answer = client::get(plain, "/app/bytes?n=100", "").await;
        assert_eq!(answer.status, 200);
        pause(Duration::from_millis(50)).await;
    }
    let output = running.await.unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn slow_clients_do_not_keep_others_from_being_served() {
    let world = World::start(
        "header_timeout: 2s, idle_timeout: 2s, min_body_rate: 1000, max_connections: 1000",
    )
    .await;
    // A head or a body a few bytes at a time is cut off; an answer that is taken a few bytes at a time goes on.
    let large = "/app/bytes?n=4000000&seed=7&cl=1";
    for base in [world.url(""), format!("http://{}", world.plain())] {
        for (arguments, ends) in [
            (&["-H", "/app/sha", "-i", "1"][..], true),
            (&["-B", "/app/sha", "-i", "1", "-s", "100000"], true),
            (
                &["-X", large, "-n", "1", "-z", "32", "-w", "256", "-y", "512"],
                false,
            ),
        ] {
            let said = slow(&world, &base, arguments).await;
            let ended = said.contains("No open connections left");
            assert!(ended || !ends, "{base} {arguments:?}: {said}");
            world.gateway.counts("client_connections", &[], 0).await;
        }
    }
    world.gateway.quiet().await;
}
