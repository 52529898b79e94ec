//! Another configuration while requests run, and what was changed by hand over a restart.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::cluster::Node;
use crate::support::http::{ask, get};
use crate::support::program::{Program, ajpgate};
use crate::support::{Scratch, address_after, taken, until};

const RELOAD: &str = "/api/v1/reload";
const MEMBERS: &str = "/api/v1/balancers/shop/members";

/// A gateway whose file can be written again.
struct House {
    gateway: Program,
    front: SocketAddr,
    admin: SocketAddr,
    nodes: [Node; 2],
    scratch: Scratch,
}

impl House {
    fn start(more: &str) -> Self {
        let scratch = Scratch::new("reload");
        let nodes = ["node1", "node2"].map(|route| Node::start(&scratch, route, None));
        let file = file(&nodes, 2, more);
        scratch.write("ajpgate.yaml", &file);
        let mut gateway = Program::start(&mut ajpgate(scratch.path(), &["run"]));
        Self {
            front: gateway.front(),
            admin: gateway.admin(),
            gateway,
            nodes,
            scratch,
        }
    }

    /// Writes the file anew with so many members.
    fn write(&self, members: usize, more: &str) {
        let file = file(&self.nodes, members, more);
        self.scratch.write("ajpgate.yaml", &file);
    }

    fn reload(&self) -> (u16, Value) {
        let answer = ask(self.admin, "POST", RELOAD, "");
        (answer.status, serde_json::from_str(&answer.body).unwrap())
    }

    fn members(&self) -> Vec<Value> {
        let answer = get(self.admin, "/api/v1/balancers/shop", "");
        let shop: Value = serde_json::from_str(&answer.body).unwrap();
        shop["members"].as_array().unwrap().clone()
    }

    fn reloads(&self, result: &str) -> u64 {
        let metrics = get(self.admin, "/metrics", "").body;
        let series = format!("ajpgate_config_reloads_total{{result=\"{result}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap().parse().unwrap()
    }

    /// Kills it as hard as can be, and starts it again.
    fn kill_and_start(&mut self) {
        self.gateway.signal("KILL");
        self.gateway = Program::start(&mut ajpgate(self.scratch.path(), &["run"]));
        self.front = self.gateway.front();
        self.admin = self.gateway.admin();
    }
}

fn file(nodes: &[Node; 2], members: usize, more: &str) -> String {
    let members: String = ["node1", "node2"]
        .iter()
        .zip(nodes)
        .take(members)
        .map(|(route, node)| {
            let address = node.address;
            format!("      - {{ url: \"ajp://{address}\", route: {route} }}\n")
        })
        .collect();
    let admin = match more.contains("admin:") {
        true => "",
        false => "admin: { bind: \"127.0.0.1:0\" }\n",
    };
    format!(
        "listeners: [{{ bind: \"127.0.0.1:0\" }}]\n\
         balancers:\n  shop:\n    members:\n{members}\
         proxy_pass: [{{ path: /, to: \"balancer://shop/\" }}]\n\
         access_log: {{ format: off }}\n{admin}{more}"
    )
}

#[test]
fn a_hangup_reads_the_file_again() {
    let mut house = House::start("");
    assert_eq!(house.members().len(), 2);
    house.write(1, "limits: { max_body: 1 }\n");
    house.gateway.signal("HUP");
    until("the new file is in force", || {
        (house.members().len() == 1).then_some(())
    });
    for _ in 0..4 {
        assert_eq!(get(house.front, "/", "").node(), "node1");
    }
    let large = ask(house.front, "POST", "/", "{}");
    assert_eq!(large.status, 413);
    assert_eq!((house.reloads("ok"), house.reloads("rejected")), (1, 0));
}

#[test]
fn a_bad_file_changes_nothing_and_says_why() {
    let mut house = House::start("");
    house.write(1, "limitz: {}\n");
    let (status, answer) = house.reload();
    assert_eq!(status, 422, "{answer}");
    let problem = answer["problems"][0].as_str().unwrap();
    assert!(problem.starts_with("./ajpgate.yaml:9:1: "), "{problem}");
    assert!(problem.contains("limitz"), "{problem}");
    assert_eq!(house.members().len(), 2);
    house.gateway.signal("HUP");
    until("it is rejected again", || {
        (house.reloads("rejected") == 2).then_some(())
    });
    house.gateway.logs(problem);

    // One that only cannot be run.
    house.write(1, "trusted_proxies: [10.0.0.0/8]\n");
    let (status, answer) = house.reload();
    assert_eq!((status, house.members().len()), (422, 2), "{answer}");
}

#[test]
fn listeners_come_and_go_and_the_others_stay() {
    let house = House::start("");
    let (listener, address) = taken();
    let original = file(&house.nodes, 2, "");
    let both = original.replace(
        "listeners: [{ bind: \"127.0.0.1:0\" }]",
        &format!("listeners: [{{ bind: \"127.0.0.1:0\" }}, {{ bind: \"{address}\" }}]"),
    );
    house.scratch.write("ajpgate.yaml", &both);
    let (status, answer) = house.reload();
    assert_eq!(status, 422);
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .contains(&address.to_string()),
        "{answer}"
    );
    drop(listener);
    assert_eq!(house.reload().0, 200);
    assert_eq!(get(address, "/", "").status, 200);
    assert_eq!(
        get(house.front, "/", "").status,
        200,
        "it was not bound again"
    );

