//! Debian's pebble, an authority that speaks ACME, with the DNS server of its package: every name is 127.0.0.1.

use super::authority::Authority;
use super::port::ReservedPort;
use super::process::{Process, Signal, require};
use super::scratch::Scratch;
use super::wait;
use std::process::Command;
use std::time::Duration;

const PROGRAM: &str = "/usr/bin/pebble";
const DNS: &str = "/usr/bin/pebble-challtestsrv";
const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// How a pebble is to be set up.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PebbleOptions {
    /// The port at which it looks for the names.
    pub(crate) tls_port: u16,
    /// How long its certificates are valid, in seconds; 0 for years.
    pub(crate) validity: u32,
}

/// A pebble that may be stopped and started again. It forgets everything then, and has another root.
#[derive(Debug)]
pub(crate) struct Pebble {
    running: Option<Process>,
    _dns: Process,
    dns: ReservedPort,
    port: ReservedPort,
    management: ReservedPort,
    authority: Authority,
    folder: Scratch,
}

/// The name that it refuses.
pub(crate) const REFUSED: &str = "refused.test";

impl Pebble {
    /// One that is not started yet.
    pub(crate) fn new(options: PebbleOptions) -> Self {
        let folder = Scratch::new("pebble");
        let (dns, dns_management) = (ReservedPort::new(), ReservedPort::new());
        let (port, management) = (ReservedPort::new(), ReservedPort::new());
        let authority = Authority::new();
        let (certificate, key) = authority.issue("localhost");
        let validity = match options.validity {
            0 => String::new(),
            seconds => format!("\"certificateValidityPeriod\": {seconds},"),
        };
        let config = format!(
            "{{ \"pebble\": {{ {validity} \"listenAddress\": \"{}\", \"managementListenAddress\": \"{}\",
            \"certificate\": \"{certificate}\", \"privateKey\": \"{key}\", \"httpPort\": 1, \"tlsPort\": {},
            \"domainBlocklist\": [\"{REFUSED}\"] }} }}",
            port.addr(),
            management.addr(),
            options.tls_port
        );
        folder.write("pebble.json", &config);
        let mut command = Command::new(require(DNS, "pebble"));
        command.args(["-dns01", &dns.addr().to_string()]);
        command.args(["-management", &dns_management.addr().to_string()]);
        command.args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""]);
        command.args(["-http01", "", "-https01", "", "-tlsalpn01", ""]);
        let log = folder.path().join("dns.log");
        Self {
            running: None,
            _dns: Process::spawn(&command, Signal::Kill, &log),
            dns,
            port,
            management,
            authority,
            folder,
        }
    }

    /// Starts it and returns when it answers.
    pub(crate) async fn start(&mut self) {
        let mut command = Command::new("env");
        // Validation begins at once, no nonce is refused at random, and each order is validated.
        command.args(["PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0"]);
        command
            .arg("PEBBLE_AUTHZREUSE=0")
            .arg(require(PROGRAM, "pebble"));
        command
            .arg("-config")
            .arg(self.folder.path().join("pebble.json"));
        command.args(["-dnsserver", &self.dns.addr().to_string()]);
        let log = self.folder.path().join("pebble.log");
        self.running = Some(Process::spawn(&command, Signal::Kill, &log));
        let started = wait::until(STARTS_WITHIN, async || self.fetch("/roots/0")).await;
        assert!(started.is_some(), "pebble does not start:\n{}", self.log());
    }

    /// Ends it.
    pub(crate) fn stop(&mut self) {
        self.running = None;
    }

    /// The certificate that all of its certificates descend from, in PEM.
    pub(crate) fn root(&self) -> String {
        self.fetch("/roots/0").expect("pebble's root")
    }

    /// The keys of `acme` for it, but for `domains` and `cache`.
    pub(crate) fn keys(&self) -> String {
        format!(
            "directory: \"https://localhost:{}/dir\", ca: \"{}\"",
            self.port.addr().port(),
            self.authority.file("ca.pem")
        )
    }

    /// Its own log.
    pub(crate) fn log(&self) -> String {
        let log = self.running.as_ref().map(Process::log);
        log.unwrap_or_default()
    }

    fn fetch(&self, path: &str) -> Option<String> {
        let url = format!("https://localhost:{}{path}", self.management.addr().port());
        let output = Command::new(require("/usr/bin/curl", "curl"))
            .args(["-sf", "--max-time", "5", "--cacert"])
            .arg(self.authority.file("ca.pem"))
            .arg(url)
            .output()
            .expect("curl runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(text)
    }
}
