//! Debian's httpd in front of Tomcats, with mod_proxy_ajp or mod_jk. The gateway is compared with both.

use super::port::ReservedPort;
use super::process::{Process, Signal, require};
use super::scratch::Scratch;
use super::tomcat::Tomcat;
use super::{probe, wait};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const PROGRAM: &str = "/usr/sbin/apache2";
const MODULES: &str = "/usr/lib/apache2/modules";
const MOD_JK: &str = "/usr/lib/apache2/modules/mod_jk.so";
const STARTS_WITHIN: Duration = Duration::from_secs(30);
/// Another program may take a port between the reservation and the start; then another is tried.
const TRIES: usize = 3;
const PORT_TAKEN: &str = "Address already in use";

/// Loaded into every httpd; any other by [`HttpdOptions::module`].
const USUAL_MODULES: [&str; 14] = [
    "mpm_event",
    "authz_core",
    "env",
    "setenvif",
    "headers",
    "status",
    "proxy",
    "proxy_http",
    "proxy_ajp",
    "slotmem_shm",
    "proxy_balancer",
    "lbmethod_byrequests",
    "lbmethod_bytraffic",
    "lbmethod_bybusyness",
];

/// A Tomcat as a member of an httpd balancer.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) addr: SocketAddr,
    pub(crate) route: String,
    pub(crate) secret: Option<String>,
}

impl From<&Tomcat> for Member {
    fn from(tomcat: &Tomcat) -> Self {
        Self {
            addr: tomcat.ajp_addr(),
            route: tomcat.route().to_owned(),
            secret: tomcat.secret().map(str::to_owned),
        }
    }
}

/// How an httpd is to be set up.
#[derive(Debug, Clone)]
pub(crate) struct HttpdOptions {
    modules: Vec<String>,
    directives: String,
    workers: Option<String>,
    files: Vec<(String, String)>,
    threads: u32,
}

impl HttpdOptions {
    /// An httpd with one process of 64 threads, without access log, that serves nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            modules: Vec::new(),
            directives: String::new(),
            workers: None,
            files: Vec::new(),
            threads: 64,
        }
    }

    /// A sticky balancer of mod_proxy_ajp for all paths. `parameters` are those of `ProxySet`, such
    /// as `lbmethod=bytraffic`, and may be empty.
    pub(crate) fn proxy_ajp(members: &[Member], parameters: &str) -> Self {
        let members: String = members
            .iter()
            .map(
                |Member {
                     addr,
                     route,
                     secret,
                 }| {
                    let secret = secret
                        .as_ref()
                        .map(|secret| format!(" secret={secret}"))
                        .unwrap_or_default();
                    format!("BalancerMember ajp://{addr} route={route}{secret}\n")
                },
            )
            .collect();
        Self::new().directives(&format!(
            "<Proxy balancer://tomcats>
{members}ProxySet stickysession=JSESSIONID|jsessionid {parameters}
</Proxy>
ProxyPass / balancer://tomcats/"
        ))
    }

    /// A sticky balancer of mod_jk for all paths. `properties` are lines for its load-balancing
    /// worker `tomcats`, such as `worker.tomcats.method=T`, and may be empty.
    pub(crate) fn mod_jk(members: &[Member], properties: &str) -> Self {
        let names: Vec<_> = (1..=members.len())
            .map(|number| format!("member{number}"))
            .collect();
        let mut workers = format!(
            "worker.list=tomcats
worker.tomcats.type=lb
worker.tomcats.sticky_session=1
worker.tomcats.balance_workers={}
{properties}
",
            names.join(",")
        );
        for (
            name,
            Member {
                addr,
                route,
                secret,
            },
        ) in names.iter().zip(members)
        {
            let (host, port) = (addr.ip(), addr.port());
            workers += &format!(
                "worker.{name}.type=ajp13
worker.{name}.host={host}
worker.{name}.port={port}
worker.{name}.route={route}
"
            );
            if let Some(secret) = secret {
                workers += &format!("worker.{name}.secret={secret}\n");
            }
        }
        Self::workers(workers).directives("JkMount /* tomcats")
    }

    /// mod_jk with this `workers.properties`. Nothing is mounted yet.
    pub(crate) fn workers(properties: String) -> Self {
        Self {
            workers: Some(properties),
            ..Self::new()
        }
    }

    /// Loads a further module, by the name that its file has after `mod_`.
    pub(crate) fn module(mut self, name: &str) -> Self {
        self.modules.push(name.to_owned());
        self
    }

    /// Adds lines to the end of the configuration.
    pub(crate) fn directives(mut self, lines: &str) -> Self {
        self.directives += lines;
        self.directives.push('\n');
        self
    }

    /// Adds a file to its ServerRoot. `@ROOT@` in the text stands for that folder.
    pub(crate) fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Sets the number of threads, which is the number of requests that run at the same time.
    pub(crate) fn threads(mut self, threads: u32) -> Self {
        self.threads = threads;
        self
    }
}

