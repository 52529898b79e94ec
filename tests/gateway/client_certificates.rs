//! Client certificates: who is let in, and what the container is told of them.

use ajp13::request::{Attribute, ForwardRequest, RequestAttribute};
use rustls::version::{TLS12, TLS13};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::client::TlsStream;

use super::front_tls::before;
use super::support::Gate;
use super::support::client::Client;
use super::support::container::{Container, Wire, fields, named};
use super::support::gateway::{ConfigFile, Running, ask};
use super::support::tls::{
    Authority, TlsClient, certificates, issue, issuer, params, revocation_list,
};

/// A container that hands on its requests.
async fn telling() -> (Container, mpsc::UnboundedReceiver<ForwardRequest>) {
    let (told, requests) = mpsc::unbounded_channel();
    let container = Container::start(move |_, mut wire: Wire| {
        let told = told.clone();
        async move {
            while let Some(request) = wire.next_request().await {
                let _ = told.send(request);
                wire.respond(200, &[], b"").await;
            }
        }
    })
    .await;
    (container, requests)
}

fn in_front_of(container: &Container, tls: &str) -> Running {
    before(&format!("ajp://{}", container.address), tls, "")
}

fn key_size(request: &ForwardRequest) -> Option<u16> {
    request
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RequestAttribute::SslKeySize(bits) => Some(*bits),
            _ => None,
        })
}

/// As `openssl req -x509` makes it.
#[tokio::test]
async fn a_client_whose_certificate_is_its_own_authority_is_let_in() {
    let (ca, (container, mut requests)) = (Authority::new(), telling().await);
    let own = || {
        let mut params = params(&["client"]);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap(), key)
    };
    let (known, unknown) = (own(), own());
    ca.pair("known", &known);
    let tls = format!(
        "{}, client_auth: required, client_ca: {}",
        ca.server("server", &["localhost"]),
        ca.file("known.pem")
    );
    let gateway = in_front_of(&container, &tls);
    let client = ca.client().showing(&known, &[]);
    assert_eq!(client.get(gateway.front, "/").await.unwrap(), 200);
    assert!(requests.recv().await.unwrap().is_ssl);
    let client = ca.client().showing(&unknown, &[]);
    assert!(client.get(gateway.front, "/").await.is_err());
    assert!(ca.client().get(gateway.front, "/").await.is_err());
}

