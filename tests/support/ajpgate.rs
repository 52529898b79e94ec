//! The program `ajpgate` in a process of its own.

use super::metrics::Metrics;
use super::process::{self, Process, Signal};
use super::scratch::Scratch;
use super::tomcat::Tomcat;
use super::usage::{self, Memory};
use super::{eventually, probe, wait};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ajpgate");
const STARTS_WITHIN: Duration = Duration::from_secs(30);
const ACCESS_LOG: &str = "access.log";

/// For tests that count connections to members. Each core keeps its own, and the kernel spreads the clients over the cores.
pub(crate) const ONE_CORE: &str = "runtime: { threads: 1 }\n";

/// A configuration with a balancer `tomcats` mapped to `/`, to which a test adds keys.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    members: Vec<String>,
    member: String,
    balancer: String,
    mapping: String,
    rest: String,
}

impl Setup {
    /// Adds keys to each member, such as `ping: 200ms, retry: 1s`.
    pub(crate) fn member(mut self, keys: &str) -> Self {
        self.member += &format!(", {keys}");
        self
    }

    /// Adds a key to the balancer.
    pub(crate) fn balancer(mut self, key: &str) -> Self {
        self.balancer += &format!("    {key}\n");
        self
    }

    /// Adds keys to the mapping.
    pub(crate) fn mapping(mut self, keys: &str) -> Self {
        self.mapping += &format!(", {keys}");
        self
    }

    /// Adds a key to the file.
    pub(crate) fn key(mut self, key: &str) -> Self {
        self.rest += &format!("{key}\n");
        self
    }

    /// Starts a gateway with this configuration.
    pub(crate) async fn start(&self) -> Ajpgate {
        let Self {
            members,
            member,
            balancer,
            mapping,
            rest,
        } = self;
        let members: String = members
            .iter()
            .map(|one| format!("      - {{ {one}{member} }}\n"))
            .collect();
        Ajpgate::start(&format!(
            "balancers:
  tomcats:
{balancer}    members:
{members}proxy_pass:
  - {{ path: /, to: \"balancer://tomcats/\"{mapping} }}
{rest}"
        ))
        .await
    }
}

/// A running gateway. Dropping it kills it and removes its folder.
#[derive(Debug)]
pub(crate) struct Ajpgate {
    process: Process,
    folder: Scratch,
    front: SocketAddr,
    admin: SocketAddr,
}

impl Ajpgate {
    /// A gateway in front of these Tomcats, each with its own route and secret.
    pub(crate) fn before(tomcats: &[&Tomcat]) -> Setup {
        Setup {
            members: tomcats.iter().map(|tomcat| member(tomcat)).collect(),
            member: String::new(),
            balancer: String::new(),
            mapping: String::new(),
            rest: String::new(),
        }
    }

    /// Starts a gateway with this configuration and returns when it listens. `listeners` and `admin` on free ports and an
    /// `access_log` as JSON in a file are added where the configuration has none.
    pub(crate) async fn start(yaml: &str) -> Self {
        let folder = Scratch::new("ajpgate");
        let file = folder.write("ajpgate.yaml", &completed(yaml));
        let mut command = Command::new(PROGRAM);
        command.arg("run").arg("-c").arg(file);
        let log = folder.path().join("console.log");
        let mut process = Process::spawn(&command, Signal::Kill, &log);
        let ready = wait::until(STARTS_WITHIN, async || {
            let log = process.log();
            match (address(&log, "listening"), address(&log, "admin")) {
                (Some(front), Some(admin)) => Some(Ok((front, admin))),
                _ if process.exited().is_some() => Some(Err(log)),
                _ => None,
            }
        })
        .await;
        let (front, admin) = ready
            .unwrap_or(Err("it does not say where it listens".into()))
            .unwrap_or_else(|log| panic!("ajpgate does not start with\n{yaml}\n{log}"));
        Self {
            process,
            folder,
            front,
            admin,
        }
    }

    /// The address for clients.
    pub(crate) fn front(&self) -> SocketAddr {
        self.front
    }

    /// The address of the admin listener.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// The path of a file that the configuration names.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The lines of the access log. The last ones may be missing while the gateway runs.
    pub(crate) fn access_log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path(ACCESS_LOG)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Changes settings of a member through the API.
    pub(crate) async fn change(&self, balancer: &str, member: &str, keys: &str) {
        let path = format!("/api/v1/balancers/{balancer}/members/{member}");
        self.api("PATCH", &path, keys, 200).await;
    }

    /// Sends a request to the API; the answer must have this status.
    pub(crate) async fn api(&self, method: &str, path: &str, json: &str, status: u16) -> String {
        let fields = [("Content-Type", "application/json")];
        let reply = probe::request(self.admin, method, path, &fields, json.as_bytes()).await;
        let reply = reply.unwrap_or_else(|e| panic!("{method} {path}: {e}"));
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text());
        reply.text()
    }

    /// Replaces the configuration file and reloads it.
    pub(crate) async fn reload(&self, yaml: &str) {
        self.folder.write("ajpgate.yaml", &completed(yaml));
        self.api("POST", "/api/v1/reload", "", 200).await;
    }

    /// The metrics now.
    pub(crate) async fn metrics(&self) -> Metrics {
        let page = probe::get(self.admin, "/metrics", &[]).await;
        assert_eq!(page.status, 200, "{}", page.text());
        Metrics::parse(&page.text())
    }

    /// The value of [`Metrics::count`] now.
    pub(crate) async fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.metrics().await.count(name, labels)
    }

