//! `ajpgate ping`: sends CPING and measures the time to CPONG, like ping(8).

use std::borrow::Cow;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ajp13::codec::GatewayCodec;
use ajp13::encode::{RequestEncoder, RequestLine};
use ajp13::request::Attribute;
use ajp13::{FromContainer, PacketSize, ToContainer};
use anyhow::{Context as _, bail};
use futures_util::{SinkExt, StreamExt as _};
use tokio::net::TcpStream;
use tokio_util::codec::Framed;

use super::process::{BAD_USAGE, FAILED, block_on, complain, print};
use super::signals::Signals;
use crate::backend::connect;

/// Time limit for connecting, and for each answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Time between two pings.
const INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The connector
    #[arg(value_name = "ajp://HOST:PORT")]
    url: String,
    /// Also send a request with this secret, because CPING needs none
    #[arg(long, value_name = "S", env = "AJP_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// Number of pings
    #[arg(short, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    n: u32,
}

/// Pings a connector; fails when no ping is answered, or the secret is refused.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Some((host, port)) = parse(&arguments.url) else {
        complain(format_args!(
            "ajpgate: expected ajp://HOST:PORT, got {:?}",
            arguments.url
        ));
        return Ok(ExitCode::from(BAD_USAGE));
    };
    block_on(async {
        let mut signals = Signals::new()?;
        let at = format!("{}:{port}", in_url(&host));
        print(&format!("CPING {host} port {port}\n"))?;
        let mut pings = Pings::default();
        let is_interrupted = tokio::select! {
            done = pings.send(arguments.n, &host, port, &at) => done.map(|()| false)?,
            () = signals.stop() => true,
        };
        print(&summary(pings.sent, &pings.times))?;
        if pings.times.is_empty() {
            return Ok(ExitCode::from(FAILED));
        }
        match &arguments.secret {
            Some(secret) if !is_interrupted => try_secret(&host, port, secret).await,
            _ => Ok(ExitCode::SUCCESS),
        }
    })?
}

/// The pings so far.
#[derive(Default)]
struct Pings {
    sent: u32,
    /// Of those that were answered.
    times: Vec<Duration>,
}

impl Pings {
    /// Sends so many pings, and prints what becomes of each. `at` names the connector.
    async fn send(&mut self, count: u32, host: &str, port: u16, at: &str) -> anyhow::Result<()> {
        for number in 1..=count {
            if number > 1 {
                tokio::time::sleep(INTERVAL).await;
            }
            self.sent = number;
            let line = match ping(host, port).await {
                Ok(time) => {
                    self.times.push(time);
                    format!("CPONG from {at}: seq={number} time={}\n", show(time))
                }
                Err(error) => format!("no CPONG from {at}: seq={number} {error:#}\n"),
            };
            print(&line)?;
        }
        Ok(())
    }
}

/// A host as it stands in a URL: an IPv6 address in brackets (RFC 3986 section 3.2).
fn in_url(host: &str) -> Cow<'_, str> {
    match host.contains(':') {
        true => format!("[{host}]").into(),
        false => host.into(),
    }
}

/// Host and port of a URL; the default port is 8009.
fn parse(url: &str) -> Option<(String, u16)> {
    let rest = url
        .strip_prefix("ajp://")
        .unwrap_or(url)
        .trim_end_matches('/');
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (
                host,
                rest.strip_prefix(':')
                    .or_else(|| rest.is_empty().then_some("8009"))?,
            )
        }
        None => rest.rsplit_once(':').unwrap_or((rest, "8009")),
    };
    (!host.is_empty() && !host.contains('/')).then_some(())?;
    Some((
        host.to_owned(),
        port.parse().ok().filter(|port| *port != 0)?,
    ))
}

