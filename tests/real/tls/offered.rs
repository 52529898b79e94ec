//! What is offered to clients, as openssl sees it: protocols, cipher suites, no compression, no renegotiation.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use crate::support::ajpgate::Ajpgate;
use crate::support::process::require;
use crate::support::tls::Authority;

/// What `openssl s_client` with these options prints, and whether it got a session.
fn s_client(to: SocketAddr, options: &[&str], input: &str) -> (bool, String) {
    let mut child = Command::new(require("/usr/bin/openssl", "openssl"))
        .args([
            "s_client",
            "-connect",
            &to.to_string(),
            "-servername",
            "localhost",
        ])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let done = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    let cipher = text.lines().find_map(|line| line.split_once("Cipher is "));
    let connected = cipher.is_some_and(|(_, cipher)| cipher != "(NONE)");
    (connected, text.into_owned())
}

/// The names of all cipher suites of TLS 1.2 that openssl knows.
fn suites() -> Vec<String> {
    let done = Command::new("/usr/bin/openssl")
        .args([
            "ciphers",
            "-s",
            "-tls1_2",
            "ALL:COMPLEMENTOFALL:@SECLEVEL=0",
        ])
        .output()
        .unwrap();
    let names = String::from_utf8(done.stdout).unwrap();
    names.trim().split(':').map(str::to_owned).collect()
}

/// Makes `rsa.pem` and `rsa.key`.
fn rsa(ca: &Authority) -> String {
    let [certificate, key] = ["rsa.pem", "rsa.key"].map(|name| ca.file(name));
    let made = Command::new("/usr/bin/openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=rsa.test",
        ])
        .args([
            "-addext",
            "subjectAltName=DNS:localhost",
            "-out",
            &certificate,
            "-keyout",
            &key,
        ])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    format!("certificate: {certificate}, private_key: {key}")
}

async fn gateway(tls: &str) -> Ajpgate {
    Ajpgate::start(&format!(
        "listeners: [{{ bind: \"127.0.0.1:0\", tls: {{ {tls} }} }}]
limits: {{ header_timeout: 2s }}
proxy_pass: [{{ path: /, to: \"ajp://localhost:9\" }}]
"
    ))
    .await
}

#[tokio::test]
async fn only_sound_protocols_and_suites_are_offered() {
    let ca = Authority::new();
    let ecdsa = ca.server("server", &["localhost"]);
    let rsa = rsa(&ca);
    let gateway = gateway(&format!("{ecdsa}, certificates: [{{ {rsa} }}]")).await;
    let to = gateway.front();
    for (option, offered) in [
        ("-tls1", false),
        ("-tls1_1", false),
        ("-tls1_2", true),
        ("-tls1_3", true),
    ] {
        let (connected, text) = s_client(to, &[option, "-cipher", "ALL:@SECLEVEL=0"], "");
        assert_eq!(connected, offered, "{option}: {text}");
    }
    let all = suites();
    assert!(all.len() > 80, "{}", all.len());
    let accepted: BTreeSet<_> = all
        .iter()
        .filter(|suite| {
            let cipher = format!("{suite}:@SECLEVEL=0");
            s_client(to, &["-tls1_2", "-cipher", &cipher], "").0
        })
        .map(String::as_str)
        .collect();
    // Each has forward secrecy and authenticates what it encrypts. Both certificates count: a client gets one that it takes.
    let expected = [
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-CHACHA20-POLY1305",
    ];
    assert_eq!(accepted, BTreeSet::from(expected));
}

#[tokio::test]
async fn nothing_is_compressed_and_nothing_renegotiated() {
    let ca = Authority::new();
    let gateway = gateway(&ca.server("server", &["localhost"])).await;
    let to = gateway.front();
    let (connected, text) = s_client(to, &["-tls1_2", "-comp"], "");
    assert!(connected && text.contains("Compression: NONE"), "{text}");
    assert!(text.contains("Secure Renegotiation IS supported"), "{text}");
    // `R` on a line of its own renegotiates (openssl-s_client(1)); a request behind it gets no answer then.
    let (_, text) = s_client(to, &["-tls1_2"], "R\nGET / HTTP/1.0\n\n");
    assert!(text.contains("RENEGOTIATING"), "{text}");
    assert!(!text.contains("HTTP/1.1 "), "{text}");
    let (connected, text) = s_client(to, &["-legacy_renegotiation", "-tls1_2"], "");
    assert!(connected, "{text}");
    gateway.counts("client_connections", &[], 0).await;
}

#[tokio::test]
async fn http_2_is_chosen_by_alpn_and_can_be_switched_off() {
    let ca = Authority::new();
    let server = ca.server("server", &["localhost"]);
    let gateway = gateway(&server).await;
    let chosen = |options: &[&str]| {
        let (_, text) = s_client(gateway.front(), options, "");
        let line = text.lines().find(|line| line.contains("ALPN"));
        line.unwrap_or_default().to_owned()
    };
    assert_eq!(chosen(&["-alpn", "h2,http/1.1"]), "ALPN protocol: h2");
    assert_eq!(chosen(&["-alpn", "http/1.1"]), "ALPN protocol: http/1.1");
    assert_eq!(chosen(&[]), "No ALPN negotiated");
    let (_, text) = s_client(gateway.front(), &["-alpn", "spdy/3"], "");
    assert!(text.contains("no application protocol"), "{text}");
}

/// Makes `server.pem.ocsp`, which says that the certificate is good, as a certificate authority would.
fn staple(ca: &Authority) {
    let openssl = |arguments: &[&str]| {
        let mut command = Command::new("/usr/bin/openssl");
        let done = command
            .args(arguments)
            .current_dir(ca.folder.path())
            .output()
            .unwrap();
        assert!(done.status.success(), "{arguments:?}: {done:?}");
        String::from_utf8_lossy(&done.stdout).into_owned()
    };
    ca.folder.write("ca.key", &ca.issuer.key().serialize_pem());
    let serial = openssl(&["x509", "-in", "server.pem", "-noout", "-serial"]);
    let serial = serial.trim().trim_start_matches("serial=").to_owned();
    ca.folder.write(
        "index.txt",
        &format!("V\t400101000000Z\t\t{serial}\tunknown\t/CN=localhost\n"),
    );
    openssl(&[
        "ocsp",
        "-issuer",
        "ca.pem",
        "-cert",
        "server.pem",
        "-no_nonce",
        "-reqout",
        "request.der",
    ]);
    openssl(&[
        "ocsp",
        "-index",
        "index.txt",
        "-CA",
        "ca.pem",
        "-rsigner",
        "ca.pem",
        "-rkey",
        "ca.key",
        "-reqin",
        "request.der",
        "-ndays",
        "1",
        "-respout",
        "server.pem.ocsp",
    ]);
}

#[tokio::test]
async fn the_ocsp_response_beside_the_certificate_is_stapled() {
    let ca = Authority::new();
    let server = ca.server("server", &["localhost"]);
    let before = gateway(&server).await;
    let (_, text) = s_client(before.front(), &["-status"], "");
    assert!(text.contains("OCSP response: no response sent"), "{text}");
    staple(&ca);
    let gateway = gateway(&server).await;
    for version in ["-tls1_2", "-tls1_3"] {
        let (connected, text) = s_client(gateway.front(), &["-status", version], "");
        assert!(connected && text.contains("Cert Status: good"), "{text}");
    }
}
