//! What a servlet sees of TLS: behind the gateway the same as behind httpd with mod_jk and mod_proxy_ajp.

use std::net::SocketAddr;

use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

use crate::support::ajpgate::{Ajpgate, member};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, HttpdOptions};
use crate::support::port::ReservedPort;
use crate::support::tls::{Authority, TlsClient, issue, issuer, params};
use crate::support::tomcat::{Tomcat, TomcatOptions};

const PAGE: &str = "/app/tls";

/// What the servlet prints, for a client that claims a certificate in fields too.
async fn page(client: &TlsClient, to: SocketAddr) -> Vec<String> {
    let mut client: Client<_> = client.connect(to).await;
    client
        .send(format!(
            "GET {PAGE} HTTP/1.1\r\nHost: shop.example.com\r\nSSL_CLIENT_CERT: x\r\nssl-cipher: x\r\nX-SSL-Client-DN: x\r\n\
             X-Forwarded-Client-Cert: x\r\n\r\n"
        ))
        .await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let lines = answer.text().lines().filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// A part of the configuration of httpd: TLS on a port of its own.
fn ssl(port: &ReservedPort, ca: &Authority) -> String {
    let addr = port.addr();
    let [certificate, key, clients] =
        ["server.pem", "server.key", "ca.pem"].map(|name| ca.file(name));
    format!(
        "Listen {addr} https
<VirtualHost {addr}>
SSLEngine on
SSLCertificateFile {certificate}
SSLCertificateKeyFile {key}
SSLCACertificateFile {clients}
SSLVerifyClient optional
SSLVerifyDepth 5
SSLOptions +StdEnvVars +ExportCertData
SSLSessionTickets off
RequestHeader unset SSL_CLIENT_CERT
RequestHeader unset ssl-cipher
RequestHeader unset X-SSL-Client-DN
RequestHeader unset X-Forwarded-Client-Cert
"
    )
}

/// Those of a page that begin so.
fn with<'a>(lines: &'a [String], start: &str) -> Vec<&'a str> {
    let lines = lines.iter().filter(|line| line.starts_with(start));
    lines.map(String::as_str).collect()
}

#[tokio::test]
async fn a_servlet_sees_the_same_as_behind_httpd() {
    let tomcat = Tomcat::start(TomcatOptions::new("n1")).await;
    let ca = Authority::new();
    let server = ca.server("server", &["localhost"]);
    let middle = issuer("Middle", Some(&ca.issuer));
    let mut named = params(&["client"]);
    named.serial_number = Some(4711.into());
    let shown = issue(&middle, &named);

    let gateway = Ajpgate::start(&format!(
        "listeners: [{{ bind: \"127.0.0.1:0\", tls: {{ {server}, client_auth: optional, client_ca: {} }} }}]
balancers: {{ tomcats: {{ members: [{{ {} }}] }} }}
proxy_pass: [{{ path: /, to: \"balancer://tomcats/\" }}]
",
        ca.file("ca.pem"),
        member(&tomcat),
    ))
    .await;

    let (for_ajp, for_jk) = (ReservedPort::new(), ReservedPort::new());
    let ajp = tomcat.ajp_addr();
    let mod_proxy_ajp = HttpdOptions::new()
        .module("ssl")
        .module("socache_shmcb")
        .directives(&format!(
            "{}ProxyPreserveHost On\nProxyPass / ajp://{ajp}/\n</VirtualHost>",
            ssl(&for_ajp, &ca),
        ));
    let mod_proxy_ajp = Httpd::start(mod_proxy_ajp).await;
    let workers = format!(
        "worker.list=one\nworker.one.type=ajp13\nworker.one.host={}\nworker.one.port={}\n",
        ajp.ip(),
        ajp.port()
    );
    let mod_jk = HttpdOptions::workers(workers)
        .module("ssl")
        .module("socache_shmcb")
        .directives(&format!(
            "{}JkOptions +ForwardKeySize +ForwardSSLCertChain\nJkMount /* one\n</VirtualHost>",
            ssl(&for_jk, &ca),
        ));
    let mod_jk = Httpd::start(mod_jk).await;

    let versions: [&'static SupportedProtocolVersion; 2] = [&TLS12, &TLS13];
    for version in versions {
        let plain = ca.client().version(version);
        for client in [plain.clone(), plain.showing(&shown, &[&middle])] {
            let ours = page(&client, gateway.front()).await;
            let jk = page(&client, for_jk.addr()).await;
            let proxy = page(&client, for_ajp.addr()).await;
            println!("ajpgate       {ours:#?}\nmod_jk        {jk:#?}\nmod_proxy_ajp {proxy:#?}");
            assert_eq!(ours, jk, "mod_jk\n{}", mod_jk.log());
            // mod_proxy_ajp sends the client's own certificate only.
            let leaf = |lines: &[String]| {
                let certificate = with(lines, "certificate=").first().map(ToString::to_string);
                let others = lines
                    .iter()
                    .filter(|line| !line.starts_with("certificate="));
                (certificate, others.cloned().collect::<Vec<_>>())
            };
            assert_eq!(
                leaf(&ours),
                leaf(&proxy),
                "mod_proxy_ajp\n{}",
                mod_proxy_ajp.log()
            );
            assert_eq!(with(&ours, "secure="), ["secure=true"]);
            assert_eq!(with(&ours, "port="), ["port=443"]);
            assert!(with(&ours, "forged=").is_empty());
        }
    }
}
