//! Sources of members.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::member::{Member, MemberTls, MemberUrl, Scheme};
use super::origin::MemberSource;

/// One entry of `discover`: a source that names members while the gateway runs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Discover {
    /// Where it asks.
    pub from: DiscoverFrom,
    /// The time from one question to the next.
    pub interval: Duration,
    /// Where the routes of its members come from. Those of lists have routes of their own.
    pub route: RouteRule,
    /// The keys of its members, for a source that names addresses alone.
    pub(crate) template: Option<Box<Member>>,
    /// See [`keys`](Self::keys).
    pub(crate) keys: Keys,
}

/// The keys of a source as they are written. They may have secrets.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Keys(pub(crate) Value);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

/// Where the routes of discovered members come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteRule {
    /// From the sessions that the member issues.
    Learn,
    /// The first label of its name, or the name of its pod.
    Label,
    /// Its address, with dashes in place of dots and colons.
    Address,
}

/// A name of DNS that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DnsName {
    /// The name as host, with the scheme and path of the members, and for addresses their port.
    pub url: MemberUrl,
    /// The server that is asked; `None`: those of the system.
    pub resolver: Option<SocketAddr>,
}

/// A service of Kubernetes that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KubernetesService {
    /// The namespace; `None`: that of the account or of the kubeconfig's context.
    pub namespace: Option<String>,
    /// The name of the service.
    pub name: String,
    /// The port of its pods.
    pub port: PodPort,
    /// The file that says where the cluster is and who asks; `None`: the account of the pod.
    pub kubeconfig: Option<PathBuf>,
    /// The protocol of its members, with the name that their certificates have as host: `NAME.NAMESPACE.svc`, or `NAME` where
    /// the namespace is not given.
    pub url: MemberUrl,
}

/// A port of pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodPort {
    /// The name that the service gives it.
    Name(String),
    /// Its number, whether the service names it or not.
    Number(u16),
}

impl fmt::Display for PodPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Number(number) => number.fmt(f),
        }
    }
}

impl fmt::Display for KubernetesService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        write!(f, "{}:{}", self.name, self.port)?;
        match &self.kubeconfig {
            Some(file) => write!(f, " of {}", file.display()),
            None => Ok(()),
        }
    }
}

/// Where a source asks for members.
#[derive(Debug, Clone, PartialEq)]
pub enum DiscoverFrom {
    /// Files with lists of members.
    File(MemberFiles),
    /// Addresses of a name.
    Dns(DnsName),
    /// SRV records of a name.
    Srv(DnsName),
    /// EndpointSlices of a service.
    Kubernetes(KubernetesService),
}

impl Discover {
    /// The kind of the source.
    #[must_use]
    pub const fn source(&self) -> MemberSource {
        match self.from {
            DiscoverFrom::File(_) => MemberSource::File,
            DiscoverFrom::Dns(_) => MemberSource::Dns,
            DiscoverFrom::Srv(_) => MemberSource::Srv,
            DiscoverFrom::Kubernetes(_) => MemberSource::Kubernetes,
        }
    }

    /// What is asked: the same text is the same source, also when another key of it has changed.
    #[must_use]
    pub fn subject(&self) -> String {
        match &self.from {
            DiscoverFrom::File(files) => format!("file {}", files.pattern),
            DiscoverFrom::Dns(name) => format!("dns {}", name.url),
            DiscoverFrom::Srv(name) => format!("srv {}", name.url),
            DiscoverFrom::Kubernetes(service) => format!("kubernetes {service}"),
        }
    }

    /// The keys that it has in the file, as JSON with texts for all values, secrets among them. Variables of the environment are
    /// filled in. [`parse_source`](crate::parse_source) reads them.
    #[must_use]
    pub const fn keys(&self) -> &Value {
        &self.keys.0
    }

    /// The protocol of its members, where it is the same for all.
    #[must_use]
    pub fn scheme(&self) -> Option<Scheme> {
        self.template.as_ref().map(|member| member.url.scheme)
    }

    /// The keys of its members, where they are the same for all.
    #[must_use]
    pub fn template(&self) -> Option<&Member> {
        self.template.as_deref()
    }

    /// The member at a url, with the keys of the source; `None` where members have keys of their own. A certificate must be
    /// that of the host `name`, unless `tls.server_name` says otherwise: the url has an address.
    #[must_use]
    pub fn member_at(&self, url: &MemberUrl, name: &str) -> Option<Member> {
        let mut member = (**self.template.as_ref()?).clone();
        member.url.clone_from(url);
        if matches!(url.scheme, Scheme::Https | Scheme::Ftps) {
            let tls = member.tls.get_or_insert(MemberTls {
                ca: None,
                server_name: None,
                certificate: None,
                private_key: None,
                verify: true,
            });
            tls.server_name.get_or_insert_with(|| name.to_owned());
        }
        Some(member)
    }
}

/// The files that a pattern names, each with a list of members.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberFiles {
    /// The pattern of their names, from the folder of the configuration file on.
    pub(crate) pattern: String,
    /// The folder of the configuration file: what the files that members name are relative to.
    pub(crate) folder: PathBuf,
}

impl MemberFiles {
    /// The folder of the configuration file.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}
