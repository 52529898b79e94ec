//! `watch: true`: the configuration is read again when its file, or a file that it names, has changed.

use std::path::PathBuf;

use ajp13::request::Attribute;
use ajpgate::{Gateway, Source};
use tokio::sync::watch;

use super::support::client::{self, Client};
use super::support::container::{Container, Wire};
use super::support::gateway::{ConfigFile, Running, load};
use super::support::until;

fn mapped(path: &str) -> String {
    format!("watch: true\nproxy_pass: [{{ path: {path}, to: \"ajp://127.0.0.1/\" }}]\n")
}

/// The file may be written at any moment of the gateway's start.
#[tokio::test]
async fn a_change_while_the_gateway_starts_is_noticed() {
    let file = ConfigFile::new("watch-start", &mapped("/old"));
    let path = file.path.clone();
    let source = Source::new(file.path.clone(), move || load(&path));
    let config = load(&file.path).unwrap();
    file.write(&mapped("/new"));
    let gateway = Gateway::start_from(&config, Some(source)).unwrap();
    let front = gateway.addresses()[0];
    until("the new file is in force", async || {
        client::get(front, "/old", "").await.status == 404
    })
    .await;
    assert!(gateway.shutdown().await);
}

/// A container that tells which secret its last request came with.
async fn telling_secrets() -> (Container, watch::Receiver<Option<String>>) {
    let (told, secrets) = watch::channel(None);
    let container = Container::start(move |_, mut wire: Wire| {
        let told = told.clone();
        async move {
            while let Some(request) = wire.next_request().await {
                let secret = request.text(Attribute::Secret);
                let secret = secret.map(|it| String::from_utf8_lossy(it).into_owned());
                told.send_replace(secret);
                wire.respond(200, &[], b"").await;
            }
        }
    })
    .await;
    (container, secrets)
}

/// Sends requests until one comes with this secret.
async fn secret_becomes(
    gateway: &Running,
    secrets: &watch::Receiver<Option<String>>,
    wanted: &str,
) {
    until("the new secret is sent", async || {
        assert_eq!(gateway.get("/", "").await.status, 200);
        secrets.borrow().as_deref() == Some(wanted)
    })
    .await;
}

fn secret_file(test: &str) -> PathBuf {
    let name = format!("{test}-{}", std::process::id());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, "first\n").unwrap();
    path
}

#[tokio::test]
async fn a_changed_secret_file_is_read_again() {
    let (container, secrets) = telling_secrets().await;
    let secret = secret_file("watched-secret");
    let file = ConfigFile::new(
        "watch-secret",
        &format!(
            "watch: true\nproxy_pass: [{{ path: /, to: \"ajp://{}/\", member: {{ secret_file: \"{}\" }} }}]\n",
            container.address,
            secret.display()
        ),
    );
    let gateway = Running::start_from(&file);
    secret_becomes(&gateway, &secrets, "first").await;
    std::fs::write(&secret, "second\n").unwrap();
    secret_becomes(&gateway, &secrets, "second").await;
    std::fs::remove_file(&secret).unwrap();
}

/// The file says nothing of such a member, and its secret is watched all the same.
#[tokio::test]
async fn a_changed_secret_file_of_a_member_added_by_hand_is_read_again() {
    let (container, secrets) = telling_secrets().await;
    let gone = Container::hello("n1").await;
    let secret = secret_file("watched-added-secret");
    let file = ConfigFile::new(
        "watch-added",
        &format!(
            "watch: true\nbalancers: {{ test: {{ members: [{{ url: \"ajp://{}\" }}] }} }}\n\
             proxy_pass: [{{ path: /, to: \"balancer://test/\" }}]\n",
            gone.address
        ),
    );
    let gateway = Running::start_from(&file);
    drop(gone);
    let keys = format!(
        "{{\"url\": \"ajp://{}\", \"secret_file\": \"{}\"}}",
        container.address,
        secret.display()
    );
    let mut admin = Client::connect(gateway.admin).await;
    admin
        .send(format!(
            "POST /api/v1/balancers/test/members HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{keys}",
            gateway.admin,
            keys.len()
        ))
        .await;
    assert_eq!(admin.answer().await.status, 201);
    secret_becomes(&gateway, &secrets, "first").await;
    std::fs::write(&secret, "second\n").unwrap();
    secret_becomes(&gateway, &secrets, "second").await;
    std::fs::remove_file(&secret).unwrap();
}
