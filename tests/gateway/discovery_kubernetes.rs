//! Members from Kubernetes, with an API server that the test scripts.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::support::client;
use crate::support::discovery::{Discovering, containers, host, text, tomcat};
use crate::support::kubernetes::{ApiServer, Mood};
use crate::support::log::Log;
use crate::support::scratch::Scratch;
use crate::support::tls::Authority;
use crate::support::{ReservedPort, until};

/// A gateway whose balancer `test` has the pods of the service `tomcats`, and the API server that it asks.
struct Setup {
    on: Discovering,
    api: ApiServer,
    folder: Scratch,
}

impl Setup {
    fn start(test: &str, api: ApiServer) -> Self {
        Self::start_with(test, "", "", api, "", "")
    }

    /// With these keys of the balancer and of the source, and these lines of the kubeconfig for the cluster and the user.
    fn start_with(
        test: &str,
        keys: &str,
        source: &str,
        api: ApiServer,
        cluster: &str,
        user: &str,
    ) -> Self {
        let folder = Scratch::new(test);
        folder.write("kube.yaml", &api.kubeconfig(cluster, user));
        let kubeconfig = folder.path().join("kube.yaml");
        let kubernetes = format!(
            "kubernetes: {{ service: tomcats, port: ajp, kubeconfig: \"{}\" }}",
            kubeconfig.display()
        );
        Self {
            on: Discovering::start(test, keys, &format!("{kubernetes}{source}")),
            api,
            folder,
        }
    }

    async fn member(&self, route: &str) -> Value {
        let members = self.members().await.into_iter();
        let mut found = members.filter(|it| it["route"] == route);
        found.next().unwrap_or_else(|| panic!("no {route}"))
    }

    /// Waits until the API is asked for a list that begins behind this moment.
    async fn lists_again(&self) {
        let before = self.api.asked(false).len();
        until("there is a new list", async || {
            self.api.asked(false).len() > before
        })
        .await;
    }

    /// What a request of a session of this route gets.
    async fn of_session(&self, route: &str) -> client::Answer {
        let cookie = format!("Cookie: JSESSIONID=s.{route}\r\n");
        self.gateway.get("/", &cookie).await
    }
}

impl Deref for Setup {
    type Target = Discovering;

    fn deref(&self) -> &Discovering {
        &self.on
    }
}

fn named(port: u16, pods: &[(u8, &str)]) -> Vec<String> {
    let line = |(last, name): &(u8, &str)| format!("ajp://{}:{port} {name}", host(*last));
    pods.iter().map(line).collect()
}

async fn has(setup: &Setup, port: u16, pods: &[(u8, &str)]) {
    let expected = named(port, pods);
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    setup.has(&expected).await;
}

#[tokio::test]
async fn pods_of_the_service_serve_from_the_start_and_new_ones_as_soon_as_they_are_ready() {
    let (port, _tomcats) = containers(&[(1, "web-0"), (2, "web-1")]);
    let api = ApiServer::start().await;
    api.set("a", port, &["web-0 127.0.0.1 +ready"]);
    let setup = Setup::start("kubernetes-start", api);
    has(&setup, port, &[(1, "web-0")]).await;
    assert_eq!(setup.gateway.get("/", "").await.text(), "web-0");
    let member = setup.member("web-0").await;
    assert_eq!(member["source"], "kubernetes");
    setup.api.is_watched().await;
    let lists = setup.api.asked(false).len();
    setup.api.set(
        "a",
        port,
        &["web-0 127.0.0.1 +ready", "web-1 127.0.0.2 -ready"],
    );
    until("the new pod is known", async || {
        setup.members().await.len() == 2
    })
    .await;
    for _ in 0..4 {
        assert_eq!(setup.gateway.get("/", "").await.text(), "web-0");
    }
    // Nor does it get requests of sessions.
    assert_eq!(setup.of_session("web-1").await.text(), "web-0");
    setup.api.set("b", port, &["web-1 127.0.0.2 +ready"]);
    until("it serves", async || {
        setup.of_session("web-1").await.text() == "web-1"
    })
    .await;
    // The known one has kept its counters.
    assert!(setup.member("web-0").await["elected"].as_u64().unwrap() >= 5);
    // A watch says all of it.
    assert_eq!(setup.api.asked(false).len(), lists);
}

