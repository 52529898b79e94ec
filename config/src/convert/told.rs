//! A request that an old server is asked about, and what that server does with it.

use std::fmt;
use std::net::IpAddr;

use super::note::Origin;

/// A request, as far as a URL and the client's address say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Whether it comes over TLS.
    pub secure: bool,
    /// The host in lower case, without its port.
    pub host: String,
    /// The port, where the URL names it.
    pub port: Option<u16>,
    /// The path as the client writes it, with escapes; it begins with a slash.
    pub path: String,
    /// What stands behind `?`.
    pub query: Option<String>,
    /// The client's address.
    pub from: IpAddr,
}

impl Asked {
    /// The port: that of the URL, else that of the scheme.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.secure { 443 } else { 80 })
    }

    /// `https` or `http`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// Scheme, host and the port that the URL names: `https://shop.example.com`.
    #[must_use]
    pub fn base(&self) -> String {
        let port = self
            .port
            .map_or_else(String::new, |port| format!(":{port}"));
        format!("{}://{}{port}", self.scheme(), self.host)
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// It is sent on.
    Sent {
        /// The worker or balancer as the old file names it.
        to: String,
        /// The backends that it can be sent to.
        backends: Vec<Backend>,
    },
    /// The client is sent elsewhere.
    Redirected {
        /// The status.
        status: u16,
        /// The whole URL.
        location: String,
    },
    /// The server answers by itself.
    Answered {
        /// The status.
        status: u16,
        /// Why, in a few words.
        why: String,
    },
    /// A file of the server's own, if it is there.
    File(String),
    /// A page that the server makes, such as its status.
    Own(String),
    /// Nobody answers the connection: why.
    Nobody(String),
}

/// A backend, and the path that it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// Scheme, host in lower case and port: `ajp://10.0.0.11:8009`.
    pub address: String,
    /// The path, without the query.
    pub path: String,
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent { to, backends } => {
                let addresses: Vec<&str> = backends.iter().map(|it| &*it.address).collect();
                let path = backends.first().map_or("", |it| &*it.path);
                match addresses.as_slice() {
                    [one] if to.starts_with(one) || one.starts_with(to.as_str()) => {
                        write!(f, "sends {path} to {one}")
                    }
                    _ => write!(f, "sends {path} to {to} ({})", addresses.join(", ")),
                }
            }
            Self::Redirected { status, location } => write!(f, "{status}, Location: {location}"),
            Self::Answered { status, why } => write!(f, "{status}: {why}"),
            Self::File(name) => write!(f, "the file {name}, if it is there"),
            Self::Own(what) => write!(f, "a page of its own: {what}"),
            Self::Nobody(why) => write!(f, "no answer: {why}"),
        }
    }
}

/// Something that is said about a line of the old files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The line.
    pub origin: Origin,
    /// What it says or does.
    pub text: String,
}

/// What an old server does with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The lines that decide, in the order in which they are asked.
    pub steps: Vec<Step>,
    /// What becomes of the request.
    pub deed: Deed,
    /// What cannot be known from a URL and could change it. `deed` is what happens when none of it holds.
    pub unknown: Vec<Step>,
}

/// The steps so far.
#[derive(Debug, Default)]
pub(super) struct Telling {
    pub(super) steps: Vec<Step>,
    pub(super) unknown: Vec<Step>,
}

impl Telling {
    /// A line that decides.
    pub(super) fn step(&mut self, origin: &Origin, text: impl Into<String>) {
        add(&mut self.steps, origin, text.into());
    }

    /// A line that could decide, if something held that is not known.
    pub(super) fn unknown(&mut self, origin: &Origin, text: impl Into<String>) {
        add(&mut self.unknown, origin, text.into());
    }

    pub(super) fn ends(self, deed: Deed) -> Told {
        Told {
            steps: self.steps,
            deed,
            unknown: self.unknown,
        }
    }
}

fn add(steps: &mut Vec<Step>, origin: &Origin, text: String) {
    let step = Step {
        origin: origin.clone(),
        text,
    };
    if !steps.contains(&step) {
        steps.push(step);
    }
}
