//! Files of TLS that change while the gateway runs, and certificates that expire meanwhile.

use std::time::{Duration, SystemTime};

use rcgen::date_time_ymd;
use rustls::version::{TLS12, TLS13};

use super::front_tls::before;
use super::support::client::Client;
use super::support::gateway::Running;
use super::support::log::Log;
use super::support::origin::Origin;
use super::support::pause;
use super::support::tls::{Authority, issue, params, revocation_list};

/// Longer than the gateway needs to notice a change: two looks, 5 s apart.
const NOTICED: Duration = Duration::from_secs(30);

/// Waits until a check succeeds.
async fn noticed(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !check().await {
            pause(100).await;
        }
    };
    let done = tokio::time::timeout(NOTICED, waiting).await;
    assert!(done.is_ok(), "{what}: not within {NOTICED:?}");
}

fn in_front_of(origin: &Origin, tls: &str) -> Running {
    before(&format!("http://{}", origin.address), tls, "")
}

/// The serial number of the certificate that a client gets.
async fn certificate(ca: &Authority, gateway: &Running) -> Vec<u8> {
    let client: Client<_> = ca.client().connect(gateway.front).await;
    let (_, connection) = client.stream().get_ref();
    connection.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn changed_files_are_read_without_a_reload_and_bad_ones_change_nothing() {
    let (ca, origin) = (Authority::new(), Origin::hello("a").await);
    let gateway = in_front_of(&origin, &ca.server("server", &["localhost"]));
    let mut open = ca.client().connect(gateway.front).await;
    assert_eq!(open.get("/", "").await.status, 200);
    let resuming = ca.client().resuming();
    assert_eq!(resuming.get(gateway.front, "/").await.unwrap(), 200);
    let first = certificate(&ca, &gateway).await;

    let log = Log::capture();
    ca.folder.write("server.key", "no key");
    noticed("the bad key is named", async || {
        !log.with("server.key").is_empty()
    })
    .await;
    assert_eq!(certificate(&ca, &gateway).await, first);

    let (renewed, key) = ca.issue(&["localhost"]);
    ca.folder.write("server.pem", &renewed.pem());
    ca.folder.write("server.key", &key.serialize_pem());
    noticed("the new certificate is shown", async || {
        certificate(&ca, &gateway).await == renewed.der().to_vec()
    })
    .await;
    // Neither the open connection nor the session of the closed one has noticed.
    assert_eq!(open.get("/", "").await.status, 200);
    assert_eq!(resuming.get(gateway.front, "/").await.unwrap(), 200);
    let resumed = gateway.metric("ajpgate_tls_handshakes_total", &[("result", "resumed")]);
    assert_eq!(resumed.await, 1.0);
}

#[tokio::test]
async fn a_client_that_is_revoked_is_not_let_in_with_its_ticket_either() {
    let (ca, origin) = (Authority::new(), Origin::hello("a").await);
    let mut numbered = params(&["client"]);
    numbered.serial_number = Some(7.into());
    let shown = issue(&ca.issuer, &numbered);
    ca.folder
        .write("clients.crl", &revocation_list(&ca.issuer, 2100, &[]));
    let tls = format!(
        "{}, client_auth: required, client_ca: {}, client_crl: {}",
        ca.server("server", &["localhost"]),
        ca.file("ca.pem"),
        ca.file("clients.crl"),
    );
    let gateway = in_front_of(&origin, &tls);
    let clients = [&TLS12, &TLS13].map(|version| {
        let client = ca.client().version(version);
        client.showing(&shown, &[]).resuming()
    });
    for client in &clients {
        assert_eq!(client.get(gateway.front, "/").await.unwrap(), 200);
    }
    let mut open = clients[0].connect(gateway.front).await;
    assert_eq!(open.get("/", "").await.status, 200);
    ca.folder
        .write("clients.crl", &revocation_list(&ca.issuer, 2100, &[7]));
    for client in &clients {
        noticed("the client is refused", async || {
            client.get(gateway.front, "/").await.is_err()
        })
        .await;
    }
    assert!(open.is_closed().await);
}

#[tokio::test]
async fn an_open_connection_to_the_admin_listener_ends_when_its_client_is_revoked() {
    let ca = Authority::new();
    let list = |serials: &[u64]| {
        let list = revocation_list(&ca.issuer, 2100, serials);
        ca.folder.write("clients.crl", &list);
    };
    list(&[]);
    let gateway = Running::start(&format!(
        "admin: {{ bind: \"127.0.0.1:0\", tls: {{ {}, client_auth: required, client_ca: {}, client_crl: {} }} }}\n\
         proxy_pass: [{{ path: /, to: \"ajp://localhost/\" }}]\n",
        ca.server("server", &["localhost"]),
        ca.file("ca.pem"),
        ca.file("clients.crl"),
    ));
    let mut open = Vec::new();
    for serial in [7_u64, 8] {
        let mut numbered = params(&["client"]);
        numbered.serial_number = Some(serial.into());
        let client = ca.client().showing(&issue(&ca.issuer, &numbered), &[]);
        let mut client = client.connect(gateway.admin).await;
        assert_eq!(client.get("/healthz", "").await.status, 200);
        open.push(client);
    }
    list(&[7]);
    let mut revoked = open.remove(0);
    let closed = tokio::time::timeout(NOTICED, revoked.is_closed()).await;
    assert_eq!(closed, Ok(true));
    assert_eq!(open[0].get("/healthz", "").await.status, 200);
}

/// TLS itself does not look at the certificate of a session that is resumed.
#[tokio::test]
async fn a_certificate_that_expires_lets_nobody_in_with_its_ticket() {
    let (ca, origin) = (Authority::new(), Origin::hello("a").await);
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    let mut brief = params(&["client"]);
    brief.not_after = date_time_ymd(1970, 1, 1) + now + Duration::from_secs(4);
    let shown = issue(&ca.issuer, &brief);
    let tls = format!(
        "{}, client_auth: required, client_ca: {}",
        ca.server("server", &["localhost"]),
        ca.file("ca.pem"),
    );
    let gateway = in_front_of(&origin, &tls);
    let clients = [&TLS12, &TLS13].map(|version| {
        let client = ca.client().version(version);
        client.showing(&shown, &[]).resuming()
    });
    for client in &clients {
        assert_eq!(client.get(gateway.front, "/").await.unwrap(), 200);
        assert_eq!(client.get(gateway.front, "/").await.unwrap(), 200);
    }
    let resumed = [("result", "resumed")];
    assert_eq!(
        gateway
            .metric("ajpgate_tls_handshakes_total", &resumed)
            .await,
        2.0
    );
    for client in &clients {
        noticed("the client is refused", async || {
            client.get(gateway.front, "/").await.is_err()
        })
        .await;
    }
}
