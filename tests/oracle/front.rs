//! A front end: the connections of a client to it, and its logs.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;

use crate::configuration::Configuration;
use crate::node::MEMBER;
use crate::request::NUMBER;
use crate::support::ajpgate::{Ajpgate, ONE_CORE};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, HttpdOptions};

/// The balancer variables.
pub(crate) const VARIABLES: [&str; 6] = [
    "BALANCER_SESSION_STICKY",
    "BALANCER_SESSION_ROUTE",
    "BALANCER_NAME",
    "BALANCER_WORKER_NAME",
    "BALANCER_WORKER_ROUTE",
    "BALANCER_ROUTE_CHANGED",
];

const ACCESS_LOG: &str = "access.log";
/// Most requests of one front end at the same time, with some room.
const THREADS: u32 = 16;

/// The variables of a request; `-` for one that is not set.
pub(crate) type Variables = Vec<String>;

/// The outcome of a request, from the answer and from the log.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    /// The name of the node that answered; `None` when the front end itself answered.
    pub(crate) member: Option<String>,
    /// The addresses of the members on which it failed, in order.
    pub(crate) trail: Vec<String>,
}

/// A running front end.
pub(crate) struct Front {
    program: Program,
    client: Client,
    held: HashMap<usize, Client>,
    log: Tail,
}

enum Program {
    Httpd(Httpd),
    Ajpgate(Ajpgate),
}

impl Front {
    /// httpd with mod_proxy_ajp.
    pub(crate) async fn httpd(
        configuration: &Configuration,
        nodes: &[SocketAddr],
        worlds: usize,
    ) -> Self {
        let directives = configuration.httpd(nodes, worlds);
        let options = HttpdOptions::new().threads(THREADS).directives(&format!(
            "KeepAliveTimeout 60\nErrorLogFormat \"%M\"\nLogFormat \"{}\" oracle\nCustomLog {ACCESS_LOG} oracle\n{directives}",
            log_format()
        ));
        let httpd = Httpd::start(options).await;
        let log = Tail::of(&httpd.path("error.log"), |line| {
            line.contains("AH00957") || line.contains("AH00878")
        });
        let front = httpd.addr();
        Self::new(Program::Httpd(httpd), front, log).await
    }

    /// httpd with mod_jk, whose log does not name the members that failed.
    pub(crate) async fn mod_jk(
        configuration: &Configuration,
        nodes: &[SocketAddr],
        worlds: usize,
    ) -> Self {
        let workers = configuration.workers(nodes, worlds);
        let mounts: String = (0..worlds)
            .map(|world| format!("JkMount /w{world}/* w{world}\n"))
            .collect();
        let options = HttpdOptions::workers(workers).threads(THREADS).directives(&format!(
            "KeepAliveTimeout 60\nLogFormat \"%{{{NUMBER}}}i - - - %{{JK_LB_LAST_NAME}}n - -\" oracle\n\
             CustomLog {ACCESS_LOG} oracle\n{mounts}"
        ));
        let httpd = Httpd::start(options).await;
        let log = Tail::of(&httpd.path("error.log"), |_| false);
        let front = httpd.addr();
        Self::new(Program::Httpd(httpd), front, log).await
    }

    /// ajpgate.
    pub(crate) async fn ajpgate(
        configuration: &Configuration,
        nodes: &[SocketAddr],
        worlds: usize,
    ) -> Self {
        let yaml = configuration.yaml(nodes, worlds);
        let ajpgate = Ajpgate::start(&format!(
            "{yaml}access_log: {{ path: {ACCESS_LOG}, format: \"{}\" }}\nlog: {{ level: debug }}\n{ONE_CORE}",
            log_format()
        ))
        .await;
        // Warnings of failures are limited to one a second; at level `debug` each failure has its line.
        let log = Tail::of(&ajpgate.path("console.log"), |line| {
            line.contains("attempt failed")
        });
        let front = ajpgate.front();
        Self::new(Program::Ajpgate(ajpgate), front, log).await
    }

    async fn new(program: Program, front: SocketAddr, log: Tail) -> Self {
        Self {
            program,
            client: Client::connect(front).await,
            held: HashMap::new(),
            log,
        }
    }

