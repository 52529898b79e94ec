//! The pages of a node.
//!
//! | path | answer |
//! |---|---|
//! | `/echo` | the request as the node sees it |
//! | `/bytes?n=N` | N bytes, with their length |
//! | `/upload` | the number of bytes in the request body |
//! | `/events?n=N&ms=M` | N server-sent events, M milliseconds apart |
//! | `/slow?ms=M` | a page after M milliseconds |
//! | `/status?code=N` | that status |
//! | anything else | the session: node, id, number of requests |

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use ajp13::CodecError;
use bytes::Bytes;

use super::engine::Engine;
use super::exchange::Exchange;
use super::request::Request;

/// Limits of the parameters.
const MAX_BYTES: usize = 1 << 30;
const MAX_WAIT: u64 = 60_000;
const MAX_EVENTS: u64 = 10_000;

/// Bytes of `/bytes` that are written at a time.
const PIECE: usize = 64 * 1024;

/// Answers a request with the page of its path.
pub(super) async fn serve(
    exchange: &mut Exchange<'_>,
    request: &Request,
    engine: &Engine,
) -> Result<(), CodecError> {
    let number = |name: &str, default: u64| {
        let value = request.parameter(name);
        value
            .and_then(|value| value.parse().ok())
            .unwrap_or(default)
    };
    let node = engine.route.as_str();
    match request.path() {
        "/echo" => {
            let kind = "text/plain; charset=utf-8";
            page(exchange, node, 200, kind, echo(request)).await
        }
        "/bytes" => {
            let count = usize::try_from(number("n", 1024)).unwrap_or(MAX_BYTES);
            bytes(exchange, node, count.min(MAX_BYTES)).await
        }
        "/upload" => {
            let mut count = 0;
            while let Some(data) = exchange.read().await? {
                count += data.len();
            }
            plain(exchange, node, 200, format!("{count} bytes\n")).await
        }
        "/events" => {
            let (count, pause) = (number("n", 10), number("ms", 1000));
            events(exchange, node, count.min(MAX_EVENTS), pause.min(MAX_WAIT)).await
        }
        "/slow" => {
            let pause = number("ms", 1000).min(MAX_WAIT);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            plain(exchange, node, 200, format!("after {pause} ms\n")).await
        }
        "/status" => {
            let code = u16::try_from(number("code", 200)).unwrap_or(200);
            plain(exchange, node, code, format!("{code}\n")).await
        }
        _ => session(exchange, request, engine).await,
    }
}

async fn plain(
    exchange: &mut Exchange<'_>,
    node: &str,
    status: u16,
    text: String,
) -> Result<(), CodecError> {
    page(exchange, node, status, "text/plain", text).await
}

async fn page(
    exchange: &mut Exchange<'_>,
    node: &str,
    status: u16,
    content_type: &str,
    text: String,
) -> Result<(), CodecError> {
    let length = text.len().to_string();
    exchange.head(
        status,
        &[
            ("X-Node", node),
            ("Content-Type", content_type),
            ("Content-Length", &length),
        ],
    )?;
    exchange.write(text.into()).await
}

async fn bytes(exchange: &mut Exchange<'_>, node: &str, count: usize) -> Result<(), CodecError> {
    let piece = Bytes::from(b"abcdefghijklmnopqrstuvwxyz".repeat(PIECE / 26 + 1));
    exchange.head(
        200,
        &[
            ("X-Node", node),
            ("Content-Type", "application/octet-stream"),
            ("Content-Length", &count.to_string()),
        ],
    )?;
    let mut at = 0;
    while at < count {
        let start = at % 26;
        let length = (count - at).min(PIECE - start);
        exchange.write(piece.slice(start..start + length)).await?;
        at += length;
    }
    Ok(())
}

async fn events(
    exchange: &mut Exchange<'_>,
    node: &str,
    count: u64,
    pause: u64,
) -> Result<(), CodecError> {
    exchange.head(
        200,
        &[("X-Node", node), ("Content-Type", "text/event-stream")],
    )?;
    for number in 1..=count {
        exchange
            .write(format!("data: {number} from {node}\n\n").into())
            .await?;
        exchange.flush().await?;
        if number < count {
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }
    Ok(())
}

fn echo(request: &Request) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = writeln!(text, "{} {}", request.method, request.uri);
    let _ = writeln!(text, "query: {}", request.query);
    let _ = writeln!(text, "remote address: {}", request.remote_addr);
    for (name, value) in &request.headers {
        let _ = writeln!(text, "header {name}: {value}");
    }
    for (name, value) in &request.attributes {
        let _ = writeln!(text, "attribute {name}: {value}");
    }
    text
}

async fn session(
    exchange: &mut Exchange<'_>,
    request: &Request,
    engine: &Engine,
) -> Result<(), CodecError> {
    let visit = engine
        .sessions
        .visit(request.session_id(), Instant::now())?;
    let wants_html = request
        .header("accept")
        .is_some_and(|accept| accept.contains("text/html"));
    let (node, times) = (
        &engine.route,
        if visit.hits == 1 { "time" } else { "times" },
    );
    let (content_type, text) = if wants_html {
        (
            "text/html; charset=utf-8",
            html(node, &visit.id, visit.hits, times),
        )
    } else {
        let text = format!(
            "{node}: session {} was here {} {times}\n",
            visit.id, visit.hits
        );
        ("text/plain; charset=utf-8", text)
    };
    let (cookie, length) = (
        format!("JSESSIONID={}; Path=/; HttpOnly", visit.id),
        text.len().to_string(),
    );
    let mut fields = vec![("X-Node", node.as_str())];
    if visit.is_new {
        fields.push(("Set-Cookie", &cookie));
    }
    fields.extend([
        ("Cache-Control", "no-store"),
        ("Content-Type", content_type),
        ("Content-Length", &length),
    ]);
    exchange.head(200, &fields)?;
    exchange.write(text.into()).await
}

/// The page of a session. Its id comes from [`Sessions`](super::sessions::Sessions) and the route from the command
/// line; nothing of the request is shown.
fn html(node: &str, id: &str, hits: u64, times: &str) -> String {
    let node = escape(node);
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{node}</title><style>body{{font:1.1rem/1.6 system-ui;max-width:40rem;margin:3rem auto;\
         padding:0 1rem}}code{{word-break:break-all}}</style><h1>{node}</h1>\
         <p>Your session <code>{}</code> was here {hits} {times}.</p>\
         <p>Reload this page: the gateway finds <b>{node}</b> at the end of the session id and sends the request here again.</p>\n",
        escape(id)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
