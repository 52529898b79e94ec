//! `SSL…`: certificates of listeners, and TLS towards members.

use std::path::Path;

use super::super::tree::Node;
use super::time::switch;
use crate::convert::files::below;
use crate::convert::note::Notes;
use crate::convert::value::{Keys, Value};

/// Takes a directive. `tls` has the keys of the listener, `member` those of `tls` of https members. Returns whether it is one
/// of these.
pub(super) fn take(
    node: &Node,
    root: &Path,
    tls: &mut Keys,
    member: &mut Keys,
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
            let text = "left out: the chain of a client's certificate may be longer here";
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

/// TLS towards members.
fn of_members(
    name: &str,
    first: &str,
    file: Value,
    member: &mut Keys,
    node: &Node,
    notes: &mut Notes,
) -> bool {
    match name {
        "sslproxyengine" => {}
        "sslproxycacertificatefile" => member.set("ca", file),
        "sslproxyverify" if first.eq_ignore_ascii_case("none") => {
            member.set("verify", Value::Plain("off".to_owned()));
        }
        "sslproxycheckpeername" if switch(first) == Some(false) => {
            member.set("verify", Value::Plain("off".to_owned()));
        }
        "sslproxyverify" | "sslproxycheckpeername" => {}
        "sslproxycheckpeercn" | "sslproxycheckpeerexpire" => notes.count(&node.origin),
        "sslproxymachinecertificatefile" => {
            member.set("certificate", file.clone());
            member.set("private_key", file);
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
