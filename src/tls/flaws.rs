//! Everything that is wrong with files of TLS, each with the key that names the file: whoever uses the files stops at the first.

use std::path::Path;
use std::sync::Arc;

use ajpgate_config::{CertificatePair, ClientAuth, ListenerTls, MemberTls};
use rustls::crypto::ring;

use super::client_auth;
use super::files::{self, FileError};
use super::pair::Pair;
use super::roots::roots_of;

/// A key and what is wrong with its file.
type Flaw = (&'static str, FileError);

/// The flaws of a certificate of a listener and its key: of each of the files, or else of both together.
pub(crate) fn of_pair(pair: &CertificatePair) -> Vec<Flaw> {
    let apart = certificate_and_key(Some(&pair.certificate), Some(&pair.private_key));
    if !apart.is_empty() || is_unnamed(&pair.certificate) || is_unnamed(&pair.private_key) {
        return apart;
    }
    let together = Pair::load(pair, &ring::default_provider()).err();
    let flaw = together.map(|error| match error.file() == pair.private_key {
        true => ("private_key", error),
        false => ("certificate", error),
    });
    flaw.into_iter().collect()
}

/// The flaws of the files that say which clients are let in. Where no client is asked for a certificate, they are not read.
pub(crate) fn of_clients(tls: &ListenerTls) -> Vec<Flaw> {
    if tls.client_auth == ClientAuth::None {
        return Vec::new();
    }
    let ca = named(tls.client_ca.as_deref());
    let crl = named(tls.client_crl.as_deref());
    let of_ca = ca.and_then(|file| roots_of(file).err());
    let of_crl = crl.and_then(|file| files::revocation_lists(file).err());
    let of_ca = of_ca.map(|error| ("client_ca", error));
    let apart: Vec<Flaw> = of_ca
        .into_iter()
        .chain(of_crl.map(|error| ("client_crl", error)))
        .collect();
    if !apart.is_empty() || ca.is_none() {
        return apart;
    }
    let together = client_auth::verifier(tls, &Arc::new(ring::default_provider())).err();
    let flaw = together.map(|error| match Some(error.file()) == crl {
        true => ("client_crl", error),
        false => ("client_ca", error),
    });
    flaw.into_iter().collect()
}

/// The flaws of each of the files of a connection to a member.
pub(crate) fn of_member(tls: &MemberTls) -> Vec<Flaw> {
    let ca = named(tls.ca.as_deref()).filter(|_| tls.verify);
    let of_ca = ca.and_then(|file| roots_of(file).err());
    let of_ca = of_ca.map(|error| ("ca", error));
    let pair = certificate_and_key(tls.certificate.as_deref(), tls.private_key.as_deref());
    of_ca.into_iter().chain(pair).collect()
}

fn certificate_and_key(certificate: Option<&Path>, private_key: Option<&Path>) -> Vec<Flaw> {
    let certificate = named(certificate).and_then(|file| files::certificates(file).err());
    let certificate = certificate.map(|error| ("certificate", error));
    let key = named(private_key).and_then(|file| files::private_key(file).err());
    let key = key.map(|error| ("private_key", error));
    certificate.into_iter().chain(key).collect()
}

/// A file that the configuration names: a name that could not be read is empty.
fn named(file: Option<&Path>) -> Option<&Path> {
    file.filter(|file| !is_unnamed(file))
}

fn is_unnamed(file: &Path) -> bool {
    file.as_os_str().is_empty()
}
