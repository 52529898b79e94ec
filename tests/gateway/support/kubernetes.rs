//! The part of an API server of Kubernetes that lists and watches EndpointSlices, as "Kubernetes API Concepts" describes it.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;

use super::{ReservedPort, pause, until};

const NAMESPACE: &str = "shop";
const SERVICE: &str = "kubernetes.io/service-name";

/// How the server behaves.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Mood {
    /// As it should.
    Fine,
    /// Each question gets this status.
    Status(u16),
    /// Each watch gets this status.
    WatchStatus(u16),
    /// A watch is opened, and nothing of it arrives.
    SilentWatch,
    /// A watch gets no bookmark before it is ended.
    NoBookmark,
    /// It takes questions and says nothing.
    Silent,
    /// A list comes after so many milliseconds.
    Slow(u64),
    /// A list never ends.
    Endless,
}

/// The server. Dropping it ends it and its connections.
pub(crate) struct ApiServer {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    listening: Option<JoinHandle<()>>,
    tls: Option<TlsAcceptor>,
    _port: ReservedPort,
}

struct State {
    inner: Mutex<Inner>,
    /// What is said on open watches.
    said: broadcast::Sender<Said>,
}

struct Inner {
    version: u64,
    /// Versions below have been forgotten.
    oldest: u64,
    slices: BTreeMap<String, Value>,
    /// All changes: the version, and the event.
    changes: Vec<(u64, Value)>,
    token: Option<String>,
    mood: Mood,
    /// Whether it answers with slices of all services.
    ignores_labels: bool,
    /// Slices of a page, whatever is asked for.
    page: usize,
    /// The queries so far: of lists and of watches.
    asked: Vec<HashMap<String, String>>,
}

#[derive(Debug, Clone)]
enum Said {
    Change,
    Bytes(String),
    End,
    Cut,
}

impl ApiServer {
    pub(crate) async fn start() -> Self {
        Self::with(None).await
    }

    /// The same over TLS.
    pub(crate) async fn with(tls: Option<TlsAcceptor>) -> Self {
        let port = ReservedPort::new();
        let state = State {
            inner: Mutex::new(Inner {
                version: 100,
                oldest: 0,
                slices: BTreeMap::new(),
                changes: Vec::new(),
                token: None,
                mood: Mood::Fine,
                ignores_labels: false,
                page: usize::MAX,
                asked: Vec::new(),
            }),
            said: broadcast::channel(256).0,
        };
        let mut this = Self {
            address: port.addr(),
            state: Arc::new(state),
            listening: None,
            tls,
            _port: port,
        };
        this.come_back().await;
        this
    }