/// An httpd from a private ServerRoot. Dropping it kills it and removes the folder.
#[derive(Debug)]
pub(crate) struct Httpd {
    process: Process,
    root: Scratch,
    port: ReservedPort,
}

impl Httpd {
    /// Starts an httpd and returns when it answers.
    pub(crate) async fn start(options: HttpdOptions) -> Self {
        let mut complaint = String::new();
        for _ in 0..TRIES {
            let port = ReservedPort::new();
            let root = lay_out(&options, &port);
            let mut httpd = Self {
                process: launch(&root),
                root,
                port,
            };
            match httpd.wait_until_ready().await {
                Ok(()) => return httpd,
                Err(e) => complaint = e,
            }
            if !complaint.contains(PORT_TAKEN) {
                break;
            }
        }
        panic!("httpd does not start: {complaint}");
    }

    /// An httpd with mod_proxy_ajp, see [`HttpdOptions::proxy_ajp`].
    pub(crate) async fn proxy_ajp(members: &[Member], parameters: &str) -> Self {
        Self::start(HttpdOptions::proxy_ajp(members, parameters)).await
    }

    /// An httpd with mod_jk, see [`HttpdOptions::mod_jk`].
    pub(crate) async fn mod_jk(members: &[Member], properties: &str) -> Self {
        Self::start(HttpdOptions::mod_jk(members, properties)).await
    }

    /// The address that it listens on.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.port.addr()
    }

    /// The path of a file in its ServerRoot.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The process id of its parent process; the one that serves is the parent's child.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it with SIGKILL, at once.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Sends SIGTERM and waits for its end.
    pub(crate) async fn stop(&mut self) {
        self.process.stop().await;
    }

    /// Its error log, with mod_jk's own.
    pub(crate) fn log(&self) -> String {
        ["error.log", "mod_jk.log"]
            .map(|name| fs::read_to_string(self.root.path().join(name)).unwrap_or_default())
            .concat()
            + &self.process.log()
    }

    /// httpd answers `OPTIONS *` itself, whatever its configuration says.
    async fn wait_until_ready(&mut self) -> Result<(), String> {
        let addr = self.addr();
        let ready = wait::until(STARTS_WITHIN, async || {
            if self.process.exited().is_some() {
                return Some(Err("it failed"));
            }
            probe::request(addr, "OPTIONS", "*", &[], b"")
                .await
                .ok()
                .map(|_| Ok(()))
        })
        .await;
        ready
            .unwrap_or(Err("no answer"))
            .map_err(|why| format!("{why}\n{}", self.log()))
    }
}

/// It is ended with SIGTERM, which goes to httpd's parent only, so that the parent ends its children.
fn launch(root: &Scratch) -> Process {
    let mut command = Command::new(require(PROGRAM, "apache2"));
    command
        .arg("-DFOREGROUND")
        .arg("-f")
        .arg(root.path().join("httpd.conf"));
    Process::spawn(&command, Signal::Term, &root.path().join("console.log"))
}

fn lay_out(options: &HttpdOptions, port: &ReservedPort) -> Scratch {
    let root = Scratch::new("httpd");
    root.folder("run");
    root.folder("empty");
    root.write(
        "httpd.conf",
        &httpd_conf(options, root.path().display(), port.addr()),
    );
    let path = root.path().display().to_string();
    for (name, text) in &options.files {
        root.write(name, &text.replace("@ROOT@", &path));
    }
    if let Some(workers) = &options.workers {
        root.write("workers.properties", workers);
    }
    root
}

fn httpd_conf(options: &HttpdOptions, root: impl std::fmt::Display, addr: SocketAddr) -> String {
    let modules = USUAL_MODULES
        .into_iter()
        .chain(options.modules.iter().map(String::as_str));
    let modules: String = modules
        .map(|name| format!("LoadModule {name}_module {MODULES}/mod_{name}.so\n"))
        .collect();
    let user = if is_root() {
        "User www-data\nGroup www-data\n"
    } else {
        ""
    };
    let mod_jk = if options.workers.is_some() {
        mod_jk()
    } else {
        String::new()
    };
    let (threads, directives) = (options.threads, &options.directives);
    format!(
        "ServerRoot {root}
DefaultRuntimeDir {root}/run
PidFile run/httpd.pid
DocumentRoot {root}/empty
ServerName {addr}
Listen {addr}
{modules}{user}ErrorLog error.log
LogLevel warn
StartServers 1
ServerLimit 1
ThreadLimit {threads}
ThreadsPerChild {threads}
MaxRequestWorkers {threads}
MinSpareThreads 1
MaxSpareThreads {threads}
MaxKeepAliveRequests 0
{mod_jk}{directives}"
    )
}

fn mod_jk() -> String {
    require(MOD_JK, "libapache2-mod-jk");
    format!(
        "LoadModule jk_module {MOD_JK}
JkWorkersFile workers.properties
JkLogFile mod_jk.log
JkLogLevel warn
JkShmFile run/jk.shm
"
    )
}

/// The user of the processes that serve: root must name one, and nobody else may.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
