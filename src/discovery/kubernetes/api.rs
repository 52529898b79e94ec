//! Questions to the API of Kubernetes. Each has a bound on its time and on the bytes of its answer.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ajpgate_config::{KubernetesService, read_file};
use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, USER_AGENT};
use http_body_util::{BodyExt as _, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use kube::client::{Body, ClientBuilder, ConfigExt as _};
use kube::config::{AuthInfo, Cluster, Kubeconfig};
use kube::{Client, Config};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use serde::Deserialize;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tower::{BoxError, ServiceBuilder};

use super::stream::Stream;
use super::trouble::Trouble;
use crate::tls::verifying_with;

/// How long one question may take; for a watch, until its answer begins.
const ANSWER: Duration = Duration::from_secs(15);

/// How long a connection may take to be there.
const CONNECT: Duration = Duration::from_secs(5);

/// Slices of a page.
const PAGE: &str = "100";

/// Most bytes of a page. The engine of Kubernetes holds objects of up to 1.5 MiB; a slice of a service has at most 100
/// endpoints of some hundred bytes.
const LARGEST_PAGE: usize = 16 * 1024 * 1024;

/// Most bytes that are read of an answer that refuses.
const LARGEST_REFUSAL: usize = 64 * 1024;

/// Most bytes of a kubeconfig, and of each file that it names.
const LARGEST_FILE: u64 = 1024 * 1024;

/// After how many seconds the server is to end a watch; then it is asked for anew. The API writes a bookmark 2 s before this
/// end, else every minute (`apiserver/pkg/storage/cacher/cache_watcher.go: nextBookmarkTime()`): too late for a watch that is
/// given up when it says nothing for a minute.
const WATCH: &str = "50";

/// Who asks.
const AGENT: &str = concat!("ajpgate/", env!("CARGO_PKG_VERSION"));

/// The API, asked about the slices of one service by one account.
pub(super) struct Api {
    client: Client,
    /// Path and query of a list of the slices.
    slices: String,
    pub(super) namespace: String,
}

/// A part of a list.
pub(super) struct Page {
    pub(super) slices: Vec<EndpointSlice>,
    /// What the list is as of, for a watch.
    pub(super) version: String,
    /// Where the next page begins, when there is one.
    pub(super) next: Option<String>,
}

/// The same as the API writes it. Kind and version are not looked at.
#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    metadata: ListMeta,
    items: Option<Vec<EndpointSlice>>,
}

impl Api {
    /// Reads the account, or the kubeconfig, as it is now. Nobody is asked yet.
    pub(super) async fn of(service: &KubernetesService) -> Result<Self, Trouble> {
        let kubeconfig = service.kubeconfig.clone();
        let read = spawn_blocking(move || client(kubeconfig.as_deref()));
        let client = match timeout(ANSWER, read).await {
            Ok(read) => read.map_err(|error| Trouble::Account(error.to_string()))??,
            Err(_) => return Err(Trouble::Late(ANSWER)),
        };
        let namespace = service.namespace.clone();
        let namespace = namespace.unwrap_or_else(|| client.default_namespace().trim().to_owned());
        let path = format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices");
        let label = format!("kubernetes.io/service-name={}", service.name);
        Ok(Self {
            slices: format!("{path}?{}", query(&[("labelSelector", &label)])),
            client,
            namespace,
        })
    }

    /// A page of the list: the first one, or the one that begins there.
    pub(super) async fn page(&self, from: Option<&str>) -> Result<Page, Trouble> {
        let mut keys = vec![("limit", PAGE)];
        keys.extend(from.map(|from| ("continue", from)));
        let asked = async {
            let body = self.send(&keys).await?;
            let body = collect(body, LARGEST_PAGE).await?;
            let list: Listed = serde_json::from_slice(&body)?;
            Ok(Page {
                slices: list.items.unwrap_or_default(),
                version: list.metadata.resource_version.unwrap_or_default(),
                next: list.metadata.continue_.filter(|next| !next.is_empty()),
            })
        };
        timeout(ANSWER, asked)
            .await
            .unwrap_or(Err(Trouble::Late(ANSWER)))
    }

    /// The changes behind this version, as they happen.
    pub(super) async fn watch(&self, version: &str) -> Result<Stream, Trouble> {
        let keys = [
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", version),
            ("timeoutSeconds", WATCH),
        ];
        match timeout(ANSWER, self.send(&keys)).await {
            Ok(answer) => Ok(Stream::of(answer?)),
            Err(_) => Err(Trouble::Late(ANSWER)),
        }
    }

    async fn send(&self, keys: &[(&str, &str)]) -> Result<Body, Trouble> {
        let request = Request::get(format!("{}&{}", self.slices, query(keys)))
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, AGENT)
            .body(Body::empty())
            .map_err(|error| Trouble::Account(error.to_string()))?;
        let answer = self.client.send(request).await;
        let (head, body) = answer.map_err(|error| unsent(&error))?.into_parts();
        match head.status.as_u16() {
            200 => Ok(body),
            _ => {
                let said = collect(body, LARGEST_REFUSAL).await.unwrap_or_default();
                Err(Trouble::refused(head.status, &said))
            }
        }
    }
}

fn query(keys: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(keys)
        .finish()
}

async fn collect(body: Body, largest: usize) -> Result<Bytes, Trouble> {
    match Limited::new(body, largest).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Trouble::TooLarge(largest))
        }
        Err(error) => Err(Trouble::Connection(chain(&*error))),
    }
}

/// The client of an account. Blocks: it reads files.
fn client(kubeconfig: Option<&Path>) -> Result<Client, Trouble> {
    let config = match kubeconfig {
        Some(file) => of_file(file)?,
        None => Config::incluster().map_err(|error| {
            Trouble::Account(format!(
                "this is no pod that has an account, and no kubeconfig is given: {error}"
            ))
        })?,
    };
    let config = with_token(config)?;
    built(&config).map_err(|error| Trouble::Account(chain(&error)))
}