    /// Listens again, at the same address.
    pub(crate) async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        let (state, tls) = (Arc::clone(&self.state), self.tls.clone());
        self.listening = Some(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (state, tls) = (Arc::clone(&state), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => serve(stream, &state).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &state).await;
                            }
                        }
                    }
                });
            }
        }));
    }

    /// Ends all connections and takes no more.
    pub(crate) async fn go_away(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.abort();
            let _ = listening.await;
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.state.inner.lock().unwrap()
    }

    /// Writes a slice of the service `tomcats`: `pods` are `name address`, and conditions as `+ready` or `-serving`.
    pub(crate) fn set(&self, name: &str, port: u16, pods: &[&str]) {
        self.set_of("tomcats", name, port, pods);
    }

    pub(crate) fn set_of(&self, service: &str, name: &str, port: u16, pods: &[&str]) {
        let is_six = pods.iter().any(|it| it.contains(':'));
        let endpoints: Vec<Value> = pods.iter().map(|it| endpoint(it)).collect();
        let mut inner = self.inner();
        inner.version += 1;
        let version = inner.version;
        let slice = json!({
            "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1",
            "metadata": {
                "name": name, "namespace": NAMESPACE, "uid": format!("uid of {name}"),
                "resourceVersion": version.to_string(), "generation": 1, "creationTimestamp": "2026-11-30T10:00:00Z",
                "labels": { SERVICE: service, "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io" },
            },
            "addressType": if is_six { "IPv6" } else { "IPv4" },
            "endpoints": if endpoints.is_empty() { Value::Null } else { endpoints.into() },
            "ports": [{ "name": "ajp", "port": port, "protocol": "TCP" }],
        });
        let known = inner.slices.insert(name.to_owned(), slice.clone());
        let kind = if known.is_some() { "MODIFIED" } else { "ADDED" };
        inner
            .changes
            .push((version, json!({ "type": kind, "object": slice })));
        drop(inner);
        let _ = self.state.said.send(Said::Change);
    }

    pub(crate) fn delete(&self, name: &str) {
        let mut inner = self.inner();
        inner.version += 1;
        let version = inner.version;
        let mut slice = inner.slices.remove(name).unwrap();
        slice["metadata"]["resourceVersion"] = version.to_string().into();
        inner
            .changes
            .push((version, json!({ "type": "DELETED", "object": slice })));
        drop(inner);
        let _ = self.state.said.send(Said::Change);
    }

    /// Forgets all changes so far: a watch from before gets 410.
    pub(crate) fn compact(&self) {
        let mut inner = self.inner();
        inner.version += 1;
        inner.oldest = inner.version;
    }

    pub(crate) fn mood(&self, mood: Mood) {
        self.inner().mood = mood;
    }

    /// From now on only this token is taken.
    pub(crate) fn token(&self, token: &str) {
        self.inner().token = Some(token.to_owned());
    }

    pub(crate) fn ignore_labels(&self) {
        self.inner().ignores_labels = true;
    }

    pub(crate) fn page(&self, slices: usize) {
        self.inner().page = slices;
    }

    /// Writes these bytes on all open watches.
    pub(crate) fn say(&self, bytes: &str) {
        let _ = self.state.said.send(Said::Bytes(bytes.to_owned()));
    }

    /// Writes a bookmark on all open watches.
    pub(crate) fn bookmark(&self) {
        let bookmark = bookmark(&self.inner());
        self.say(&bookmark);
    }

    /// Ends all open watches, as the server does when their time is over.
    pub(crate) fn end_watches(&self) {
        let _ = self.state.said.send(Said::End);
    }

    /// Closes the connections of all open watches.
    pub(crate) fn cut_watches(&self) {
        let _ = self.state.said.send(Said::Cut);
    }

    /// The queries of lists, or of watches, so far.
    pub(crate) fn asked(&self, watch: bool) -> Vec<HashMap<String, String>> {
        let inner = self.inner();
        let asked = inner.asked.iter();
        asked
            .filter(|it| it.contains_key("watch") == watch)
            .cloned()
            .collect()
    }

    /// Waits until somebody watches.
    pub(crate) async fn is_watched(&self) {
        until("somebody watches", async || {
            self.state.said.receiver_count() > 0
        })
        .await;
    }

    /// The keys of a source that asks this server, whose kubeconfig has these further lines for its cluster and its user.
    pub(crate) fn kubeconfig(&self, cluster: &str, user: &str) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!(
            "apiVersion: v1
kind: Config
current-context: test
contexts: [{{ name: test, context: {{ cluster: test, user: test, namespace: {NAMESPACE} }} }}]
clusters: [{{ name: test, cluster: {{ server: \"{scheme}://{}\"{cluster} }} }}]
users: [{{ name: test, user: {{ {user} }} }}]
",
            self.address
        )
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        if let Some(listening) = &self.listening {
            listening.abort();
        }
    }
}

fn endpoint(text: &str) -> Value {
    let mut words = text.split(' ');
    let (name, address) = (words.next().unwrap(), words.next().unwrap());
    let mut conditions = serde_json::Map::new();
    for word in words {
        let name = word.trim_start_matches(['+', '-']);
        conditions.insert(name.to_owned(), word.starts_with('+').into());
    }
    json!({
        "addresses": [address], "conditions": conditions, "nodeName": "node",
        "targetRef": { "kind": "Pod", "name": name, "namespace": NAMESPACE, "uid": format!("{name} at {address}") },
    })
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, state: &State) {
    while let Some((query, authorization)) = request(&mut stream).await {
        let mood = {
            let mut inner = state.inner.lock().unwrap();
            inner.asked.push(query.clone());
            inner.mood.clone()
        };
        let is_watch = query.contains_key("watch");
        let expected = state.inner.lock().unwrap().token.clone();
        let refused = match mood {
            _ if expected.is_some_and(|it| authorization != format!("Bearer {it}")) => Some(401),
            Mood::Status(status) => Some(status),
            Mood::WatchStatus(status) if is_watch => Some(status),
            Mood::Silent => std::future::pending().await,
            Mood::Slow(time) if !is_watch => {
                pause(time).await;
                None
            }
            Mood::Endless if !is_watch => {
                endless(&mut stream).await;
                return;
            }
            _ => None,
        };
        let goes_on = match refused {
            Some(code) => {
                let body = status(code, "Scripted", "said\nby the test");
                answer(&mut stream, code, &body).await
            }
            None if is_watch => watch(&mut stream, state, &query).await,
            None => {
                let list = list(&state.inner.lock().unwrap(), &query);
                answer(&mut stream, 200, &list).await
            }
        };
        if goes_on.is_none() {
            return;
        }
    }
}

/// The query of a request for the slices of the namespace, and its field Authorization.
async fn request<S: AsyncRead + Unpin>(
    stream: &mut S,
) -> Option<(HashMap<String, String>, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    assert!(head.starts_with("GET "), "{head}");
    assert_eq!(
        path,
        format!("/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices")
    );
    let query = form_urlencoded::parse(query.as_bytes()).into_owned();
    let field = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        (name.eq_ignore_ascii_case("authorization")).then(|| value.to_owned())
    };
    let authorization = head.lines().find_map(field).unwrap_or_default();
    Some((query.collect(), authorization))
}

fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
}

async fn answer<S: AsyncWrite + Unpin>(stream: &mut S, code: u16, body: &Value) -> Option<()> {
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {code} Scripted\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(body.as_bytes()).await.ok()?;
    stream.flush().await.ok()
}

const STREAM: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

async fn chunk<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &str) -> Option<()> {
    let chunk = format!("{:x}\r\n{bytes}\r\n", bytes.len());
    stream.write_all(chunk.as_bytes()).await.ok()?;
    stream.flush().await.ok()
}

