//! Debian's Prometheus, with the configuration and the rules of `docker/prometheus`.

use super::port::ReservedPort;
use super::process::{Process, Signal, require};
use super::scratch::Scratch;
use super::{eventually, probe};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PACKAGE: &str = "prometheus";
/// The address of the gateway and the scrape interval in the shipped configuration.
const SHIPPED_TARGET: &str = "gateway:9404";
const SHIPPED_INTERVAL: &str = "_interval: 5s";

/// The folder of the shipped configuration.
pub(crate) fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/prometheus")
}

/// A running Prometheus. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Prometheus {
    port: ReservedPort,
    process: Process,
    _folder: Scratch,
}

impl Prometheus {
    /// Starts Prometheus with the shipped configuration, except that it scrapes `target` each second.
    pub(crate) async fn start(target: SocketAddr) -> Self {
        let folder = Scratch::new("prometheus");
        for file in ["rules.yml", "admin-password"] {
            folder.write(file, &read(file));
        }
        let shipped = read("prometheus.yml");
        assert!(shipped.contains(SHIPPED_TARGET) && shipped.contains(SHIPPED_INTERVAL));
        let config = shipped
            .replace(SHIPPED_TARGET, &target.to_string())
            .replace(SHIPPED_INTERVAL, "_interval: 1s");
        let config = folder.write("prometheus.yml", &config);

        let port = ReservedPort::new();
        let mut command = Command::new(require("prometheus", PACKAGE));
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.folder("data").display()
            ))
            .arg(format!("--web.listen-address={}", port.addr()));
        let log = folder.path().join("console.log");
        let process = Process::spawn(&command, Signal::Kill, &log);
        let mut prometheus = Self {
            port,
            process,
            _folder: folder,
        };
        eventually("Prometheus is ready", async || {
            let log = prometheus.process.log();
            assert!(prometheus.process.exited().is_none(), "{log}");
            let ready = probe::request(prometheus.port.addr(), "GET", "/-/ready", &[], b"").await;
            ready.is_ok_and(|reply| reply.status == 200)
        })
        .await;
        prometheus
    }

    /// The values of an expression now.
    pub(crate) async fn query(&self, expression: &str) -> Vec<f64> {
        let found = self
            .api(&format!("query?query={}", encoded(expression)))
            .await;
        let value = |series: &Value| series.pointer("/value/1")?.as_str()?.parse().ok();
        list(&found, "/result").iter().filter_map(value).collect()
    }

    /// Name, health and error of each rule.
    pub(crate) async fn rules(&self) -> Vec<(String, String, String)> {
        let found = self.api("rules").await;
        let text = |rule: &Value, path: &str| {
            let text = rule.pointer(path).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        list(&found, "/groups")
            .iter()
            .flat_map(|group| list(group, "/rules"))
            .map(|rule| {
                (
                    text(rule, "/name"),
                    text(rule, "/health"),
                    text(rule, "/lastError"),
                )
            })
            .collect()
    }

    /// The data of an answer of its API.
    async fn api(&self, path: &str) -> Value {
        let reply = probe::get(self.port.addr(), &format!("/api/v1/{path}"), &[]).await;
        let mut answer: Value = serde_json::from_slice(&reply.body).expect("JSON");
        let data = answer.pointer_mut("/data").map(Value::take);
        data.unwrap_or_else(|| panic!("{path}: {answer}"))
    }
}

fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    let list = value.pointer(path).and_then(Value::as_array);
    list.unwrap_or_else(|| panic!("no list {path} in {value}"))
}

fn read(file: &str) -> String {
    let path = shipped().join(file);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Runs promtool in the folder of the shipped configuration, and panics when it reports a problem.
pub(crate) fn promtool(arguments: &[&str], input: &str) {
    let mut child = Command::new(require("promtool", PACKAGE))
        .args(arguments)
        .current_dir(shipped())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cannot run promtool");
    let mut pipe = child.stdin.take().expect("a pipe");
    pipe.write_all(input.as_bytes())
        .expect("promtool does not read");
    drop(pipe);
    let output = child.wait_with_output().expect("promtool does not end");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "promtool {arguments:?} says\n{said}"
    );
}

/// Percent-encodes a value of a query string.
fn encoded(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() {
            text.push(byte.into());
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
