//! A program takes over while the API server of Kubernetes, a scripted one, is in the midst of an answer.

#[allow(dead_code, reason = "other tests use all of it")]
#[path = "../gateway/support/kubernetes.rs"]
mod server;

use std::time::Duration;

use serde_json::Value;

use self::server::{ApiServer, Mood};
use crate::support::ajpgate::Ajpgate;
use crate::support::browser::Browser;
pub(crate) use crate::support::eventually as until;
use crate::support::node::Node;
pub(crate) use crate::support::port::ReservedPort;
use crate::support::scratch::Scratch;
use crate::support::wait;

/// Lets time pass, for the server.
pub(crate) async fn pause(milliseconds: u64) {
    wait::pause(Duration::from_millis(milliseconds)).await;
}

/// A gateway with the two pods of a service, and a session of each.
struct Setup {
    api: ApiServer,
    gateway: Ajpgate,
    nodes: [Node; 2],
    sessions: [String; 2],
    _folder: Scratch,
}

/// A slice of its own for a pod: each has another port.
fn set(api: &ApiServer, node: &Node, name: &str, conditions: &str) {
    let port = node.ajp_addr().port();
    api.set(name, port, &[&format!("{name} 127.0.0.1 {conditions}")]);
}

impl Setup {
    async fn start() -> Self {
        let nodes = [Node::start("web-0").await, Node::start("web-1").await];
        let api = ApiServer::start().await;
        set(&api, &nodes[0], "web-0", "+ready");
        set(&api, &nodes[1], "web-1", "+ready");
        let folder = Scratch::new("kubernetes");
        let kubeconfig = folder.write("kube.yaml", &api.kubeconfig("", ""));
        let gateway = Ajpgate::start(&format!(
            "balancers:
  shop:
    discover:
      - {{ kubernetes: {{ service: tomcats, port: ajp, kubeconfig: \"{}\" }}, interval: 100ms }}
proxy_pass: [{{ path: /, to: \"balancer://shop/\" }}]
",
            kubeconfig.display()
        ))
        .await;
        let mut sessions = Vec::new();
        for _ in 0..4 {
            let mut browser = Browser::new(gateway.front());
            assert_eq!(browser.get("/").await.status, 200);
            sessions.push(browser.session.unwrap());
        }
        let session_of = |pod: &str| {
            let mut sessions = sessions.iter();
            sessions.find(|it| it.ends_with(pod)).unwrap().clone()
        };
        let sessions = ["web-0", "web-1"].map(session_of);
        Self {
            api,
            gateway,
            nodes,
            sessions,
            _folder: folder,
        }
    }

    /// Each session goes to its pod. Returns the pod of a new one.
    async fn visit(&self) -> String {
        for session in &self.sessions {
            let mut browser = Browser::new(self.gateway.front());
            browser.session = Some(session.clone());
            assert_eq!(browser.get("/").await.status, 200);
            assert_eq!(browser.session.as_ref(), Some(session));
        }
        let mut browser = Browser::new(self.gateway.front());
        assert_eq!(browser.get("/").await.status, 200);
        let session = browser.session.unwrap();
        session.rsplit('.').next().unwrap().to_owned()
    }

    /// Has another program take over, under requests.
    async fn hand_over(&self) {
        let requests = async {
            loop {
                self.visit().await;
                pause(5).await;
            }
        };
        tokio::select! {
            () = self.gateway.hand_over() => {}
            () = requests => {}
        }
    }

    async fn member(&self, route: &str) -> Option<Value> {
        let shop = "/api/v1/balancers/shop";
        let text = self.gateway.api("GET", shop, "", 200).await;
        let shown: Value = serde_json::from_str(&text).unwrap();
        let members = shown["members"].as_array().unwrap();
        members.iter().find(|it| it["route"] == route).cloned()
    }

    async fn drains(&self, route: &str) {
        until(&format!("{route} drains"), async || {
            let member = self.member(route).await;
            member.is_some_and(|it| it["status"]["drain"] == true)
        })
        .await;
    }
}

/// The new program asks for a list before it serves, and waits for that for 5 s.
#[tokio::test]
async fn whatever_the_api_server_does_while_a_program_takes_over_nobody_is_lost() {
    for mood in [
        Mood::Slow(1_000),
        Mood::Silent,
        Mood::Endless,
        Mood::Status(503),
        Mood::SilentWatch,
        Mood::WatchStatus(500),
    ] {
        let setup = Setup::start().await;
        setup.api.is_watched().await;
        setup.api.mood(mood.clone());
        setup.hand_over().await;
        assert!(setup.visit().await.starts_with("web-"), "{mood:?}");
        // What changes from then on counts.
        setup.api.mood(Mood::Fine);
        setup.api.cut_watches();
        set(
            &setup.api,
            &setup.nodes[1],
            "web-1",
            "-ready +serving +terminating",
        );
        if !matches!(mood, Mood::Silent | Mood::SilentWatch) {
            setup.drains("web-1").await;
            assert_eq!(setup.visit().await, "web-0", "{mood:?}");
        }
    }
}

/// The pod goes while the new program waits for its first list, which does not name it any more. The old program hears of it over
/// its watch, and has handed everything over already.
#[tokio::test]
async fn a_pod_that_goes_while_a_program_takes_over_keeps_its_sessions() {
    let setup = Setup::start().await;
    setup.api.is_watched().await;
    let new = Node::start("web-2").await;
    setup.api.mood(Mood::Slow(1_000));
    let lists = setup.api.asked(false).len();
    let change = async {
        until("the new program asks", async || {
            setup.api.asked(false).len() > lists
        })
        .await;
        setup.api.delete("web-1");
        set(&setup.api, &new, "web-2", "+ready");
    };
    tokio::join!(setup.hand_over(), change);
    setup.api.mood(Mood::Fine);
    setup.drains("web-1").await;
    for _ in 0..4 {
        assert_ne!(setup.visit().await, "web-1");
    }
    until("the new pod serves", async || {
        setup.visit().await == "web-2"
    })
    .await;
}

/// A watch says it while the program is replaced.
#[tokio::test]
async fn a_pod_that_terminates_before_a_program_takes_over_goes_on_draining() {
    let setup = Setup::start().await;
    setup.api.is_watched().await;
    set(
        &setup.api,
        &setup.nodes[1],
        "web-1",
        "-ready +serving +terminating",
    );
    setup.drains("web-1").await;
    setup.api.delete("web-1");
    setup.hand_over().await;
    setup.drains("web-1").await;
    for _ in 0..4 {
        assert_eq!(setup.visit().await, "web-0");
    }
}
