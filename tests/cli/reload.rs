//! Changing the configuration while requests run.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use crate::house::{House, file};
use crate::support::http::{ask, get};
use crate::support::program::{Program, ajpgate};
use crate::support::{Scratch, address_after, taken, until};

#[test]
fn sighup_reads_the_file_again() {
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
fn a_bad_file_changes_nothing_and_the_log_says_why() {
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

    // A file that is valid but cannot be run.
    let of_ca = "proxy_pass: [{ path: /x, to: \"https://localhost/\", member: { tls: { ca: nowhere.pem } } }, ";
    let file = file(&house.nodes, 1, "").replace("proxy_pass: [", of_ca);
    house.scratch.write("ajpgate.yaml", &file);
    let (status, answer) = house.reload();
    assert_eq!((status, house.members().len()), (422, 2), "{answer}");
}

#[test]
fn listeners_are_added_and_removed_and_the_others_stay() {
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

/// Members are added, removed and given other connections fifty times during ten thousand requests.
#[test]
fn no_request_fails_during_reloads() {
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
                    // Other connection settings for the same members.
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

/// Members that a reload does not change keep their state.
#[test]
fn unchanged_members_keep_their_state() {
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
    // As Kubernetes updates a ConfigMap: the file is a symbolic link through a folder that is a link, which is replaced.
    let folder = house.scratch.path();
    let turn = |version: &str, members: usize| {
        let text = file(&house.nodes, members, "watch: true\n");
        house
            .scratch
            .write(&format!("{version}/ajpgate.yaml"), &text);
        link(version, &folder.join("..data"));
    };
    turn("..first", 2);
    link("..data/ajpgate.yaml", &folder.join("ajpgate.yaml"));
    for (version, members) in [("..second", 1), ("..third", 2)] {
        turn(version, members);
        until("the linked file is in force", || {
            (house.members().len() == members).then_some(())
        });
    }
    // A bad file is logged and changes nothing; the next good file is used.
    house.scratch.write("..bad/ajpgate.yaml", "listeners: 1\n");
    link("..bad", &folder.join("..data"));
    until("it is rejected", || {
        (house.reloads("rejected") == 1).then_some(())
    });
    assert_eq!(house.members().len(), 2);
    turn("..fourth", 1);
    until("the good file is in force", || {
        (house.members().len() == 1).then_some(())
    });
}

/// Files of `include` are watched: a changed, an added and a removed one.
#[test]
fn a_watched_folder_is_read_again_when_its_files_change() {
    let include = "watch: true\ninclude: [\"conf.d/*.yaml\"]\n";
    let house = House::start("");
    let mapping = |path: &str| format!("proxy_pass: [{{ path: {path}, exclude: true }}]\n");
    house.scratch.write("conf.d/a.yaml", &mapping("/a"));
    house.write(2, include);
    assert_eq!(house.reload().0, 200);
    let is = |path: &str, status: u16| {
        until("the files are in force", || {
            (get(house.front, path, "").status == status).then_some(())
        });
    };
    is("/a", 404);
    house.scratch.write("conf.d/a.yaml", &mapping("/b"));
    is("/a", 200);
    is("/b", 404);
    house.scratch.write("conf.d/b.yaml", &mapping("/c"));
    is("/c", 404);
    std::fs::remove_file(house.scratch.path().join("conf.d/a.yaml")).unwrap();
    is("/b", 200);
    // A problem names its own file, and changes nothing.
    house.scratch.write("conf.d/b.yaml", "proxy_pas: []\n");
    let (status, answer) = house.reload();
    assert_eq!(status, 422, "{answer}");
    let problem = answer["problems"][0].as_str().unwrap();
    assert!(problem.starts_with("conf.d/b.yaml:1:1: "), "{problem}");
    is("/c", 404);
}

/// Replaces a file by a symbolic link in one step.
fn link(to: &str, place: &std::path::Path) {
    let beside = place.with_file_name("a-new-link");
    std::os::unix::fs::symlink(to, &beside).unwrap();
    std::fs::rename(&beside, place).unwrap();
}

/// Some keys are used at the start only: a reload names them as long as they differ from the start's.
#[test]
fn a_reload_names_the_keys_that_need_a_restart() {
    let house = House::start("");
    assert_eq!(house.reload().1["from_next_start"], json!([]));
    let keys = "shutdown_timeout: 7s\nlimits: { max_body: 1, max_connections: 7 }\n";
    house.write(1, keys);
    for _ in 0..2 {
        let (status, answer) = house.reload();
        assert_eq!(status, 200);
        assert_eq!(answer["from_next_start"], json!(["limits.max_connections"]));
    }
    house.write(2, "");
    assert_eq!(house.reload().1["from_next_start"], json!([]));
}

/// Reloads by signal and by API at the same time are all done, one after the other.
#[test]
fn reloads_at_the_same_time_are_all_done() {
    let house = House::start("");
    let signal = || {
        let pid = house.gateway.id().to_string();
        let sent = std::process::Command::new("kill")
            .args(["-s", "HUP", &pid])
            .status();
        assert!(sent.unwrap().success());
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(house.reload().0, 200);
                    assert_eq!(get(house.front, "/", "").status, 200);
                }
            });
        }
        for _ in 0..5 {
            signal();
            assert_eq!(get(house.front, "/", "").status, 200);
        }
    });
    // Signals that come at the same time may be delivered as one.
    until("all of them are done", || {
        (house.reloads("ok") > 20).then_some(())
    });
    assert_eq!(house.reloads("rejected"), 0);
    assert_eq!(house.members().len(), 2);
}

/// The demo has no configuration file.
#[test]
fn a_gateway_without_a_file_refuses_a_reload() {
    let scratch = Scratch::new("reload");
    let arguments = ["demo", "--bind", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let mut demo = Program::start(&mut ajpgate(scratch.path(), &arguments));
    let admin = demo.prints("where the metrics are", |demo| {
        address_after(&demo.stdout(), "metrics   http://")
    });
    assert_eq!(ask(admin, "POST", "/api/v1/reload", "").status, 409);
}

/// Counters of members that stay are not reset.
#[test]
fn counters_of_members_that_stay_are_not_reset() {
    let house = House::start("");
    for _ in 0..6 {
        get(house.front, "/", "Cookie: JSESSIONID=A.node1\r\n");
    }
    let totals = |house: &House| -> BTreeSet<String> {
        let text = get(house.admin, "/metrics", "").body;
        let of_node1 = text.lines().filter(|line| {
            let (name, labels) = line.split_once('{').unwrap_or_default();
            name.ends_with("_total")
                && labels.contains("route=\"node1\"")
                && !labels.contains("issued=")
        });
        of_node1.map(str::to_owned).collect()
    };
    let before = totals(&house);
    let hits = "ajpgate_sticky_requests_total{balancer=\"shop\",route=\"node1\",result=\"hit\"} 6";
    assert!(before.contains(hits), "{before:#?}");
    // Another connection pool, and no `node2`.
    let text = file(&house.nodes, 1, "").replace("route:", "max: 50, route:");
    house.scratch.write("ajpgate.yaml", &text);
    assert_eq!(house.reload().0, 200);
    assert_eq!(before, totals(&house));
    let metrics = get(house.admin, "/metrics", "").body;
    assert!(!metrics.contains("node2"), "nothing is left of it");
}