    fn address(&self) -> SocketAddr {
        match &self.program {
            Program::Httpd(httpd) => httpd.addr(),
            Program::Ajpgate(ajpgate) => ajpgate.front(),
        }
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn send(&mut self, bytes: &str) -> Seen {
        self.client.send(bytes).await;
        let method = bytes.split(' ').next().unwrap_or_default();
        let answer = self.client.try_answer(method).await;
        let answer = answer.unwrap_or_else(|| panic!("no answer to\n{bytes}\n{}", self.log()));
        let closes = answer
            .field("connection")
            .is_some_and(|field| field.eq_ignore_ascii_case("close"));
        if closes {
            // When the connection is closed, the request has ended in the front end too.
            assert!(self.client.is_closed().await, "closed, as announced");
            self.client = Client::connect(self.address()).await;
        }
        Seen {
            status: answer.status,
            member: answer.field(MEMBER).map(str::to_owned),
            trail: self.log.take(),
        }
    }

    /// Sends a request that a node holds.
    pub(crate) async fn hold(&mut self, bytes: &str, gate: usize) {
        settle(&mut self.client).await;
        let mut client = Client::connect(self.address()).await;
        client.send(bytes).await;
        self.held.insert(gate, client);
    }

    /// Waits for the answer to a held request, and until its member is not busy with it any more.
    pub(crate) async fn finish(&mut self, gate: usize) -> Seen {
        let mut client = self.held.remove(&gate).expect("a held request");
        let answer = client.answer().await;
        settle(&mut client).await;
        Seen {
            status: answer.status,
            member: answer.field(MEMBER).map(str::to_owned),
            trail: self.log.take(),
        }
    }

    /// Its log.
    pub(crate) fn log(&self) -> String {
        match &self.program {
            Program::Httpd(httpd) => httpd.log(),
            Program::Ajpgate(ajpgate) => ajpgate.log(),
        }
    }

    /// Stops it. Returns the variables of all requests, by number.
    pub(crate) async fn stop(self) -> HashMap<usize, Variables> {
        // An open connection would delay the shutdown.
        drop((self.client, self.held));
        let log = match self.program {
            Program::Httpd(mut httpd) => {
                httpd.stop().await;
                fs::read_to_string(httpd.path(ACCESS_LOG))
            }
            Program::Ajpgate(mut ajpgate) => {
                ajpgate.stop().await;
                fs::read_to_string(ajpgate.path(ACCESS_LOG))
            }
        };
        log.expect("an access log")
            .lines()
            .filter_map(entry)
            .collect()
    }
}

/// Waits until the last request has ended: a front end reads the next request of a connection after that, and this one is
/// answered without a member.
async fn settle(client: &mut Client) {
    client
        .send("OPTIONS * HTTP/1.1\r\nHost: oracle.test\r\n\r\n")
        .await;
    client.answer().await;
}

fn log_format() -> String {
    let variables = VARIABLES.map(|name| format!("%{{{name}}}e"));
    format!("%{{{NUMBER}}}i {}", variables.join(" "))
}

/// Number and variables in a line; `None` for a request without a number.
fn entry(line: &str) -> Option<(usize, Variables)> {
    let (number, variables) = line.split_once(' ')?;
    Some((
        number.parse().ok()?,
        variables.split(' ').map(str::to_owned).collect(),
    ))
}

/// A log that is read while it is written. Both programs write the line of a failure before they continue.
struct Tail {
    file: File,
    is_failure: fn(&str) -> bool,
}

impl Tail {
    fn of(path: &Path, is_failure: fn(&str) -> bool) -> Self {
        let file = File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self { file, is_failure }
    }

    /// The addresses of the members that have failed since the last call.
    fn take(&mut self) -> Vec<String> {
        let mut new = String::new();
        self.file.read_to_string(&mut new).expect("a log");
        new.lines()
            .filter(|line| (self.is_failure)(line))
            .map(|line| address(line).unwrap_or_else(|| panic!("whose failure? {line}")))
            .collect()
    }
}

/// The first address on loopback, with its port.
fn address(line: &str) -> Option<String> {
    line.match_indices("127.0.0.1:").find_map(|(at, host)| {
        let digits = line[at + host.len()..].chars();
        let port: String = digits.take_while(char::is_ascii_digit).collect();
        (!port.is_empty()).then(|| format!("{host}{port}"))
    })
}