    house.scratch.write("ajpgate.yaml", &original);
    assert_eq!(house.reload().0, 200);
    until("nobody listens there any more", || {
        std::net::TcpStream::connect(address).is_err().then_some(())
    });
    assert_eq!(get(house.front, "/", "").status, 200);
}

/// Members come, go and change their connections fifty times under ten thousand requests.
#[test]
fn no_request_fails_while_the_file_is_read_again() {
    let house = House::start("");
    let (asked, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    let failed: Vec<String> = std::thread::scope(|scope| {
        let client = |number: usize| {
            let (house, asked, done) = (&house, &asked, &done);
            move || {
                let mut failed = Vec::new();
                let cookie = format!("Cookie: JSESSIONID=S{number}.node{}\r\n", number % 3);
                while !done.load(Ordering::Relaxed) || asked.load(Ordering::Relaxed) < 10_000 {
                    asked.fetch_add(1, Ordering::Relaxed);
                    let answer = get(house.front, "/", &cookie);
                    if answer.status != 200 {
                        failed.push(format!("{answer:?}"));
                    }
                }
                failed
            }
        };
        let clients: Vec<_> = (0..8).map(|number| scope.spawn(client(number))).collect();
        for number in 0..50 {
            let progress = asked.load(Ordering::Relaxed);
            match number % 3 {
                0 => house.write(1, ""),
                1 => house.write(2, ""),
                _ => {
                    // Another way to talk to the same members.
                    let text = file(&house.nodes, 2, "").replace("route:", "max: 50, route:");
                    house.scratch.write("ajpgate.yaml", &text);
                }
            }
            assert_eq!(house.reload().0, 200);
            until("requests go on", || {
                (asked.load(Ordering::Relaxed) > progress + 50).then_some(())
            });
        }
        done.store(true, Ordering::Relaxed);
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    });
    assert!(
        failed.is_empty(),
        "{} failed: {:?}",
        failed.len(),
        failed.first()
    );
    assert_eq!(house.reloads("ok"), 50);
    let asked = asked.load(Ordering::Relaxed);
    println!("{asked} requests across 50 reloads");
    assert!(asked >= 10_000);
}

/// What a reload does not change goes on as it was.
#[test]
fn unchanged_members_keep_what_they_have() {
    let house = House::start("");
    for _ in 0..6 {
        get(house.front, "/", "");
    }
    let before = house.members();
    house.write(2, "limits: { max_body: 1MiB }\n");
    assert_eq!(house.reload().0, 200);
    let after = house.members();
    for key in ["elected", "pool", "sessions", "bytes_read"] {
        assert_eq!(before[0][key], after[0][key], "{key}");
    }
    assert_eq!(after[0]["elected"], json!(3));
    assert_ne!(after[0]["pool"]["idle"], json!(0));
}

#[test]
fn a_watched_file_is_read_again_when_it_changes() {
    let house = House::start("watch: true\n");
    house.write(1, "watch: true\n");
    until("the new file is in force", || {
        (house.members().len() == 1).then_some(())
    });
    // As a ConfigMap does it: a link to another folder.
    let path = house.scratch.path().join("ajpgate.yaml");
    let other = house.scratch.path().join("other.yaml");
    std::fs::write(&other, file(&house.nodes, 2, "watch: true\n")).unwrap();
    let link = house.scratch.path().join("link");
    std::os::unix::fs::symlink(&other, &link).unwrap();
    std::fs::rename(&link, &path).unwrap();
    until("the linked file is in force", || {
        (house.members().len() == 2).then_some(())
    });
}

#[test]
fn members_are_added_and_removed_while_it_runs() {
    let mut house = House::start("");
    let third = Node::start(&house.scratch, "node3", None);
    let url = format!("ajp://{}", third.address);
    let add = json!({ "url": url, "route": "node3", "loadfactor": 2 }).to_string();
    let added = ask(house.admin, "POST", MEMBERS, &add);
    assert_eq!(added.status, 201, "{added:?}");
    let member: Value = serde_json::from_str(&added.body).unwrap();
    assert_eq!(
        (&member["route"], &member["loadfactor"]),
        (&json!("node3"), &json!(2))
    );
    assert_eq!(ask(house.admin, "POST", MEMBERS, &add).status, 409);
    let cookie = "Cookie: JSESSIONID=A.node3\r\n";
    assert_eq!(get(house.front, "/", cookie).node(), "node3");
    for (bad, named) in [
        ("{\"route\": \"x\"}", "url"),
        ("{\"url\": \"ajp://h:1\", \"loadfactor\": 0}", "loadfactor"),
        ("{\"url\": \"gopher://h\"}", "url"),
        ("{\"url\": \"ajp://h:1\", \"rout\": \"x\"}", "rout"),
    ] {
        let refused = ask(house.admin, "POST", MEMBERS, bad);
        assert_eq!(refused.status, 422, "{bad}: {refused:?}");
        assert!(refused.body.contains(named), "{bad}: {refused:?}");
    }
    assert_eq!(house.members().len(), 3);

    // What was done by hand survives a reload.
    let first = format!("{MEMBERS}/node1");
    assert_eq!(ask(house.admin, "DELETE", &first, "").status, 204);
    assert_eq!(house.reload().0, 200);
    let routes: Vec<Value> = house
        .members()
        .iter()
        .map(|it| it["route"].clone())
        .collect();
    assert_eq!(routes, ["node2", "node3"]);
    assert_eq!(ask(house.admin, "DELETE", &first, "").status, 404);
    house.gateway.logs("added by hand");
    house.gateway.logs("removed by hand");
    // Without a state file it does not survive a restart.
    house.kill_and_start();
    assert_eq!(house.members().len(), 2);
}

#[test]
fn what_was_changed_by_hand_survives_kill_9() {
    let more = "admin: { bind: \"127.0.0.1:0\", state_file: state.json }\n";
    let mut house = House::start(more);
    let third = Node::start(&house.scratch, "node3", Some("s3cret"));
    let add =
        json!({ "url": format!("ajp://{}", third.address), "route": "node3", "secret": "s3cret" });
    assert_eq!(
        ask(house.admin, "POST", MEMBERS, &add.to_string()).status,
        201
    );
    let change = r#"{"loadfactor": 2.5, "lbset": 1, "status": {"drain": true}}"#;
    let second = format!("{MEMBERS}/node2");
    assert_eq!(ask(house.admin, "PATCH", &second, change).status, 200);
    let change = r#"{"lbmethod": "bybusyness", "timeout": "1500ms", "maxattempts": 1}"#;
    let balancer = "/api/v1/balancers/shop";
    assert_eq!(ask(house.admin, "PATCH", balancer, change).status, 200);
    assert_eq!(
        ask(house.admin, "DELETE", &format!("{MEMBERS}/node1"), "").status,
        204
    );
    let settings = |house: &House| {
        let shop = get(house.admin, balancer, "");
        shop.field("etag").unwrap().to_owned()
    };
    let before = settings(&house);
    house.kill_and_start();
    assert_eq!(settings(&house), before);
    let cookie = "Cookie: JSESSIONID=A.node3\r\n";
    assert_eq!(get(house.front, "/", cookie).node(), "node3");
    assert_eq!(house.members()[0]["status"]["drain"], json!(true));

    // Others cannot read it: it may hold secrets.
    use std::os::unix::fs::PermissionsExt as _;
    let state = house.scratch.path().join("state.json");
    let mode = std::fs::metadata(&state).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
}

#[test]
fn a_state_file_that_cannot_be_used_is_set_aside() {
    let more = "admin: { bind: \"127.0.0.1:0\", state_file: state.json }\n";
    let mut house = House::start(more);
    let change = r#"{"loadfactor": 3}"#;
    assert_eq!(
        ask(house.admin, "PATCH", &format!("{MEMBERS}/node1"), change).status,
        200
    );
    let state = house.scratch.path().join("state.json");
    let good = std::fs::read_to_string(&state).unwrap();
    for (number, bad) in [
        String::new(),
        good[..good.len() / 2].to_owned(),
        "{\"version\": 1}".to_owned(),
        good.replace("\"version\": 1", "\"version\": 2"),
        good.replace("\"3\"", "\"300\""),
        "\0\0\0".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        std::fs::write(&state, bad).unwrap();
        house.kill_and_start();
        assert_eq!(house.members()[0]["loadfactor"], json!(1), "{bad}");
        let aside = house
            .scratch
            .path()
            .join(format!("state.json.damaged-{}", number + 1));
        assert_eq!(std::fs::read(aside).unwrap(), bad.as_bytes());
        house.gateway.logs("state.json");
    }
    // It works again.
    assert_eq!(
        ask(house.admin, "PATCH", &format!("{MEMBERS}/node1"), change).status,
        200
    );
    house.kill_and_start();
    assert_eq!(house.members()[0]["loadfactor"], json!(3));
}

/// The demo has no file.
#[test]
fn a_gateway_without_a_file_has_nothing_to_read_again() {
    let scratch = Scratch::new("reload");
    let arguments = ["demo", "--bind", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let mut demo = Program::start(&mut ajpgate(scratch.path(), &arguments));
    let admin = demo.prints("where the metrics are", |demo| {
        address_after(&demo.stdout(), "metrics   http://")
    });
    assert_eq!(ask(admin, "POST", RELOAD, "").status, 409);
}