#[tokio::test]
async fn a_pod_that_terminates_keeps_its_sessions_only() {
    let (port, _tomcats) = containers(&[(1, "web-0"), (2, "web-1")]);
    let api = ApiServer::start().await;
    let both = ["web-0 127.0.0.1 +ready", "web-1 127.0.0.2 +ready"];
    api.set("a", port, &both);
    let setup = Setup::start("kubernetes-drain", api);
    has(&setup, port, &[(1, "web-0"), (2, "web-1")]).await;
    assert_eq!(setup.of_session("web-1").await.text(), "web-1");
    let ending = "web-1 127.0.0.2 -ready +serving +terminating";
    setup.api.set("a", port, &[both[0], ending]);
    has(&setup, port, &[(1, "web-0")]).await;
    for _ in 0..4 {
        assert_eq!(setup.gateway.get("/", "").await.text(), "web-0");
        assert_eq!(setup.of_session("web-1").await.text(), "web-1");
    }
    let member = setup.member("web-1").await;
    assert_eq!(
        (&member["status"]["drain"], &member["drained"]),
        (&true.into(), &false.into())
    );
    let stopped = "web-1 127.0.0.2 -ready -serving +terminating";
    setup.api.set("a", port, &[both[0], stopped]);
    until("it takes nothing", async || {
        setup.of_session("web-1").await.text() == "web-0"
    })
    .await;
    // It may have sessions that this gateway has not seen yet, but nobody would notice a stop.
    let member = setup.member("web-1").await;
    assert_eq!(
        (&member["status"]["drain"], &member["drained"]),
        (&true.into(), &true.into())
    );
    // Nor does it take anything when it is gone, though its address still answers.
    setup.api.set("a", port, &[both[0]]);
    until("it has gone", async || {
        assert_eq!(setup.of_session("web-1").await.text(), "web-0");
        setup.members().await.len() == 1
    })
    .await;
    // The pod that takes its name has another address.
    let _new = tomcat(SocketAddr::new(host(3), port), "web-1");
    setup
        .api
        .set("a", port, &[both[0], "web-1 127.0.0.3 +ready"]);
    until("the new one serves the sessions of the name", async || {
        setup.of_session("web-1").await.text() == "web-1"
    })
    .await;
}

/// Clients that ask without a pause, without a session and then with one; none may be refused.
struct Load {
    served: Arc<AtomicUsize>,
    over: CancellationToken,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(front: SocketAddr) -> Self {
        let (served, over) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let clients = (0..8).map(|_| {
            let (served, over) = (Arc::clone(&served), over.clone());
            tokio::spawn(async move {
                while !over.is_cancelled() {
                    let free = client::get(front, "/", "").await;
                    assert_eq!(free.status, 200);
                    let cookie = format!("Cookie: JSESSIONID=s.{}\r\n", free.text());
                    assert_eq!(client::get(front, "/", &cookie).await.status, 200);
                    served.fetch_add(2, Ordering::SeqCst);
                }
            })
        });
        Self {
            clients: clients.collect(),
            served,
            over,
        }
    }

    /// Waits for a hundred further answers.
    async fn goes_on(&self) {
        let before = self.served.load(Ordering::SeqCst);
        until("requests are served", async || {
            self.served.load(Ordering::SeqCst) > before + 100
        })
        .await;
    }

