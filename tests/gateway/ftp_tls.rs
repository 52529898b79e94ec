//! FTP through implicit TLS (`ftps://`): data connections use TLS too, or nothing is transferred.

use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::gateway::Running;
use crate::support::soon;

/// How the server behaves.
#[derive(Clone, Copy)]
struct Behaviour {
    /// It accepts PROT.
    protects: bool,
    /// It ends the TLS of data connections with a closing alert.
    sends_close: bool,
}

fn acceptor() -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let chain = vec![CertificateDer::from(
        params.self_signed(&key).unwrap().der().to_vec(),
    )];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// A gateway in front of such a server, and the commands that the server receives.
async fn gateway_for(behaviour: Behaviour) -> (Running, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let commands = Arc::new(Mutex::new(Vec::new()));
    let (log, acceptor) = (Arc::clone(&commands), acceptor());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream, acceptor.clone(), behaviour, Arc::clone(&log)));
        }
    });
    let url = format!("ftps://localhost:{port}");
    let gateway = Running::over(&[url], "", "tls: { verify: off }, timeout: 2s");
    (gateway, commands)
}

async fn serve(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    behaviour: Behaviour,
    commands: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    let mut stream = BufReader::new(acceptor.accept(stream).await.ok()?);
    stream.write_all(b"220 ready\r\n").await.ok()?;
    let mut data = None;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        let verb = line.split(' ').next().unwrap_or_default().to_owned();
        commands.lock().unwrap().push(line);
        let reply = match verb.as_str() {
            "USER" => "331 password".to_owned(),
            "PASS" => "230 in".to_owned(),
            "PROT" if !behaviour.protects => "534 no".to_owned(),
            "PBSZ" | "PROT" | "TYPE" => "200 ok".to_owned(),
            "PWD" => "257 \"/\"".to_owned(),
            "CWD" => "250 there".to_owned(),
            "SIZE" => "213 5".to_owned(),
            "EPSV" => {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let port = listener.local_addr().unwrap().port();
                data = Some(listener);
                format!("229 (|||{port}|)")
            }
            "RETR" | "MLSD" => {
                stream.write_all(b"150 here\r\n").await.ok()?;
                let (tcp, _) = soon("data", data.take()?.accept()).await.ok()?;
                let mut data = acceptor.accept(tcp).await.ok()?;
                let bytes: &[u8] = match verb.as_str() {
                    "RETR" => b"hello",
                    _ => b"type=file; a\r\n",
                };
                data.write_all(bytes).await.ok()?;
                data.flush().await.ok()?;
                // Without the alert anybody could have ended the connection.
                if behaviour.sends_close {
                    data.shutdown().await.ok()?;
                }
                drop(data);
                "226 done".to_owned()
            }
            _ => "500 what".to_owned(),
        };
        stream
            .write_all(format!("{reply}\r\n").as_bytes())
            .await
            .ok()?;
        stream.flush().await.ok()?;
    }
}

#[tokio::test]
async fn data_connections_use_tls() {
    let (gateway, commands) = gateway_for(Behaviour {
        protects: true,
        sends_close: true,
    })
    .await;
    for _ in 0..2 {
        assert_eq!(gateway.get("/x", "").await.text(), "hello");
        assert!(gateway.get("/", "").await.text().contains("href=\"a\""));
        gateway.quiet().await;
    }
    let commands = commands.lock().unwrap();
    assert_eq!(
        commands[..5],
        ["USER anonymous", "PASS ajpgate@", "PBSZ 0", "PROT P", "PWD"]
    );
    assert_eq!(
        commands
            .iter()
            .filter(|line| line.starts_with("USER"))
            .count(),
        1
    );
}

#[tokio::test]
async fn a_server_that_refuses_prot_is_asked_for_no_data() {
    let (gateway, commands) = gateway_for(Behaviour {
        protects: false,
        sends_close: true,
    })
    .await;
    assert_eq!(gateway.get("/x", "").await.status, 502);
    assert!(
        !commands
            .lock()
            .unwrap()
            .iter()
            .any(|line| line.starts_with("EPSV"))
    );
}

/// The size proves that a file is complete. Nothing proves it for a listing.
#[tokio::test]
async fn data_without_the_closing_alert_is_complete_only_where_the_size_is_known() {
    let (gateway, _) = gateway_for(Behaviour {
        protects: true,
        sends_close: false,
    })
    .await;
    let file = gateway.get("/x", "").await;
    assert_eq!((file.text(), file.complete), ("hello", true));
    assert_eq!(gateway.get("/", "").await.status, 502);
}
