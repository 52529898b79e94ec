//! Debian's nginx as an HTTP member: it serves files, takes uploads, and has the further directives of a test.

use super::port::ReservedPort;
use super::process::{Process, Signal, require};
use super::scratch::Scratch;
use super::{probe, wait};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const PROGRAM: &str = "/usr/sbin/nginx";
const STARTS_WITHIN: Duration = Duration::from_secs(30);
/// Another program may take a port between the reservation and the start; then another is tried.
const TRIES: usize = 3;
const PORT_TAKEN: &str = "Address already in use";

/// How an nginx is to be set up.
#[derive(Debug, Clone, Default)]
pub(crate) struct NginxOptions {
    server: String,
    more: String,
    tls: bool,
}

impl NginxOptions {
    /// A server that serves the files of its folder `files`, takes new files by PUT, and adds `X-Node` to its answers.
    pub(crate) fn new(node: &str) -> Self {
        Self::default().server(&format!("add_header X-Node {node} always;"))
    }

    /// Adds directives to the server.
    pub(crate) fn server(mut self, lines: &str) -> Self {
        self.server += &format!("{lines}\n");
        self
    }

    /// Adds directives outside of the server; `ADDR` stands for its address.
    pub(crate) fn http(mut self, lines: &str) -> Self {
        self.more += &format!("{lines}\n");
        self
    }

    /// Speaks TLS with this certificate and key (paths of PEM files).
    pub(crate) fn tls(mut self, certificate: &str, key: &str) -> Self {
        self.tls = true;
        self.server(&format!(
            "ssl_certificate {certificate};\nssl_certificate_key {key};"
        ))
    }
}

/// An nginx of one process from a private folder. Dropping it kills it and removes the folder.
#[derive(Debug)]
pub(crate) struct Nginx {
    process: Process,
    launches: usize,
    root: Scratch,
    port: ReservedPort,
    tls: bool,
}

impl Nginx {
    /// Starts an nginx and returns when it listens.
    pub(crate) async fn start(options: NginxOptions) -> Self {
        let mut complaint = String::new();
        for _ in 0..TRIES {
            let port = ReservedPort::new();
            let root = lay_out(&options, port.addr());
            let mut nginx = Self {
                process: launch(&root, 1),
                launches: 1,
                root,
                port,
                tls: options.tls,
            };
            match nginx.wait_until_ready().await {
                Ok(()) => return nginx,
                Err(why) => complaint = why,
            }
            if !complaint.contains(PORT_TAKEN) {
                break;
            }
        }
        panic!("nginx does not start: {complaint}");
    }

    /// Its address, also while it is stopped.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.port.addr()
    }

    /// Its URL; the host is `localhost` with TLS.
    pub(crate) fn url(&self) -> String {
        match self.tls {
            true => format!("https://localhost:{}", self.addr().port()),
            false => format!("http://{}", self.addr()),
        }
    }

    /// The path of a file that it serves or that was uploaded.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.root.path().join("files").join(name)
    }

    /// One line for each request: its `X-Request-Id`, its number on its connection, and the status of the answer.
    pub(crate) fn requests(&self) -> Vec<String> {
        let log = fs::read_to_string(self.root.path().join("access.log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    /// Ends it with SIGKILL, at once.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the same port, after killing it if it still runs.
    pub(crate) async fn restart(&mut self) {
        self.process.kill();
        self.launches += 1;
        self.process = launch(&self.root, self.launches);
        if let Err(complaint) = self.wait_until_ready().await {
            panic!("nginx does not come back: {complaint}");
        }
    }

    /// With TLS too, it answers a request that is not TLS.
    async fn wait_until_ready(&mut self) -> Result<(), String> {
        let addr = self.addr();
        let ready = wait::until(STARTS_WITHIN, async || {
            if self.process.exited().is_some() {
                return Some(Err("it failed"));
            }
            let asked = probe::request(addr, "GET", "/", &[], b"").await;
            asked.ok().map(|_| Ok(()))
        })
        .await;
        ready
            .unwrap_or(Err("no answer"))
            .map_err(|why| format!("{why}\n{}", self.process.log()))
    }
}

fn launch(root: &Scratch, number: usize) -> Process {
    let mut command = Command::new(require(PROGRAM, "nginx"));
    command
        .arg("-e")
        .arg("stderr")
        .arg("-c")
        .arg(root.path().join("nginx.conf"));
    let log = root.path().join(format!("console-{number}.log"));
    Process::spawn(&command, Signal::Kill, &log)
}

fn lay_out(options: &NginxOptions, addr: SocketAddr) -> Scratch {
    let root = Scratch::new("nginx");
    root.folder("files");
    let path = root.path().display();
    let NginxOptions { server, more, tls } = options;
    let tls = if *tls { " ssl" } else { "" };
    let more = more.replace("ADDR", &addr.to_string());
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|what| format!("{what}_temp_path {path}/{what};\n"))
        .collect();
    root.write(
        "nginx.conf",
        &format!(
            "daemon off;
master_process off;
pid {path}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1000; }}
http {{
{temporary}client_max_body_size 0;
keepalive_requests 1000000;
log_format requests \"$http_x_request_id $connection_requests $status\";
access_log {path}/access.log requests;
default_type application/octet-stream;
server {{
listen {addr}{tls};
root {path}/files;
dav_methods PUT;
{server}}}
{more}}}
"
        ),
    );
    root
}
