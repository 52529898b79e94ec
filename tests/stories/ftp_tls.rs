//! FTP through implicit TLS: data is protected too, or not sent at all.

use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::gateway::Running;
use crate::support::soon;

/// What a server does with PROT, and with the end of its data.
#[derive(Clone, Copy)]
struct Manners {
    protects: bool,
    closes: bool,
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

/// A gateway before such a server, and the commands that the server gets.
async fn before(manners: Manners) -> (Running, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (log, acceptor) = (Arc::clone(&heard), acceptor());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(talk(stream, acceptor.clone(), manners, Arc::clone(&log)));
        }
    });
    let url = format!("ftps://localhost:{port}");
    let gateway = Running::over(&[url], "", "tls: { verify: off }, timeout: 2s");
    (gateway, heard)
}

async fn talk(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    manners: Manners,
    heard: Arc<Mutex<Vec<String>>>,
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
        heard.lock().unwrap().push(line);
        let reply = match verb.as_str() {
            "USER" => "331 password".to_owned(),
            "PASS" => "230 in".to_owned(),
            "PROT" if !manners.protects => "534 no".to_owned(),
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
                // Without it an end may be anybody's doing.
                if manners.closes {
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
async fn data_is_protected() {
    let (gateway, heard) = before(Manners {
        protects: true,
        closes: true,
    })
    .await;
    for _ in 0..2 {
        assert_eq!(gateway.get("/x", "").await.text(), "hello");
        assert!(gateway.get("/", "").await.text().contains("href=\"a\""));
        gateway.quiet().await;
    }
    let heard = heard.lock().unwrap();
    assert_eq!(
        heard[..5],
        ["USER anonymous", "PASS ajpgate@", "PBSZ 0", "PROT P", "PWD"]
    );
    assert_eq!(
        heard.iter().filter(|line| line.starts_with("USER")).count(),
        1
    );
}

#[tokio::test]
async fn a_server_that_does_not_protect_data_is_asked_for_none() {
    let (gateway, heard) = before(Manners {
        protects: false,
        closes: true,
    })
    .await;
    assert_eq!(gateway.get("/x", "").await.status, 502);
    assert!(
        !heard
            .lock()
            .unwrap()
            .iter()
            .any(|line| line.starts_with("EPSV"))
    );
}

/// Where the size proves that all is there it is; a listing without its end may be a part of one.
#[tokio::test]
async fn an_end_without_tls_closing_is_one_only_where_the_size_is_known() {
    let (gateway, _) = before(Manners {
        protects: true,
        closes: false,
    })
    .await;
    let file = gateway.get("/x", "").await;
    assert_eq!((file.text(), file.complete), ("hello", true));
    assert_eq!(gateway.get("/", "").await.status, 502);
}
