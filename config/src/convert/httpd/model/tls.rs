//! `SSL…`: certificates of listeners, and TLS towards members.

use std::path::Path;

use super::super::tree::Node;
use super::time::switch;
use crate::convert::files::below;
use crate::convert::note::{Notes, Origin};
use crate::convert::value::{Keys, Value};

/// What a server says about TLS towards members.
#[derive(Debug, Default)]
pub(super) struct Members {
    keys: Keys,
    /// `SSLProxyVerify`: whether the chain of a certificate is verified.
    verify: Option<(bool, Origin)>,
    /// `SSLProxyCheckPeerName`: whether its name is compared.
    names: Option<(bool, Origin)>,
}

impl Members {
    /// The keys of `tls` of members: what later ones say counts. Here chain and name are verified together; that is switched off
    /// where httpd verifies no chain.
    pub(super) fn together<'a>(all: impl Iterator<Item = &'a Self>, notes: &mut Notes) -> Keys {
        let mut keys = Keys::default();
        let (mut verify, mut names) = (None, None);
        for own in all {
            keys.merge(&own.keys);
            verify = own.verify.as_ref().or(verify);
            names = own.names.as_ref().or(names);
        }
        let off = Value::Plain("off".to_owned());
        match (verify, names) {
            (Some((true, _)), Some((false, origin))) => {
                let text = "left out: with SSLProxyVerify a member's certificate is verified here, its name too; where it has another \
                            name than the member's url, write `server_name` into its `tls`";
                notes.name(origin, text);
            }
            (Some((false, origin)), None | Some((true, _))) => {
                let text = "httpd compares the name of a member's certificate without its chain; here neither is verified";
                notes.name(origin, text);
                keys.set("verify", off);
            }
            (Some((false, _)) | None, Some((false, _))) => keys.set("verify", off),
            _ => {}
        }
        keys
    }
}

/// Takes a directive. `tls` has the keys of the listener, `member` what is said about https members. Returns whether it is one
/// of these.
pub(super) fn take(
    node: &Node,
    root: &Path,
    tls: &mut Keys,
    member: &mut Members,
    notes: &mut Notes,
) -> bool {
    let words = node.words();
    let first = words.first().map_or("", String::as_str);
    let file = || Value::text(below(root, first).to_string_lossy());
    match &*node.name {
        "sslcertificatefile" if tls.get("certificate").is_some() => {
            let text = "left out: a name has one certificate here; add it under `certificates`";
            notes.name(&node.origin, text);
        }
        "sslcertificatefile" => {
            tls.set("certificate", file());
            // The file may hold the key too.
            tls.set_default("private_key", file());
        }
        "sslcertificatekeyfile" => tls.set("private_key", file()),
        "sslcacertificatefile" => tls.set("client_ca", file()),
        "sslcarevocationfile" => tls.set("client_crl", file()),
        "sslcarevocationcheck" => notes.count(&node.origin),
        "sslverifydepth" => {
            let text = format!(
                "left out: httpd refuses certificates of clients with more than {first} authorities above them, here their number \
                 does not count: leave only those authorities in `client_ca` whose own clients come in"
            );
            notes.name(&node.origin, text);
        }
        "sslverifyclient" => match &*first.to_ascii_lowercase() {
            "none" => {}
            "optional" => tls.set("client_auth", Value::text("optional")),
            "require" => tls.set("client_auth", Value::text("required")),
            other => notes.name(&node.origin, format!("SSLVerifyClient {other} is left out")),
        },
        "sslprotocol" => protocols(node, &words, tls, notes),
        name => return of_members(name, first, file(), member, node, notes),
    }
    true
}

/// Whether a directive is about the certificate of a listener, or about those of its clients: it means nothing without TLS.
pub(super) fn is_of_listener(name: &str) -> bool {
    name.starts_with("sslcertificate") || matches!(name, "sslcacertificatefile" | "sslverifyclient")
}

/// TLS towards members.
fn of_members(
    name: &str,
    first: &str,
    file: Value,
    member: &mut Members,
    node: &Node,
    notes: &mut Notes,
) -> bool {
    match name {
        "sslproxyengine" => {}
        "sslproxycacertificatefile" => member.keys.set("ca", file),
        "sslproxyverify" => {
            let is_on = !first.eq_ignore_ascii_case("none");
            member.verify = Some((is_on, node.origin.clone()));
        }
        "sslproxycheckpeername" => {
            member.names = Some((switch(first) != Some(false), node.origin.clone()));
        }
        "sslproxycheckpeercn" | "sslproxycheckpeerexpire" => notes.count(&node.origin),
        "sslproxymachinecertificatefile" => {
            member.keys.set("certificate", file.clone());
            member.keys.set("private_key", file);
        }
        _ => return false,
    }
    true
}

/// `all -SSLv3 -TLSv1`: the lowest version is what counts here.
fn protocols(node: &Node, words: &[String], tls: &mut Keys, notes: &mut Notes) {
    let mut versions = [false; 4];
    let names = ["tlsv1", "tlsv1.1", "tlsv1.2", "tlsv1.3"];
    let mut begun = false;
    for word in words {
        let (on, word) = match word.split_at_checked(1) {
            Some(("+", word)) => (true, word),
            Some(("-", word)) => (false, word),
            _ => {
                if !begun {
                    versions = [false; 4];
                }
                (true, word.as_str())
            }
        };
        begun = true;
        let word = word.to_ascii_lowercase();
        for (version, name) in versions.iter_mut().zip(names) {
            if word == "all" || word == name {
                *version = on;
            }
        }
    }
    let [one, one_one, two, three] = versions;
    if one || one_one {
        notes.name(&node.origin, "TLS 1.0 and 1.1 are not spoken here");
    }
    if three && !(one || one_one || two) {
        tls.set("min_version", Value::text("1.3"));
    }
}
