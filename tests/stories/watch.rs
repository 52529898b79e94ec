//! `watch: true`: a file that changes is read again, whenever it changes.

use std::path::{Path, PathBuf};

use ajpgate::{Gateway, Source};
use ajpgate_config::Config;

use super::support::{client, until};

const HEAD: &str = "listeners: [{ bind: \"127.0.0.1:0\" }]\n\
    admin: { bind: \"127.0.0.1:0\" }\n\
    access_log: { format: off }\n\
    watch: true\n";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.yaml", std::process::id()))
}

fn write(path: &Path, mapped: &str) {
    let text = format!("{HEAD}proxy_pass: [{{ path: {mapped}, to: \"ajp://127.0.0.1/\" }}]\n");
    std::fs::write(path, text).unwrap();
}

fn load(path: &Path) -> Result<Config, Vec<String>> {
    let loaded = ajpgate_config::load(path, &|_| None);
    let loaded = loaded.map_err(|problems| problems.headlines().collect::<Vec<_>>())?;
    Ok(loaded.config)
}

/// Whoever writes a file does not know how far the gateway's start is.
#[tokio::test]
async fn what_changes_while_the_gateway_starts_is_noticed() {
    let path = file("watch");
    write(&path, "/old");
    let again = path.clone();
    let source = Source::new(path.clone(), move || load(&again));
    let config = load(&path).unwrap();
    write(&path, "/new");
    let gateway = Gateway::start_from(&config, Some(source)).unwrap();
    let front = gateway.addresses()[0];
    until("the new file is in force", async || {
        client::get(front, "/old", "").await.status == 404
    })
    .await;
    assert!(gateway.shutdown().await);
    std::fs::remove_file(&path).unwrap();
}
