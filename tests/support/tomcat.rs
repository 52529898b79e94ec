//! Debian's Tomcat 10 with an AJP connector and the test application.

mod config;

pub(crate) use config::TomcatOptions;

use super::port::ReservedPort;
use super::process::{Process, Signal, require};
use super::scratch::Scratch;
use super::{probe, wait, webapp};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

/// The longest that a start takes on a slow machine on which other tests compile; one to two seconds are usual.
const STARTS_WITHIN: Duration = Duration::from_secs(90);
const PONGS_WITHIN: Duration = Duration::from_secs(10);
/// Another program may take a port between the reservation and the start; then another is tried.
const TRIES: usize = 3;
const PORT_TAKEN: &str = "Address already in use";
const STARTED: &str = "Server startup in";
/// Messages in Tomcat's log after which a test must fail, although Tomcat runs: a context could not be deployed, or an
/// attribute does not exist.
const FAILURES: [&str; 2] = [" SEVERE ", "failed to set property"];
const HOME: &str = "/usr/share/tomcat10";

/// A Tomcat from a private CATALINA_BASE. Dropping it kills it and removes the folder.
#[derive(Debug)]
pub(crate) struct Tomcat {
    process: Process,
    launches: usize,
    earlier_log: String,
    base: Scratch,
    options: TomcatOptions,
    ajp: ReservedPort,
    http: Option<ReservedPort>,
}

impl Tomcat {
    /// Starts a Tomcat and returns when its application answers over AJP.
    pub(crate) async fn start(options: TomcatOptions) -> Self {
        let docbase = webapp::compiled("app");
        let mut complaint = String::new();
        for _ in 0..TRIES {
            let ajp = ReservedPort::new();
            let http = options.http_connector.then(ReservedPort::new);
            let base = config::lay_out(&options, &docbase, &ajp, http.as_ref());
            let process = launch(&base, 1);
            let options = options.clone();
            let mut tomcat = Self {
                process,
                launches: 1,
                earlier_log: String::new(),
                base,
                options,
                ajp,
                http,
            };
            match tomcat.wait_until_ready().await {
                Ok(()) => return tomcat,
                Err(e) => complaint = e,
            }
            if !complaint.contains(PORT_TAKEN) {
                break;
            }
        }
        panic!("Tomcat {} does not start: {complaint}", options.route);
    }

    /// The address of its AJP connector, also while it is stopped.
    pub(crate) fn ajp_addr(&self) -> SocketAddr {
        self.ajp.addr()
    }

    /// The address of its HTTP connector; panics where it was started without one.
    pub(crate) fn http_addr(&self) -> SocketAddr {
        self.http
            .as_ref()
            .expect("this Tomcat was started without http_connector()")
            .addr()
    }

    /// Its jvmRoute.
    pub(crate) fn route(&self) -> &str {
        &self.options.route
    }

    /// Its secret.
    pub(crate) fn secret(&self) -> Option<&str> {
        self.options.secret.as_deref()
    }

    /// The process id of its Java virtual machine.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends CPING and waits for CPONG.
    pub(crate) async fn cping(&self, within: Duration) -> io::Result<()> {
        probe::cping(self.ajp_addr(), within).await
    }

    /// Ends it with SIGKILL, at once.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Sends SIGTERM and waits for its end.
    pub(crate) async fn stop(&mut self) {
        self.process.stop().await;
    }

    /// Starts it again on the same ports, after killing it if it still runs. Its sessions are lost.
    pub(crate) async fn restart(&mut self) {
        self.process.kill();
        self.earlier_log = self.log();
        self.launches += 1;
        self.process = launch(&self.base, self.launches);
        if let Err(complaint) = self.wait_until_ready().await {
            panic!("Tomcat {} does not come back: {complaint}", self.route());
        }
    }

    /// Freezes it: its sockets stay open and nothing answers.
    pub(crate) async fn pause(&mut self) {
        self.process.pause().await;
    }

    /// Ends [`Tomcat::pause`].
    pub(crate) fn resume(&mut self) {
        self.process.resume();
    }

    /// Its log since its first start.
    pub(crate) fn log(&self) -> String {
        format!("{}{}", self.earlier_log, self.process.log())
    }

    /// The `X-Request-Id` of each request that its application began to execute since its first start, including those that
    /// did not end because it was killed.
    pub(crate) fn executed(&self) -> Vec<String> {
        let ids = fs::read_to_string(self.base.path().join("executed.log")).unwrap_or_default();
        ids.lines().map(str::to_owned).collect()
    }

    async fn wait_until_ready(&mut self) -> Result<(), String> {
        let settled = wait::until(STARTS_WITHIN, async || {
            (self.process.exited().is_some() || self.process.log().contains(STARTED)).then_some(())
        })
        .await;
        let log = self.process.log();
        if settled.is_none() {
            return Err(format!("not ready after {STARTS_WITHIN:?}\n{log}"));
        }
        if self.process.exited().is_some() || FAILURES.iter().any(|sign| log.contains(sign)) {
            return Err(format!("it failed\n{log}"));
        }
        self.cping(PONGS_WITHIN)
            .await
            .map_err(|e| format!("no CPONG: {e}\n{log}"))
    }
}

fn launch(base: &Scratch, number: usize) -> Process {
    let path = base.path().display();
    require(&format!("{HOME}/bin/bootstrap.jar"), "tomcat10");
    let mut command = Command::new(require("java", "default-jdk-headless"));
    command
        .args([
            "-Xms64m",
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
        ])
        .arg(format!("-Djava.io.tmpdir={path}/temp"))
        .arg(format!(
            "-Djava.util.logging.config.file={path}/conf/logging.properties"
        ))
        .arg("-Djava.util.logging.manager=org.apache.juli.ClassLoaderLogManager")
        .arg("-Dorg.apache.catalina.startup.EXIT_ON_INIT_FAILURE=true")
        .arg(format!("-Dcatalina.home={HOME}"))
        .arg(format!("-Dcatalina.base={path}"))
        .arg("-cp")
        .arg(format!(
            "{HOME}/bin/bootstrap.jar:{HOME}/bin/tomcat-juli.jar"
        ))
        .args(["org.apache.catalina.startup.Bootstrap", "start"]);
    Process::spawn(
        &command,
        Signal::Kill,
        &base.path().join(format!("console-{number}.log")),
    )
}