async fn endless<S: AsyncWrite + Unpin>(stream: &mut S) -> Option<()> {
    stream.write_all(STREAM).await.ok()?;
    chunk(stream, "{\"items\":[").await?;
    let blanks = " ".repeat(64 * 1024);
    loop {
        chunk(stream, &blanks).await?;
    }
}

/// The line that says how far a watch has come.
fn bookmark(inner: &Inner) -> String {
    let bookmark = json!({ "type": "BOOKMARK", "object": {
        "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1",
        "metadata": { "resourceVersion": inner.version.to_string(), "creationTimestamp": null },
        "addressType": "", "endpoints": null, "ports": null,
    } });
    format!("{bookmark}\n")
}

/// Whether a slice belongs to the service that the query names.
fn is_selected(slice: &Value, inner: &Inner, query: &HashMap<String, String>) -> bool {
    let service = slice["metadata"]["labels"][SERVICE].as_str().unwrap();
    inner.ignores_labels || query["labelSelector"] == format!("{SERVICE}={service}")
}

/// A page of a list. `continue` is the number of slices before it and the version of the list.
fn list(inner: &Inner, query: &HashMap<String, String>) -> Value {
    let from = query.get("continue").map_or(0, |it| it.parse().unwrap());
    let limit: usize = query
        .get("limit")
        .map_or(usize::MAX, |it| it.parse().unwrap());
    let limit = limit.min(inner.page);
    let slices = inner.slices.values();
    let slices = slices.filter(|it| is_selected(it, inner, query));
    let items: Vec<Value> = slices
        .map(|slice| {
            let mut item = slice.clone();
            let item_keys = item.as_object_mut().unwrap();
            // Items of a list have neither.
            item_keys.remove("kind");
            item_keys.remove("apiVersion");
            item
        })
        .collect();
    let mut metadata = json!({ "resourceVersion": inner.version.to_string() });
    let end = items.len().min(from + limit);
    if end < items.len() {
        metadata["continue"] = end.to_string().into();
        metadata["remainingItemCount"] = (items.len() - end).into();
    }
    json!({
        "kind": "EndpointSliceList", "apiVersion": "discovery.k8s.io/v1", "metadata": metadata, "items": items[from..end],
    })
}

/// Writes changes until the watch ends; `None` when the connection has to end too.
async fn watch<S: AsyncWrite + Unpin>(
    stream: &mut S,
    state: &State,
    query: &HashMap<String, String>,
) -> Option<()> {
    assert_eq!(query["allowWatchBookmarks"], "true");
    let mut seen: u64 = query["resourceVersion"].parse().unwrap();
    let seconds = query["timeoutSeconds"].parse().unwrap();
    let end = Instant::now() + Duration::from_secs(seconds);
    // As the API does where a watch allows bookmarks (`cache_watcher.go`).
    let mut bookmark_at = Some(end - Duration::from_secs(2));
    let mut said = state.said.subscribe();
    stream.write_all(STREAM).await.ok()?;
    stream.flush().await.ok()?;
    if seen < state.inner.lock().unwrap().oldest {
        let gone = status(410, "Expired", &format!("too old resource version: {seen}"));
        let event = json!({ "type": "ERROR", "object": gone });
        chunk(stream, &format!("{event}\n")).await?;
        return stream.write_all(b"0\r\n\r\n").await.ok();
    }
    loop {
        let mood = state.inner.lock().unwrap().mood.clone();
        if mood == Mood::SilentWatch {
            std::future::pending::<()>().await;
        }
        let fresh: Vec<(u64, Value)> = {
            let inner = state.inner.lock().unwrap();
            let changes = inner.changes.iter().filter(|(version, _)| *version > seen);
            let ours = changes.filter(|(_, event)| is_selected(&event["object"], &inner, query));
            ours.cloned().collect()
        };
        for (version, event) in fresh {
            seen = version;
            chunk(stream, &format!("{event}\n")).await?;
        }
        let said = match timeout_at(bookmark_at.unwrap_or(end), said.recv()).await {
            Ok(said) => said.ok()?,
            Err(_) if bookmark_at.take().is_none() => Said::End,
            Err(_) if mood == Mood::NoBookmark => Said::Change,
            Err(_) => Said::Bytes(bookmark(&state.inner.lock().unwrap())),
        };
        match said {
            Said::Change => {}
            Said::Bytes(bytes) => chunk(stream, &bytes).await?,
            Said::End => return stream.write_all(b"0\r\n\r\n").await.ok(),
            Said::Cut => return None,
        }
    }
}