/// The holder of a client's own certificate signs one for another name.
#[tokio::test]
async fn a_certificate_that_may_not_sign_makes_no_other_clients() {
    use rcgen::{CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
    let (ca, (container, _requests)) = (Authority::new(), telling().await);
    for (is_ca, usages) in [
        (IsCa::NoCa, vec![]),
        (IsCa::ExplicitNoCa, vec![]),
        (
            IsCa::Ca(rcgen::BasicConstraints::Unconstrained),
            vec![KeyUsagePurpose::DigitalSignature],
        ),
    ] {
        let mut own = params(&["client"]);
        (own.is_ca, own.key_usages) = (is_ca, usages);
        let own = CertifiedIssuer::self_signed(own, KeyPair::generate().unwrap()).unwrap();
        let other = issue(&own, &params(&["boss"]));
        for more in ["", &ca.issuer.pem()] {
            ca.folder.write("known.pem", &(own.pem() + more));
            let tls = format!(
                "{}, client_auth: required, client_ca: {}",
                ca.server("server", &["localhost"]),
                ca.file("known.pem")
            );
            let gateway = in_front_of(&container, &tls);
            let client = ca.client().showing(&other, &[&own]);
            assert!(client.get(gateway.front, "/").await.is_err());
            let client = ca.client().showing(&other, &[]);
            assert!(client.get(gateway.front, "/").await.is_err());
        }
    }
}

#[tokio::test]
async fn the_container_is_told_what_tls_has_agreed() {
    let (ca, (container, mut requests)) = (Authority::new(), telling().await);
    let middle = issuer("Middle", Some(&ca.issuer));
    let shown = issue(&middle, &params(&["client"]));
    let tls = format!(
        "{}, client_auth: optional, client_ca: {}",
        ca.server("server", &["localhost"]),
        ca.file("ca.pem")
    );
    let gateway = in_front_of(&container, &tls);
    let with = ca.client().showing(&shown, &[&middle]);
    for (client, version, protocol, is_shown) in [
        (ca.client(), &TLS12, "TLSv1.2", false),
        (ca.client(), &TLS13, "TLSv1.3", false),
        (with.clone(), &TLS12, "TLSv1.2", true),
        (with, &TLS13, "TLSv1.3", true),
    ] {
        let client = client.version(version).resuming();
        // Full, then resumed.
        for _ in 0..2 {
            assert_eq!(client.get(gateway.front, "/").await.unwrap(), 200);
            let request = requests.recv().await.unwrap();
            assert!(request.is_ssl);
            assert_eq!(request.server_port, 443);
            assert_eq!(
                named(&request, "AJP_SSL_PROTOCOL").as_deref(),
                Some(protocol)
            );
            let cipher =
                String::from_utf8(request.text(Attribute::SslCipher).unwrap().to_vec()).unwrap();
            let suites = match protocol {
                "TLSv1.2" => [
                    "ECDHE-ECDSA-AES256-GCM-SHA384",
                    "ECDHE-ECDSA-AES128-GCM-SHA256",
                ],
                _ => ["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"],
            };
            assert!(suites.contains(&&*cipher), "{cipher}");
            let bits = if cipher.contains("256_GCM") || cipher.contains("AES256") {
                256
            } else {
                128
            };
            assert_eq!(key_size(&request), Some(bits));
            let chain = request.text(Attribute::SslCert).map(certificates);
            let expected = is_shown.then(|| vec![shown.0.der().clone(), middle.der().clone()]);
            assert_eq!(chain, expected);
        }
    }
}

#[tokio::test]
async fn plain_requests_have_no_attributes_of_tls() {
    let (container, mut requests) = telling().await;
    let gateway = Running::before(&[&container], "", "");
    assert_eq!(gateway.get("/", "SSL_CIPHER: x\r\n").await.status, 200);
    let request = requests.recv().await.unwrap();
    assert!(!request.is_ssl);
    assert_eq!(request.text(Attribute::SslCipher), None);
    assert_eq!(named(&request, "AJP_SSL_PROTOCOL"), None);
}

#[tokio::test]
async fn only_clients_of_the_authority_are_let_in() {
    let (ca, other) = (Authority::new(), Authority::new());
    let (container, _requests) = telling().await;
    let server = ca.server("server", &["localhost"]);
    let known = issue(&ca.issuer, &params(&["client"]));
    let stranger = issue(&other.issuer, &params(&["client"]));
    let mut expired = params(&["client"]);
    expired.not_after = rcgen::date_time_ymd(2001, 1, 1);
    let expired = issue(&ca.issuer, &expired);
    for (auth, without) in [("optional", true), ("required", false)] {
        let tls = format!(
            "{server}, client_auth: {auth}, client_ca: {}",
            ca.file("ca.pem")
        );
        let gateway = in_front_of(&container, &tls);
        for version in [&TLS12, &TLS13] {
            let client = ca.client().version(version);
            for (client, is_let_in) in [
                (client.clone(), without),
                (client.clone().showing(&known, &[]), true),
                (client.clone().showing(&stranger, &[]), false),
                (client.showing(&expired, &[]), false),
            ] {
                let answer = client.get(gateway.front, "/").await;
                assert_eq!(
                    answer.as_ref().ok(),
                    is_let_in.then_some(&200),
                    "{auth} {answer:?}"
                );
                // The alert arrives, not a reset.
                let reset =
                    |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
                assert!(!answer.as_ref().is_err_and(reset), "{auth} {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn revoked_clients_and_those_without_a_current_list_are_refused() {
    let ca = Authority::new();
    let (container, _requests) = telling().await;
    let middle = issuer("Middle", Some(&ca.issuer));
    let numbered = |serial: u64| {
        let mut params = params(&["client"]);
        params.serial_number = Some(serial.into());
        params
    };
    let good = issue(&ca.issuer, &numbered(1));
    let revoked = issue(&ca.issuer, &numbered(2));
    let below = issue(&middle, &numbered(3));
    let list = revocation_list;
    for (lists, let_in) in [
        (list(&ca.issuer, 2100, &[2]), [true, false, false]),
        (
            list(&ca.issuer, 2100, &[2]) + &list(&middle, 2100, &[]),
            [true, false, true],
        ),
        (
            list(&ca.issuer, 2002, &[2]) + &list(&middle, 2100, &[]),
            [false, false, false],
        ),
        (list(&middle, 2100, &[]), [false, false, false]),
    ] {
        ca.folder.write("clients.crl", &lists);
        let tls = format!(
            "{}, client_auth: required, client_ca: {}, client_crl: {}",
            ca.server("server", &["localhost"]),
            ca.file("ca.pem"),
            ca.file("clients.crl"),
        );
        let gateway = in_front_of(&container, &tls);
        let clients = [(&good, vec![]), (&revoked, vec![]), (&below, vec![&middle])];
        for ((shown, issuers), is_let_in) in clients.into_iter().zip(let_in) {
            let client = ca.client().showing(shown, &issuers);
            let answer = client.get(gateway.front, "/").await;
            assert_eq!(
                answer.as_ref().ok(),
                is_let_in.then_some(&200),
                "{answer:?} {lists}"
            );
        }
    }
}

/// A packet has room for 8 KiB: forwarding fields are left out first, then the issuers, then the client's certificate. Where there
/// is room for the forwarding fields without the certificates they come back.
#[tokio::test]
async fn a_chain_that_does_not_fit_is_cut_to_the_leaf_and_then_left_out() {
    let (ca, (container, mut requests)) = (Authority::new(), telling().await);
    let middle = issuer("Middle", Some(&ca.issuer));
    let shown = issue(&middle, &params(&["client"]));
    let tls = format!(
        "{}, client_auth: required, client_ca: {}",
        ca.server("server", &["localhost"]),
        ca.file("ca.pem")
    );
    let gateway = in_front_of(&container, &tls);
    let client = ca.client().showing(&shown, &[&middle]);
    let mut client = client.connect(gateway.front).await;
    let mut seen = Vec::new();
    for padding in (5500..7900).step_by(25) {
        let answer = client
            .get("/", &format!("X-Padding: {}\r\n", "x".repeat(padding)))
            .await;
        assert_eq!(answer.status, 200);
        let request = requests.recv().await.unwrap();
        let chain = request.text(Attribute::SslCert).map(certificates);
        let count = chain.map_or(0, |chain| {
            assert_eq!(chain[0], *shown.0.der());
            chain.len()
        });
        assert!(request.text(Attribute::SslCipher).is_some());
        let forwarded = fields(&request, "x-forwarded-for").len();
        if seen.last() != Some(&(count, forwarded)) {
            seen.push((count, forwarded));
        }
    }
    assert_eq!(seen, [(2, 1), (2, 0), (1, 1), (1, 0), (0, 1), (0, 0)]);
}

/// A client certificate of this number.
fn numbered(ca: &Authority, serial: u64) -> TlsClient {
    let mut numbered = params(&["client"]);
    numbered.serial_number = Some(serial.into());
    ca.client().showing(&issue(&ca.issuer, &numbered), &[])
}

/// A gateway whose listener has this `tls`, which can be changed.
struct Changing {
    file: ConfigFile,
    gateway: Running,
    server: String,
    url: String,
}

impl Changing {
    fn start(test: &str, ca: &Authority, container: &Container, tls: &str) -> Self {
        let url = format!("ajp://{}/", container.address);
        let server = ca.server("server", &["localhost"]);
        let file = ConfigFile::new(test, &Self::yaml(&url, &server, tls));
        Self {
            gateway: Running::start_from(&file),
            file,
            server,
            url,
        }
    }

    fn yaml(url: &str, server: &str, tls: &str) -> String {
        format!(
            "listeners: [{{ bind: \"127.0.0.1:0\", tls: {{ {server}, {tls} }} }}]\n\
             proxy_pass: [{{ path: /, to: \"{url}\" }}]\n"
        )
    }

    /// Reads the file again, with this `tls`.
    async fn reload(&self, tls: &str) {
        self.file.write(&Self::yaml(&self.url, &self.server, tls));
        let reloaded = ask(&self.gateway, "POST", "/api/v1/reload", "").await;
        assert_eq!(reloaded.status, 200, "{}", reloaded.text());
    }

    /// A connection that has had a request.
    async fn kept(&self, client: &TlsClient) -> Client<TlsStream<TcpStream>> {
        let mut kept = client.connect(self.gateway.front).await;
        assert_eq!(kept.get("/", "").await.status, 200);
        kept
    }
}

/// A new list or authority closes the kept connections of those who would not be let in now, and no others.
#[tokio::test]
async fn kept_connections_are_closed_whose_clients_would_not_be_let_in_now() {
    let (ca, other) = (Authority::new(), Authority::new());
    let (container, _requests) = telling().await;
    let list = |serials: &[u64]| {
        let list = revocation_list(&ca.issuer, 2100, serials);
        ca.folder.write("clients.crl", &list);
    };
    let (own, others) = (ca.file("ca.pem"), other.file("ca.pem"));
    let crl = ca.file("clients.crl");
    ca.folder
        .write("both.pem", &(ca.issuer.pem() + "\n" + &other.issuer.pem()));
    let both = ca.file("both.pem");
    let tls = |auth: &str, ca: &str| format!("client_auth: {auth}, client_ca: {ca}");
    let optional = tls("optional", &own);
    let listed = format!("{optional}, client_crl: {crl}");
    // `tls` before and behind, the numbers revoked behind, and who goes on: numbers 1 and 2, and one without a certificate.
    for (before, behind, revoked, go_on) in [
        (&listed, &listed, &[][..], [true, true, true]),
        (&listed, &listed, &[2], [true, false, true]),
        (&optional, &listed, &[2], [true, false, true]),
        (&listed, &optional, &[2], [true, true, true]),
        (&optional, &tls("optional", &both), &[], [true, true, true]),
        (
            &optional,
            &tls("optional", &others),
            &[],
            [false, false, true],
        ),
        (&optional, &tls("required", &own), &[], [true, true, false]),
        (
            &optional,
            &"client_auth: none".to_owned(),
            &[],
            [false, false, true],
        ),
        (
            &optional,
            &format!("{optional}, min_version: 1.3"),
            &[],
            [true, true, true],
        ),
    ] {
        list(&[]);
        let changing = Changing::start("kept-clients", &ca, &container, before);
        let clients = [numbered(&ca, 1), numbered(&ca, 2), ca.client()];
        let mut kept = Vec::new();
        for client in &clients {
            kept.push(changing.kept(client).await);
        }
        list(revoked);
        changing.reload(behind).await;
        for (mut client, goes_on) in kept.into_iter().zip(go_on) {
            match goes_on {
                true => assert_eq!(client.get("/", "").await.status, 200, "{behind}"),
                false => assert!(client.is_closed().await, "{behind}"),
            }
        }
    }
}

/// The request under way is the last one, also where another one has come behind it.
#[tokio::test]
async fn the_request_under_way_of_a_client_that_is_revoked_is_its_last() {
    let (ca, gate) = (Authority::new(), Gate::new());
    let container = Container::gated(&gate).await;
    let list = |serials: &[u64]| {
        let list = revocation_list(&ca.issuer, 2100, serials);
        ca.folder.write("clients.crl", &list);
    };
    list(&[]);
    let tls = format!(
        "client_auth: required, client_ca: {}, client_crl: {}",
        ca.file("ca.pem"),
        ca.file("clients.crl")
    );
    let changing = Changing::start("last-request", &ca, &container, &tls);
    let mut client = numbered(&ca, 7).connect(changing.gateway.front).await;
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    client.send(request.repeat(2)).await;
    let gateway = &changing.gateway;
    gateway
        .metric_becomes("ajpgate_requests_in_flight", &[], 1.0)
        .await;
    list(&[7]);
    changing.reload(&tls).await;
    gate.open();
    let answer = client.answer().await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.field("connection"), Some("close"));
    assert!(client.is_closed().await);
    assert_eq!(gateway.metric("ajpgate_requests_total", &[]).await, 1.0);
}
