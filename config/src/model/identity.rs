//! How the gateway learns who the user of a request is.

use std::path::PathBuf;
use std::time::Duration;

use super::Member;

/// The field that names the user to members that speak HTTP.
pub const USER_FIELD: &str = "X-Remote-User";

/// `auth` of a mapping: at least one kind.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Identity {
    /// The client's verified certificate.
    pub client_certificate: Option<CertificateName>,
    /// A field of a trusted proxy.
    pub header: Option<HeaderUser>,
    /// Name and password.
    pub basic: Option<Basic>,
    /// A server that is asked.
    pub forward: Option<ForwardAuth>,
    /// Whether only known users are let in.
    pub required: bool,
}

impl Identity {
    /// The request attributes that the user may have.
    pub fn attributes(&self) -> impl Iterator<Item = &UserAttribute> {
        let of_header = self.header.iter().flat_map(|header| &header.attributes);
        let of_forward = self.forward.iter().flat_map(|forward| &forward.attributes);
        of_header.chain(of_forward)
    }
}

/// What of a certificate names the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateName {
    /// The common name of the subject; of several the most specific, which is the last in the certificate.
    CommonName,
    /// The subject as RFC 4514 writes it.
    DistinguishedName,
    /// The first rfc822Name of the subject's alternative names (RFC 5280 section 4.2.1.6).
    Email,
    /// The first userPrincipalName of them (otherName 1.3.6.1.4.1.311.20.2.3).
    PrincipalName,
}

/// `header`: a trusted proxy knows the user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeaderUser {
    /// The field that names the user, in lower case.
    pub user: String,
    /// Names of request attributes, each with the field of its value.
    pub attributes: Vec<UserAttribute>,
}

/// `basic`: a file of users (RFC 7617).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Basic {
    /// What browsers show.
    pub realm: String,
    /// The file of names and hashes.
    pub users: PathBuf,
    /// The users of the file who come in; `None`: all of them.
    pub only: Option<Vec<String>>,
    /// Whether backends get the Authorization field.
    pub pass: bool,
}

/// `forward`: a server that says who the user is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ForwardAuth {
    /// Where it is, and how it is talked to: an http or https member of no balancer.
    pub server: Box<Member>,
    /// The path that is asked for, with its slash.
    pub path: String,
    /// The query that is asked for, without its question mark.
    pub query: Option<String>,
    /// How long the head of its answer may take.
    pub timeout: Duration,
    /// The field of its answer that names the user, in lower case.
    pub user: String,
    /// Names of request attributes, each with the field of its value.
    pub attributes: Vec<UserAttribute>,
}

/// A request attribute that identity sets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserAttribute {
    /// The name that a servlet sees.
    pub name: String,
    /// The field, in lower case.
    pub field: String,
}