/// Whether a kubeconfig, and the files that it names, can be used.
pub(crate) fn look_into(kubeconfig: &Path) -> Result<(), String> {
    let config = of_file(kubeconfig).and_then(with_token);
    let config = config.map_err(|trouble| trouble.to_string())?;
    let usable = config.rustls_client_config();
    usable.map(drop).map_err(|error| chain(&error))
}

/// The account with the token that its file holds now. kube would read it once a minute, and take a line's end for a part of it.
fn with_token(mut config: Config) -> Result<Config, Trouble> {
    let Some(file) = config.auth_info.token_file.take() else {
        return Ok(config);
    };
    if config.auth_info.token.is_none() {
        let token = read(Path::new(&file))?;
        let token = String::from_utf8_lossy(&token).trim().to_owned();
        config.auth_info.token = Some(token.into());
    }
    Ok(config)
}

/// The content of a file of an account.
fn read(file: &Path) -> Result<Vec<u8>, Trouble> {
    read_file(file, LARGEST_FILE)
        .map_err(|error| Trouble::Account(format!("{}: {error}", file.display())))
}

fn of_file(file: &Path) -> Result<Config, Trouble> {
    let named =
        |why: &dyn std::fmt::Display| Trouble::Account(format!("{}: {why}", file.display()));
    // kube reads this file and those in it as they are: a pipe would never end.
    read(file)?;
    let read_config = Kubeconfig::read_from(file).map_err(|error| named(&error))?;
    for file in files(&read_config) {
        read(Path::new(file))?;
    }
    // A proxy that the environment names is not taken, as nowhere else in this program.
    let proxy = proxy(&read_config).map_err(|error| named(&error))?;
    let mut config = Config::try_from(read_config).map_err(|error| named(&error))?;
    config.proxy_url = proxy;
    if config.auth_info.exec.is_some() || config.auth_info.auth_provider.is_some() {
        return Err(named(
            &"`exec` and `auth-provider` start programs, which is not done here: use `token`, `tokenFile` or a client certificate",
        ));
    }
    Ok(config)
}

/// The cluster and the user of the current context. Others may name files of another machine.
fn current(read: &Kubeconfig) -> (Option<&Cluster>, Option<&AuthInfo>) {
    let current = read.current_context.as_ref();
    let context = read.contexts.iter().find(|it| Some(&it.name) == current);
    let Some(context) = context.and_then(|it| it.context.as_ref()) else {
        return (None, None);
    };
    let cluster = read.clusters.iter().find(|it| it.name == context.cluster);
    let mut users = read.auth_infos.iter();
    let user = users.find(|it| Some(&it.name) == context.user.as_ref());
    (
        cluster.and_then(|it| it.cluster.as_ref()),
        user.and_then(|it| it.auth_info.as_ref()),
    )
}

/// The files that the current context needs.
fn files(read: &Kubeconfig) -> impl Iterator<Item = &String> {
    let (cluster, user) = current(read);
    let of_cluster = cluster.map(|it| &it.certificate_authority);
    let of_user = user.map(|it| [&it.client_certificate, &it.client_key, &it.token_file]);
    let of_user = of_user.into_iter().flatten();
    of_cluster.into_iter().chain(of_user).flatten()
}

/// The proxy of the current context's cluster.
fn proxy(read: &Kubeconfig) -> Result<Option<http::Uri>, http::uri::InvalidUri> {
    let (cluster, _) = current(read);
    let proxy = cluster.and_then(|it| it.proxy_url.as_ref());
    proxy
        .filter(|it| !it.is_empty())
        .map(|it| it.parse())
        .transpose()
}

/// kube's own client logs each refusal as an error and asks again by itself, so its parts are put together here.
fn built(config: &Config) -> Result<Client, kube::Error> {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT));
    let connector = tls_connector(config, connector)?;
    let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector);
    let http = ServiceBuilder::new().map_err(BoxError::from).service(http);
    let client = ClientBuilder::new(http, config.default_namespace.as_str());
    let client = client.with_layer(&config.extra_headers_layer()?);
    let base = config.base_uri_layer();
    Ok(match config.auth_layer()? {
        Some(auth) => client.with_layer(&auth).with_layer(&base).build(),
        None => client.with_layer(&base).build(),
    })
}

/// kube's own, which refuses a server whose certificate is its own authority, with a verifier that takes it where the kubeconfig
/// names it.
fn tls_connector(
    config: &Config,
    connector: HttpConnector,
) -> Result<HttpsConnector<HttpConnector>, kube::Error> {
    let named = config.root_cert.as_ref();
    let named = named.filter(|_| config.root_cert_file.is_none() && !config.accept_invalid_certs);
    let Some(named) = named.filter(|_| config.tls_server_name.is_none()) else {
        return config.rustls_https_connector_with_connector(connector);
    };
    let mut tls = config.rustls_client_config()?;
    let named = named.iter().map(|it| CertificateDer::from(it.clone()));
    let verifier = verifying_with(named.collect(), Arc::new(ring::default_provider()));
    if let Ok(verifier) = verifier {
        tls.dangerous().set_certificate_verifier(verifier);
    }
    Ok(HttpsConnector::from((connector, tls)))
}

/// An error of the client, without the words that only wrap it.
fn unsent(error: &kube::Error) -> Trouble {
    Trouble::Connection(match error {
        // hyper's client only says that it has failed; the cause says why.
        kube::Error::Service(inner) => chain(inner.source().unwrap_or(&**inner)),
        other => chain(other),
    })
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = next.source();
    }
    text
}