async fn ping(host: &str, port: u16) -> anyhow::Result<Duration> {
    let mut wire = Wire::connect(host, port).await?;
    let started = Instant::now();
    wire.framed.start_send_unpin(ToContainer::CPing)?;
    wire.flush().await?;
    match wire.receive().await? {
        FromContainer::CPong => Ok(started.elapsed()),
        other => bail!("answered {other:?}"),
    }
}

/// Sends a request with the secret and prints whether the connector accepts it.
async fn try_secret(host: &str, port: u16, secret: &str) -> anyhow::Result<ExitCode> {
    let mut wire = Wire::connect(host, port).await?;
    let line = RequestLine {
        method: b"OPTIONS",
        protocol: b"HTTP/1.1",
        uri: b"/",
        remote_addr: b"127.0.0.1",
        remote_host: None,
        server_name: b"localhost",
        server_port: 80,
        is_ssl: false,
    };
    let mut out = Vec::new();
    let mut head = RequestEncoder::begin(&mut out, PacketSize::DEFAULT, &line)?;
    head.header(b"host", b"localhost")?;
    head.header(b"content-length", b"0")?;
    head.attribute(Attribute::Secret, secret.as_bytes())?;
    head.finish()?;
    wire.framed.write_buffer_mut().extend_from_slice(&out);
    wire.flush().await?;
    let mut status = 0;
    loop {
        match wire.receive().await.context("request with the secret")? {
            FromContainer::SendHeaders(head) => status = head.status,
            // A connector that refuses the secret answers 403 and does not allow reuse.
            FromContainer::EndResponse { reuse: false } if status == 403 => {
                print("secret refused: 403 and no reuse\n")?;
                return Ok(ExitCode::from(FAILED));
            }
            FromContainer::EndResponse { .. } => {
                print(&format!("secret accepted: status {status}\n"))?;
                return Ok(ExitCode::SUCCESS);
            }
            _ => {}
        }
    }
}

fn summary(sent: u32, times: &[Duration]) -> String {
    let mut text = format!("--- {sent} sent, {} answered", times.len());
    if let (Some(min), Some(max)) = (times.iter().min(), times.iter().max()) {
        let count = u32::try_from(times.len()).unwrap_or(1);
        let mean = times.iter().sum::<Duration>() / count;
        text.push_str(&format!(
            "; min/avg/max = {}/{}/{}",
            show(*min),
            show(mean),
            show(*max)
        ));
    }
    text.push('\n');
    text
}

fn show(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1000.0)
}

/// A connection whose every read and write has [`TIMEOUT`].
struct Wire {
    framed: Framed<TcpStream, GatewayCodec>,
}

impl Wire {
    async fn connect(host: &str, port: u16) -> anyhow::Result<Self> {
        let stream = connect(host, port, TIMEOUT).await?;
        Ok(Self {
            framed: Framed::new(stream, GatewayCodec::new(PacketSize::DEFAULT)),
        })
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        let flush = SinkExt::<ToContainer>::flush(&mut self.framed);
        Ok(tokio::time::timeout(TIMEOUT, flush).await??)
    }

    async fn receive(&mut self) -> anyhow::Result<FromContainer> {
        let message = tokio::time::timeout(TIMEOUT, self.framed.next())
            .await
            .context("no answer in time")?;
        message.context("connection closed")?.map_err(Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn urls_name_host_and_port() {
        for (url, expected) in [
            ("ajp://127.0.0.1:8009", Some(("127.0.0.1", 8009))),
            ("ajp://tomcat", Some(("tomcat", 8009))),
            ("tomcat:9000", Some(("tomcat", 9000))),
            ("ajp://[::1]:8010/", Some(("::1", 8010))),
            ("ajp://[::1]", Some(("::1", 8009))),
            ("http://x:80", None),
            ("ajp://:8009", None),
            ("ajp://x:0", None),
            ("ajp://x:99999", None),
            ("ajp://x/y", None),
        ] {
            let expected = expected.map(|(host, port)| (host.to_owned(), port));
            assert_eq!(parse(url), expected, "{url}");
        }
    }
}
