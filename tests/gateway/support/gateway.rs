//! A gateway inside the test process, on free ports.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ajpgate::{Gateway, Source};
use ajpgate_config::Config;

use super::client::{self, Client};
use super::container::Container;
use super::origin::Origin;
use super::until;

/// A running gateway, with its addresses and metrics.
pub(crate) struct Running {
    gateway: Gateway,
    pub(crate) front: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Running {
    /// Starts a gateway with this configuration; `listeners`, `admin` and a disabled access log are added where it has none.
    pub(crate) fn start(yaml: &str) -> Self {
        let text = with_defaults(yaml);
        let loaded = match ajpgate_config::parse(&text, Path::new("test.yaml"), &|_| None) {
            Ok(loaded) => loaded,
            Err(problems) => panic!("{problems}\n{text}"),
        };
        Self::of(Gateway::start(&loaded.config).unwrap())
    }

    /// Starts a gateway with this configuration file, which can be changed and reloaded.
    pub(crate) fn start_from(file: &ConfigFile) -> Self {
        let path = file.path.clone();
        let source = Source::new(file.path.clone(), move || load(&path));
        let config = load(&file.path).unwrap();
        Self::of(Gateway::start_from(&config, Some(source)).unwrap())
    }

    fn of(gateway: Gateway) -> Self {
        let front = gateway.addresses()[0];
        let admin = gateway.admin_address().unwrap();
        Self {
            gateway,
            front,
            admin,
        }
    }

    /// Starts a gateway with a balancer `test` of these containers, with routes `n1`, `n2` … and these keys, mapped to `/`.
    pub(crate) fn before(containers: &[&Container], balancer: &str, member: &str) -> Self {
        let urls = containers
            .iter()
            .map(|container| format!("ajp://{}", container.address));
        Self::over(&urls.collect::<Vec<_>>(), balancer, member)
    }

    /// The same with these HTTP servers.
    pub(crate) fn before_http(origins: &[&Origin], balancer: &str, member: &str) -> Self {
        let urls = origins
            .iter()
            .map(|origin| format!("http://{}", origin.address));
        Self::over(&urls.collect::<Vec<_>>(), balancer, member)
    }

    /// The same with members at these URLs.
    pub(crate) fn over(urls: &[String], balancer: &str, member: &str) -> Self {
        let mut yaml = "balancers:\n  test:\n".to_owned();
        for line in balancer.lines() {
            yaml += &format!("    {}\n", line.trim());
        }
        yaml += "    members:\n";
        for (index, url) in urls.iter().enumerate() {
            let separator = if member.is_empty() { "" } else { ", " };
            yaml += &format!(
                "      - {{ url: \"{url}\", route: n{}{separator}{member} }}\n",
                index + 1
            );
        }
        yaml += "proxy_pass: [{ path: /, to: \"balancer://test/\" }]\n";
        Self::start(&yaml)
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.front).await
    }

    /// Sends a GET on a connection of its own.
    pub(crate) async fn get(&self, target: &str, fields: &str) -> client::Answer {
        client::get(self.front, target, fields).await
    }

    /// The sum of the series with this name and these labels; zero without such series.
    pub(crate) async fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let text = client::get(self.admin, "/metrics", "").await;
        let wanted: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{value}\""))
            .collect();
        text.text()
            .lines()
            .filter_map(|line| line.rsplit_once(' '))
            .filter(|(series, _)| {
                let (found, labels) = series.split_once('{').unwrap_or((series, ""));
                found == name && wanted.iter().all(|label| labels.contains(label))
            })
            .map(|(_, value)| value.parse::<f64>().unwrap())
            .sum()
    }

    /// Waits until a metric has a value.
    pub(crate) async fn metric_becomes(&self, name: &str, labels: &[(&str, &str)], value: f64) {
        let what = format!("{name} {labels:?} becomes {value}");
        until(&what, async || self.metric(name, labels).await == value).await;
    }

    /// Waits until no request is under way, no member is busy and no connection is leased.
    pub(crate) async fn quiet(&self) {
        self.metric_becomes("ajpgate_member_busy", &[], 0.0).await;
        self.metric_becomes("ajpgate_pool_connections", &[("state", "busy")], 0.0)
            .await;
        self.metric_becomes("ajpgate_requests_in_flight", &[], 0.0)
            .await;
    }

    /// The address where it receives heartbeats.
    pub(crate) fn heartbeats(&self) -> SocketAddr {
        self.gateway.heartbeat_addresses()[0]
    }

    pub(crate) async fn shutdown(self) -> bool {
        self.gateway.shutdown().await
    }
}

/// Adds `listeners`, `admin` and a disabled access log to a configuration where it has none.
fn with_defaults(yaml: &str) -> String {
    let mut text = yaml.to_owned();
    for (key, default) in [
        ("listeners:", "listeners: [{ bind: \"127.0.0.1:0\" }]\n"),
        ("admin:", "admin: { bind: \"127.0.0.1:0\" }\n"),
        ("access_log:", "access_log: { format: off }\n"),
    ] {
        if !yaml.lines().any(|line| line.starts_with(key)) {
            text.push_str(default);
        }
    }
    text
}

/// Sends a request to the admin listener.
pub(crate) async fn ask(gateway: &Running, method: &str, path: &str, body: &str) -> client::Answer {
    let mut client = Client::connect(gateway.admin).await;
    let length = body.len();
    let admin = gateway.admin;
    client
        .send(format!(
            "{method} {path} HTTP/1.1\r\nHost: {admin}\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
        .await;
    client.answer().await
}

/// Reads a configuration file; or the lines `file:line:column: what is wrong`.
pub(crate) fn load(path: &Path) -> Result<Config, Vec<String>> {
    let loaded = ajpgate_config::load(path, &|_| None);
    let loaded = loaded.map_err(|problems| problems.headlines().collect::<Vec<_>>())?;
    Ok(loaded.config)
}

/// A configuration file in a folder of its own. Dropping it removes both.
pub(crate) struct ConfigFile {
    folder: PathBuf,
    pub(crate) path: PathBuf,
}

impl ConfigFile {
    /// Writes a configuration with the defaults of [`Running::start`] into a folder named `test`, one for each test.
    pub(crate) fn new(test: &str, yaml: &str) -> Self {
        let folder = format!("{test}-{}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let file = Self {
            path: folder.join("ajpgate.yaml"),
            folder,
        };
        file.write(yaml);
        file
    }

    /// Replaces the configuration.
    pub(crate) fn write(&self, yaml: &str) {
        std::fs::write(&self.path, with_defaults(yaml)).unwrap();
    }
}

impl Drop for ConfigFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
