//! TLS: files with certificates and keys, and the server's side of a connection.
//!
//! [`Server`] is what a listener speaks TLS with. Its files are read again when they change ([`Renewal`]); connections
//! that are open go on with what they began with.

mod accept;
mod believing;
mod challenges;
mod client_auth;
mod counted;
mod doubts;
mod facts;
mod files;
mod flaws;
mod https;
mod names;
mod obtained;
mod pair;
mod renewal;
mod roots;
mod self_issued;
mod server;
mod verifying;

pub(crate) use self::accept::{Accepted, TlsStream};
pub(crate) use self::believing::Believing;
pub(crate) use self::challenges::{Answering, ChallengeError, Challenges};
pub(crate) use self::files::{FileError, Files, certificates, private_key};
pub(crate) use self::flaws::{of_clients, of_member, of_pair};
pub(crate) use self::https::https_connector;
pub(crate) use self::obtained::{Valid, file, folder, validity};
pub(crate) use self::renewal::Renewal;
pub(crate) use self::roots::{RootsError, roots_of};
pub(crate) use self::server::{Server, ServerError};
pub(crate) use self::verifying::verifying;
#[cfg(feature = "kubernetes")]
pub(crate) use self::verifying::verifying_with;