    async fn stop(self) {
        self.over.cancel();
        for client in self.clients {
            client.await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_rolling_update_of_a_stateful_set_fails_no_request() {
    let first: [(u8, &'static str); 3] = [(1, "web-0"), (2, "web-1"), (3, "web-2")];
    let (port, tomcats) = containers(&first);
    let mut running: Vec<_> = tomcats.into_iter().map(Some).collect();
    let api = ApiServer::start().await;
    let mut pods: Vec<String> = first
        .iter()
        .map(|(last, name)| format!("{name} {} +ready", host(*last)))
        .collect();
    let write = |api: &ApiServer, pods: &[String]| {
        let pods: Vec<&str> = pods.iter().map(String::as_str).collect();
        api.set("a", port, &pods);
    };
    write(&api, &pods);
    let setup = Setup::start("kubernetes-rolling", api);
    has(&setup, port, &first).await;
    let load = Load::start(setup.gateway.front);
    for (index, (_, name)) in first.iter().enumerate().rev() {
        let old = pods[index].replace("+ready", "-ready +serving +terminating");
        pods[index] = old.clone();
        write(&setup.api, &pods);
        until("it drains", async || setup.living().await.len() == 2).await;
        pods[index] = old.replace("+serving", "-serving");
        write(&setup.api, &pods);
        until("it takes nothing", async || {
            setup.member(name).await["status"]["disabled"] == true
                && setup.member(name).await["busy"] == 0
        })
        .await;
        running[index] = None;
        let address = host(u8::try_from(index).unwrap() + 11);
        pods[index] = format!("{name} {address} -ready");
        write(&setup.api, &pods);
        running[index] = Some(tomcat(SocketAddr::new(address, port), name));
        pods[index] = format!("{name} {address} +ready");
        write(&setup.api, &pods);
        let url = format!("ajp://{address}:{port} {name}");
        until("the new one is there", async || {
            setup.living().await.contains(&url)
        })
        .await;
        load.goes_on().await;
    }
    load.stop().await;
    until("the old ones have gone", async || {
        setup.members().await.len() == 3
    })
    .await;
}

#[tokio::test]
async fn an_api_server_that_is_gone_takes_nobody_out_and_what_changed_meanwhile_counts() {
    let log = Log::capture();
    let (port, _tomcats) = containers(&[(1, "web-0"), (2, "web-1")]);
    let api = ApiServer::start().await;
    api.set("a", port, &["web-0 127.0.0.1 +ready"]);
    let mut setup = Setup::start("kubernetes-gone", api);
    has(&setup, port, &[(1, "web-0")]).await;
    setup.api.is_watched().await;
    setup.api.go_away().await;
    setup.answers("failed").await;
    assert_eq!(setup.living().await, named(port, &[(1, "web-0")]));
    assert_eq!(setup.gateway.get("/", "").await.status, 200);
    // It has lost its memory, and the version that the gateway knows.
    setup.api.delete("a");
    setup.api.compact();
    setup.api.set("z", port, &["web-1 127.0.0.2 +ready"]);
    setup.api.come_back().await;
    has(&setup, port, &[(2, "web-1")]).await;
    let told = log.with("does not say who there is");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("Connection refused"), "{told:?}");
}

#[tokio::test]
async fn an_answer_without_pods_takes_nobody_out() {
    let (port, _tomcats) = containers(&[(1, "web-0")]);
    let api = ApiServer::start().await;
    api.set("a", port, &["web-0 127.0.0.1 +ready"]);
    let setup = Setup::start("kubernetes-empty", api);
    has(&setup, port, &[(1, "web-0")]).await;
    setup.api.set("a", port, &[]);
    until("an answer is empty", async || {
        setup.counted("empty").await >= 1.0
    })
    .await;
    setup.api.delete("a");
    until("another one is empty", async || {
        setup.counted("empty").await >= 2.0
    })
    .await;
    assert_eq!(setup.living().await, named(port, &[(1, "web-0")]));
    setup.api.set("a", port, &["web-1 127.0.0.2 +ready"]);
    has(&setup, port, &[(2, "web-1")]).await;
}

#[tokio::test]
async fn no_broken_answer_takes_anybody_out() {
    let log = Log::capture();
    let port = ReservedPort::new().addr().port();
    let api = ApiServer::start().await;
    api.set("a", port, &["web-0 127.0.0.1 +ready"]);
    let setup = Setup::start("kubernetes-broken", api);
    has(&setup, port, &[(1, "web-0")]).await;
    for mood in [Mood::Status(500), Mood::Status(403), Mood::Endless] {
        setup.api.mood(mood.clone());
        setup.api.cut_watches();
        setup.answers("failed").await;
        assert_eq!(
            setup.living().await,
            named(port, &[(1, "web-0")]),
            "{mood:?}"
        );
        setup.api.mood(Mood::Fine);
        setup.api.is_watched().await;
    }
    for broken in [
        "no event\n",
        "{\"type\":\"ADDED\",\"object\":{\"metadata\":7}}\n",
        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":500,\"message\":\"etcd\"}}\n",
        // The end of the connection in the middle of a line is as broken as a line that is no event.
        "{\"type\":\"ADDED\",\"obj",
    ] {
        setup.api.is_watched().await;
        let (lists, watches) = (setup.api.asked(false).len(), setup.api.asked(true).len());
        setup.api.say(broken);
        if !broken.ends_with('\n') {
            setup.api.cut_watches();
        }
        until(
            &format!("it is listed and watched again behind {broken}"),
            async || setup.api.asked(false).len() > lists && setup.api.asked(true).len() > watches,
        )
        .await;
        assert_eq!(
            setup.living().await,
            named(port, &[(1, "web-0")]),
            "{broken}"
        );
    }
    let told = log.with("does not say who there is");
    let has = |text: &str| told.iter().any(|line| line.contains(text));
    assert!(has("the API answers 500: said by the test"), "{told:?}");
    assert!(has("the API answers 403: said by the test"), "{told:?}");
    assert!(has("an answer of more than 16777216 bytes"), "{told:?}");
}

#[tokio::test]
async fn what_belongs_to_another_service_is_not_taken() {
    let (port, _tomcats) = containers(&[(1, "web-0"), (9, "mail-0")]);
    let api = ApiServer::start().await;
    api.ignore_labels();
    api.set_of("mails", "m", port, &["mail-0 127.0.0.9 +ready"]);
    api.set("a", port, &["web-0 127.0.0.1 +ready"]);
    let setup = Setup::start("kubernetes-other", api);
    has(&setup, port, &[(1, "web-0")]).await;
    setup.api.is_watched().await;
    setup
        .api
        .set_of("mails", "n", port, &["mail-0 127.0.0.9 +ready"]);
    setup.api.set("a", port, &["web-0 127.0.0.1 -ready"]);
    until("the change has been seen", async || {
        setup.member("web-0").await["status"]["disabled"] == true
    })
    .await;
    assert_eq!(setup.members().await.len(), 1);
    let label = "kubernetes.io/service-name=tomcats";
    let asked = [setup.api.asked(false), setup.api.asked(true)].concat();
    assert!(asked.iter().all(|it| it["labelSelector"] == label));
}

#[tokio::test]
async fn a_list_comes_in_pages() {
    let port = ReservedPort::new().addr().port();
    let api = ApiServer::start().await;
    api.page(1);
    for last in 1..=3 {
        let pod = format!("web-{last} 127.0.0.{last} +ready");
        api.set(&format!("s{last}"), port, &[&pod]);
    }
    let setup = Setup::start("kubernetes-pages", api);
    has(&setup, port, &[(1, "web-1"), (2, "web-2"), (3, "web-3")]).await;
    let asked = setup.api.asked(false);
    assert!(asked.iter().all(|it| it["limit"] == "100"));
    let pages = asked.iter().take(3).map(|it| it.get("continue").cloned());
    let pages: Vec<Option<String>> = pages.collect();
    assert_eq!(pages, [None, Some("1".to_owned()), Some("2".to_owned())]);
}

#[tokio::test]
async fn a_watch_that_the_server_ends_goes_on_from_the_last_bookmark() {
    let (port, _tomcats) = containers(&[(1, "web-0"), (2, "web-1")]);
    let api = ApiServer::start().await;
    api.set("a", port, &["web-0 127.0.0.1 +ready"]);
    let setup = Setup::start("kubernetes-bookmark", api);
    has(&setup, port, &[(1, "web-0")]).await;
    setup.api.is_watched().await;
    // What happened before the bookmark is forgotten.
    setup.api.compact();
    let counted = setup.counted("ok").await;
    setup.api.bookmark();
    until("the bookmark counts as an answer", async || {
        setup.counted("ok").await > counted
    })
    .await;
    let (lists, watches) = (setup.api.asked(false).len(), setup.api.asked(true).len());
    setup.api.end_watches();
    until("it is watched again", async || {
        setup.api.asked(true).len() > watches
    })
    .await;
    setup.api.set(
        "a",
        port,
        &["web-0 127.0.0.1 +ready", "web-1 127.0.0.2 +ready"],
    );
    has(&setup, port, &[(1, "web-0"), (2, "web-1")]).await;
    assert_eq!(setup.api.asked(false).len(), lists);
    let versions: Vec<String> = setup.api.asked(true)[watches - 1..]
        .iter()
        .map(|it| it["resourceVersion"].clone())
        .collect();
    assert_eq!(versions, ["101", "102"]);
}

#[tokio::test]
async fn a_version_that_is_too_old_leads_to_a_new_list() {
    let (port, _tomcats) = containers(&[(1, "web-0"), (2, "web-1")]);
    let api = ApiServer::start().await;
    api.set("a", port, &["web-0 127.0.0.1 +ready"]);
    let setup = Setup::start("kubernetes-gone-version", api);
    has(&setup, port, &[(1, "web-0")]).await;
    setup.api.is_watched().await;
    // In the stream, while it is open.
    let lists = setup.api.asked(false).len();
    setup.api.say("{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}}\n");
    until("there is a new list", async || {
        setup.api.asked(false).len() > lists
    })
    .await;
    // At the beginning of the next one, behind changes that nobody has heard of.
    setup.api.is_watched().await;
    setup.api.bookmark();
    setup.api.delete("a");
    setup.api.set("b", port, &["web-1 127.0.0.2 +ready"]);
    setup.api.compact();
    setup.api.end_watches();
    has(&setup, port, &[(2, "web-1")]).await;
    assert_eq!(setup.counted("failed").await, 0.0);
}

/// Lets time pass of which nobody waits for the end.
async fn pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_service_that_does_not_change_is_watched_on_without_new_lists() {
    let port = ReservedPort::new().addr().port();
    for mood in [Mood::Fine, Mood::NoBookmark] {
        let api = ApiServer::start().await;
        api.mood(mood.clone());
        api.set("a", port, &["web-0 127.0.0.1 +ready"]);
        let setup = Setup::start("kubernetes-quiet", api);
        has(&setup, port, &[(1, "web-0")]).await;
        until("it is watched", async || !setup.api.asked(true).is_empty()).await;
        let lists = setup.api.asked(false).len();
        for watches in 1..4 {
            // What others change is not told here; bookmarks tell the version behind it.
            setup.api.set_of("mails", "m", port, &[]);
            if mood == Mood::Fine {
                setup.api.compact();
            }
            let ok = setup.counted("ok").await;
            pass(51).await;
            until("it is watched again", async || {
                setup.api.asked(true).len() > watches
            })
            .await;
            // An alert looks at it.
            until("it counts", async || setup.counted("ok").await > ok).await;
        }
        assert_eq!(setup.api.asked(false).len(), lists, "{mood:?}");
        assert_eq!(setup.counted("failed").await, 0.0);
    }
}

#[tokio::test]
async fn a_watch_that_says_nothing_for_a_minute_is_opened_anew_and_the_next_such_one_leads_to_a_list()
 {
    let port = ReservedPort::new().addr().port();
    let api = ApiServer::start().await;
    api.mood(Mood::SilentWatch);
    api.set("a", port, &["web-0 127.0.0.1 +ready"]);
    let setup = Setup::start("kubernetes-silent-watch", api);
    has(&setup, port, &[(1, "web-0")]).await;
    // What was listed is told at once, and again when the watch is open.
    until("it is watched", async || setup.counted("ok").await >= 2.0).await;
    let lists = setup.api.asked(false).len();
    for seconds in [55, 6] {
        assert_eq!(setup.api.asked(true).len(), 1);
        pass(seconds).await;
    }
    until("it is watched again", async || {
        setup.api.asked(true).len() == 2 && setup.counted("ok").await >= 3.0
    })
    .await;
    assert_eq!(setup.api.asked(false).len(), lists);
    setup.api.set("a", port, &["web-1 127.0.0.2 +ready"]);
    pass(61).await;
    has(&setup, port, &[(2, "web-1")]).await;
    assert_eq!(setup.counted("failed").await, 0.0);
}

#[tokio::test]
async fn an_api_server_that_does_not_answer_is_waited_for_with_a_bound() {
    let port = ReservedPort::new().addr().port();
    let api = ApiServer::start().await;
    api.set("a", port, &["web-0 127.0.0.1 +ready"]);
    let setup = Setup::start("kubernetes-silent", api);
    has(&setup, port, &[(1, "web-0")]).await;
    setup.api.is_watched().await;
    for mood in [Mood::Silent, Mood::Slow(3_600_000)] {
        setup.api.mood(mood);
        setup.api.cut_watches();
        setup.lists_again().await;
        let failed = setup.counted("failed").await;
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(16)).await;
        tokio::time::resume();
        until("it has failed", async || {
            setup.counted("failed").await > failed
        })
        .await;
        assert_eq!(setup.living().await, named(port, &[(1, "web-0")]));
        setup.api.mood(Mood::Fine);
        let ok = setup.counted("ok").await;
        until("it answers again", async || setup.counted("ok").await > ok).await;
        setup.api.is_watched().await;
    }
}

/// 403: the account may list and not watch. 504: a proxy in between waits for the end of the answer.
#[tokio::test]
async fn a_watch_that_is_refused_is_told_once_and_lists_count() {
    for status in [403, 504] {
        refuses_watches(status).await;
    }
}

async fn refuses_watches(status: u16) {
    let log = Log::capture();
    let port = ReservedPort::new().addr().port();
    let api = ApiServer::start().await;
    api.mood(Mood::WatchStatus(status));
    api.set("a", port, &["web-0 127.0.0.1 +ready"]);
    let setup = Setup::start("kubernetes-no-watch", api);
    has(&setup, port, &[(1, "web-0")]).await;
    setup.answers("failed").await;
    setup.answers("failed").await;
    let told = log.with("does not say who there is");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(&status.to_string()), "{told:?}");
    setup.api.set("a", port, &["web-1 127.0.0.2 +ready"]);
    has(&setup, port, &[(2, "web-1")]).await;
    setup.api.mood(Mood::Fine);
    setup.api.is_watched().await;
    let ok = setup.counted("ok").await;
    setup.api.bookmark();
    until("all is well", async || setup.counted("ok").await > ok).await;
}

/// A server of this authority for 127.0.0.1.
fn acceptor(authority: &Authority) -> TlsAcceptor {
    acceptor_of(&authority.issue(&["127.0.0.1"]))
}

fn acceptor_of((certificate, key): &(rcgen::Certificate, rcgen::KeyPair)) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// As `openssl req -x509` makes it.
#[tokio::test]
async fn a_server_whose_certificate_is_its_own_authority_is_believed() {
    let authority = Authority::new();
    let mut params = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let own = (params.self_signed(&key).unwrap(), key);
    authority.pair("own", &own);
    let port = ReservedPort::new().addr().port();
    let api = ApiServer::with(Some(acceptor_of(&own))).await;
    api.set("a", port, &["web-0 127.0.0.1 +ready"]);
    let ca = format!(", certificate-authority: {}", authority.file("own.pem"));
    let setup = Setup::start_with("kubernetes-own", "", "", api, &ca, "");
    has(&setup, port, &[(1, "web-0")]).await;
}

#[tokio::test]
async fn a_token_that_was_replaced_is_read_anew_over_tls_of_the_clusters_authority() {
    let authority = Authority::new();
    let port = ReservedPort::new().addr().port();
    let api = ApiServer::with(Some(acceptor(&authority))).await;
    api.token("first");
    api.set("a", port, &["web-0 127.0.0.1 +ready"]);
    let tokens = Scratch::new("kubernetes-tokens");
    tokens.write("token", "first\n");
    let token = tokens.path().join("token");
    let setup = Setup::start_with(
        "kubernetes-token",
        "",
        "",
        api,
        &format!(", certificate-authority: {}", authority.file("ca.pem")),
        &format!("tokenFile: {}", token.display()),
    );
    has(&setup, port, &[(1, "web-0")]).await;
    setup.api.is_watched().await;
    tokens.write("token", "second\n");
    setup.api.token("second");
    setup.api.bookmark();
    setup.api.set("a", port, &["web-1 127.0.0.2 +ready"]);
    setup.api.end_watches();
    has(&setup, port, &[(2, "web-1")]).await;
    setup.api.set("a", port, &["web-2 127.0.0.3 +ready"]);
    has(&setup, port, &[(3, "web-2")]).await;
    assert_eq!(setup.counted("failed").await, 0.0);
}

#[tokio::test]
async fn a_kubeconfig_that_cannot_be_used_says_why_and_its_mending_counts() {
    let log = Log::capture();
    let authority = Authority::new();
    let port = ReservedPort::new().addr().port();
    let api = ApiServer::with(Some(acceptor(&authority))).await;
    api.set("a", port, &["web-0 127.0.0.1 +ready"]);
    let good = format!(", certificate-authority: {}", authority.file("ca.pem"));
    let another = Authority::new();
    let other = format!(", certificate-authority: {}", another.file("ca.pem"));
    let setup = Setup::start_with("kubernetes-config", "", "", api, &other, "");
    let pipe = setup.folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let pipe = pipe.display();
    for (kubeconfig, reason) in [
        (setup.api.kubeconfig(&other, ""), "invalid peer certificate"),
        (String::new(), "context"),
        ("{".to_owned(), "kube.yaml"),
        (
            setup
                .api
                .kubeconfig(&good, "exec: { apiVersion: v1, command: touch }"),
            "`exec` and `auth-provider` start programs",
        ),
        (
            setup.api.kubeconfig(&good, &format!("tokenFile: {pipe}")),
            "it is not a file",
        ),
    ] {
        setup.folder.write("kube.yaml", &kubeconfig);
        until(&format!("the log says {reason}"), async || {
            let told = log.with("does not say who there is");
            told.iter().any(|line| line.contains(reason))
        })
        .await;
    }
    setup
        .folder
        .write("kube.yaml", &setup.api.kubeconfig(&good, "token: t"));
    has(&setup, port, &[(1, "web-0")]).await;
}

#[tokio::test]
async fn an_answer_that_could_not_be_applied_is_tried_again_without_a_further_event() {
    let authority = Authority::new();
    let port = ReservedPort::new().addr().port();
    let api = ApiServer::start().await;
    api.set("a", port, &["web-0 127.0.0.1 +ready"]);
    let folder = Scratch::new("kubernetes-unapplied");
    let kubeconfig = folder.write("kube.yaml", &api.kubeconfig("", ""));
    let certificate = std::fs::read_to_string(authority.file("ca.pem")).unwrap();
    let ca = folder.write("ca.pem", &certificate);
    let source = format!(
        "kubernetes: {{ service: tomcats, port: ajp, scheme: https, kubeconfig: \"{}\" }}, member: {{ tls: {{ ca: \"{}\" }} }}",
        kubeconfig.display(),
        ca.display()
    );
    let on = Discovering::start("kubernetes-unapplied", "", &source);
    let first = format!("https://127.0.0.1:{port} web-0");
    on.has(&[&first]).await;
    api.is_watched().await;
    let questions = api.asked(false).len() + api.asked(true).len();
    std::fs::remove_file(&ca).unwrap();
    api.set(
        "a",
        port,
        &["web-0 127.0.0.1 +ready", "web-1 127.0.0.2 +ready"],
    );
    on.answers("ok").await;
    on.has(&[&first]).await;
    folder.write("ca.pem", &certificate);
    on.has(&[&first, &format!("https://127.0.0.2:{port} web-1")])
        .await;
    // Kubernetes was not asked for it.
    assert_eq!(api.asked(false).len() + api.asked(true).len(), questions);
}

/// A kubeconfig often has contexts of several clusters, and is copied without the files of the others.
#[tokio::test]
async fn files_of_other_contexts_of_a_kubeconfig_are_not_asked_for() {
    let port = ReservedPort::new().addr().port();
    let api = ApiServer::start().await;
    api.set("a", port, &["web-0 127.0.0.1 +ready"]);
    let folder = Scratch::new("kubernetes-contexts");
    let others = [
        (
            "contexts: [",
            "{ name: other, context: { cluster: other, user: other } }, ",
        ),
        (
            "clusters: [",
            "{ name: other, cluster: { server: \"https://other\", certificate-authority: gone.pem, proxy-url: \":\" } }, ",
        ),
        (
            "users: [",
            "{ name: other, user: { client-certificate: gone.pem, client-key: gone.key } }, ",
        ),
    ];
    let mut kubeconfig = api.kubeconfig("", "");
    for (key, other) in others {
        kubeconfig = kubeconfig.replace(key, &format!("{key}{other}"));
    }
    let file = folder.write("kube.yaml", &kubeconfig);
    let source = format!(
        "kubernetes: {{ service: tomcats, port: ajp, kubeconfig: \"{}\" }}",
        file.display()
    );
    let on = Discovering::start("kubernetes-contexts", "", &source);
    on.has(&[&format!("ajp://127.0.0.1:{port} web-0")]).await;
}

#[tokio::test]
async fn surplus_pods_are_left_out_and_the_log_says_so() {
    let log = Log::capture();
    let port = ReservedPort::new().addr().port();
    let api = ApiServer::start().await;
    for slice in 0..11 {
        let pods: Vec<String> = (0..100)
            .map(|pod| format!("web-{slice}-{pod} 127.0.{slice}.{} +ready", pod + 1))
            .collect();
        let pods: Vec<&str> = pods.iter().map(String::as_str).collect();
        api.set(&format!("s{slice:02}"), port, &pods);
    }
    let setup = Setup::start("kubernetes-surplus", api);
    until("as many as there may be", async || {
        setup.members().await.len() == 1_024
    })
    .await;
    assert!(!log.with("left_out=76").is_empty());
    assert_eq!(text(&setup.members().await[0]["source"]), "kubernetes");
}