    /// Waits until a count has this value.
    pub(crate) async fn counts(&self, name: &str, labels: &[(&str, &str)], value: u64) {
        let what = format!("{name}{labels:?} is {value}");
        eventually(&what, async || self.count(name, labels).await == value).await;
    }

    /// Waits until no request is under way, no member is busy and no connection is in use.
    pub(crate) async fn quiet(&self) {
        eventually("the gateway is quiet", async || {
            let metrics = self.metrics().await;
            metrics.count("requests_in_flight", &[]) == 0
                && metrics.count("member_busy", &[]) == 0
                && metrics.count("pool_connections", &[("state", "busy")]) == 0
        })
        .await;
    }

    /// The number of connections to members that were closed, once no request is under way.
    pub(crate) async fn connections_given_up(&self) -> u64 {
        self.quiet().await;
        let metrics = self.metrics().await;
        let made = metrics.count("connects_total", &[("result", "ok")]);
        made - metrics.count("pool_connections", &[("state", "idle")])
    }

    /// Its memory now, in KiB.
    pub(crate) fn memory(&self) -> Memory {
        Memory::of(self.id())
    }

    /// Processor time that it has used.
    pub(crate) fn processor_time(&self) -> Duration {
        usage::processor_time(self.id())
    }

    /// Has another program take over, and waits until it serves. It has the same sockets and the same log, and ends with this
    /// value, as it is in the process group of the first program, whose end must not be asked for.
    pub(crate) async fn hand_over(&self) {
        process::send(Signal::Usr2, &self.id().to_string()).expect("cannot signal a child");
        eventually("the new program serves", async || {
            self.log().contains("the new program serves")
        })
        .await;
    }

    /// Sends SIGTERM and waits for its end.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        self.process.stop().await
    }
}

/// The keys of a member for a Tomcat.
pub(crate) fn member(tomcat: &Tomcat) -> String {
    let (addr, route) = (tomcat.ajp_addr(), tomcat.route());
    let secret = tomcat
        .secret()
        .map(|secret| format!(", secret: \"{secret}\""));
    format!(
        "url: \"ajp://{addr}\", route: {route}{}",
        secret.unwrap_or_default()
    )
}

/// The keys of a member for the HTTP connector of a Tomcat.
pub(crate) fn http_member(tomcat: &Tomcat) -> String {
    let (addr, route) = (tomcat.http_addr(), tomcat.route());
    format!("url: \"http://{addr}\", route: {route}")
}

fn completed(yaml: &str) -> String {
    let mut text = yaml.to_owned();
    for line in [
        "listeners: [{ bind: \"127.0.0.1:0\" }]\n",
        "admin: { bind: \"127.0.0.1:0\" }\n",
        &format!("access_log: {{ path: {ACCESS_LOG}, format: json }}\n"),
    ] {
        let key = line.split_inclusive(':').next().unwrap_or(line);
        if !yaml.lines().any(|line| line.starts_with(key)) {
            text += line;
        }
    }
    text
}

/// The address in a line such as `listening on http://127.0.0.1:8080`.
fn address(log: &str, what: &str) -> Option<SocketAddr> {
    let (_, rest) = log.split_once(&format!("{what} on http"))?;
    let (_, rest) = rest.split_once("://")?;
    // The last line may be incomplete, and its port too.
    let (address, _) = rest.split_once('\n')?;
    address.parse().ok()
}
