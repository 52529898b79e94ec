//! Changes by API and page stay after a reload, and with a state file after a restart.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::cluster::Node;
use crate::house::{House, file};
use crate::support::http::{ask, get};
use crate::support::program::{Program, ajpgate};
use crate::support::{ReservedPort, Scratch};

const MEMBERS: &str = "/api/v1/balancers/shop/members";
const DRAIN: &str = "{\"status\": {\"drain\": true}}";
const STATE: &str = "admin: { bind: \"127.0.0.1:0\", state_file: state/state.json }\n";

#[test]
fn a_route_that_another_member_has_is_told() {
    let mut house = House::start("");
    let member = format!("{MEMBERS}/node2");
    let changed = ask(house.admin, "PATCH", &member, "{\"route\": \"node1\"}");
    assert_eq!(changed.status, 200, "{changed:?}");
    house
        .gateway
        .logs("several members have one route: the sessions of all of them go to the first");
    assert!(house.members().iter().all(|it| it["shares_route"] == true));
}

#[test]
fn members_are_added_and_removed_while_the_gateway_runs() {
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

    // Changes by hand survive a reload.
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
    // Without a state file they do not survive a restart.
    house.kill_and_start();
    assert_eq!(house.members().len(), 2);
}

#[test]
fn changes_by_hand_survive_kill_9() {
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

    // Other users cannot read the file, since it may hold secrets.
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

/// A change that cannot be written to the state file is refused, by API and on the page, and nothing is changed.
#[test]
fn a_change_that_cannot_be_written_is_not_made() {
    let scratch = Scratch::new("reload");
    let nodes = ["node1", "node2"].map(|route| Node::start(&scratch, route, None));
    scratch.write("ajpgate.yaml", &file(&nodes, 2, STATE));
    scratch.folder("state");
    // The program cannot write a byte into any file, as on a full disk.
    let program = env!("CARGO_BIN_EXE_ajpgate");
    let full = format!("trap '' XFSZ; ulimit -f 0; exec {program} run");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &full]).current_dir(scratch.path());
    let mut gateway = Program::start(&mut command);
    let mut house = House {
        front: gateway.front(),
        admin: gateway.admin(),
        gateway,
        nodes,
        scratch,
    };
    house.nothing_can_be_changed();
    assert!(!house.scratch.path().join("state/state.json").exists());
    // The folder is missing, as when a volume is not mounted.
    house.kill_and_start();
    std::fs::remove_dir_all(house.scratch.path().join("state")).unwrap();
    house.nothing_can_be_changed();
    house.gateway.logs("the state file cannot be written");
    let log = house.gateway.stderr();
    let mut lines = log
        .lines()
        .filter(|line| line.contains("cannot be written"));
    assert!(lines.all(|line| line.contains("state/state.json")), "{log}");
    // The folder is there again.
    house.scratch.folder("state");
    let drained = ask(house.admin, "PATCH", &format!("{MEMBERS}/node1"), DRAIN);
    assert_eq!(drained.status, 200);
    house.kill_and_start();
    assert_eq!(house.members()[0]["status"]["drain"], json!(true));
}

impl House {
    fn nothing_can_be_changed(&self) {
        let before = self.members();
        let nobody = ReservedPort::new();
        let add = json!({ "url": format!("ajp://{}", nobody.addr()) }).to_string();
        for (method, path, body) in [
            ("PATCH", &*format!("{MEMBERS}/node1"), DRAIN),
            ("PATCH", "/api/v1/balancers/shop", "{\"nofailover\": true}"),
            ("DELETE", &format!("{MEMBERS}/node1"), ""),
            ("POST", MEMBERS, &*add),
        ] {
            let refused = ask(self.admin, method, path, body);
            assert!(refused.status >= 400, "{method}: {refused:?}");
            for named in ["state file", "state/state.json"] {
                assert!(refused.body.contains(named), "{method}: {refused:?}");
            }
            assert_eq!(self.members(), before, "{method}");
        }
        let shop = get(self.admin, "/api/v1/balancers/shop", "");
        assert!(shop.body.contains("\"nofailover\":false"), "{shop:?}");
    }
}

/// A kill during writing leaves an incomplete new file beside the old one.
#[test]
fn an_incomplete_state_file_is_ignored() {
    let mut house = House::start("admin: { bind: \"127.0.0.1:0\", state_file: state.json }\n");
    let drain = |house: &House, member: &str| {
        ask(house.admin, "PATCH", &format!("{MEMBERS}/{member}"), DRAIN).status
    };
    assert_eq!(drain(&house, "node1"), 200);
    house
        .scratch
        .write("state.json.new", "{ \"program\": \"ajp");
    house.kill_and_start();
    assert_eq!(house.members()[0]["status"]["drain"], json!(true));
    assert_eq!(drain(&house, "node2"), 200);
    house.kill_and_start();
    assert_eq!(house.members()[1]["status"]["drain"], json!(true));
}

/// The file gets the same warning from `check`. Neither refuses it: the member with this route may be added next.
#[test]
fn a_redirect_to_nobody_is_named_in_the_log() {
    let mut house = House::start("");
    let first = format!("{MEMBERS}/node1");
    for change in [
        json!({ "redirect": "node2" }),
        json!({ "redirect": "node3" }),
        // The warning is not repeated.
        json!({ "lbset": 1 }),
        json!({ "redirect": "node1" }),
    ] {
        let changed = ask(house.admin, "PATCH", &first, &change.to_string());
        assert_eq!(changed.status, 200, "{changed:?}");
    }
    let own = "redirect: \"node1\" is the member's own route";
    house.gateway.logs(own);
    let nobody = "redirect: no member of \"shop\" has the route \"node3\"";
    let log = house.gateway.stderr();
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("redirect: "))
        .filter(|line| line.contains("WARN"))
        .collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].contains(nobody) && lines[1].contains(own),
        "{lines:?}"
    );
    let url = format!("member=\"ajp://{}\"", house.nodes[0].address);
    assert!(lines.iter().all(|line| line.contains(&url)), "{lines:?}");
}

/// A member that was added by hand names a file that is missing at a restart. The other changes by hand stay.
#[test]
fn an_added_member_that_cannot_be_read_is_left_out_alone() {
    let mut house = House::start("admin: { bind: \"127.0.0.1:0\", state_file: state.json }\n");
    let secret = house.scratch.write("secret", "s3cret");
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&secret, private.clone()).unwrap();
    let third = Node::start(&house.scratch, "node3", Some("s3cret"));
    let url = format!("ajp://{}", third.address);
    let add = json!({ "url": url, "route": "node3", "secret_file": "secret" });
    let added = ask(house.admin, "POST", MEMBERS, &add.to_string());
    assert_eq!(added.status, 201, "{added:?}");
    let drained = ask(house.admin, "PATCH", &format!("{MEMBERS}/node1"), DRAIN);
    assert_eq!(drained.status, 200);

    std::fs::remove_file(&secret).unwrap();
    house.kill_and_start();
    house.gateway.logs(&format!(
        "a member that was added by hand cannot be used: it is left out until a reload can read it or it is removed by hand balancer=\"shop\" member=\"{url}\""
    ));
    assert_eq!(house.members().len(), 2);
    assert_eq!(house.members()[0]["status"]["drain"], json!(true));
    // A further change does not forget the member.
    let lbset = "{\"lbset\": 1}";
    let changed = ask(house.admin, "PATCH", &format!("{MEMBERS}/node2"), lbset);
    assert_eq!(changed.status, 200);
    house.kill_and_start();
    assert_eq!(house.members().len(), 2);

    house.scratch.write("secret", "s3cret");
    std::fs::set_permissions(&secret, private).unwrap();
    assert_eq!(house.reload().0, 200);
    let cookie = "Cookie: JSESSIONID=A.node3\r\n";
    assert_eq!(get(house.front, "/", cookie).node(), "node3");
    house.kill_and_start();
    assert_eq!(house.members().len(), 3);
}

/// A file that an added member names is missing at a reload, and then at a start. The reason says what to do, and the member
/// can be removed in both cases.
#[test]
fn an_added_member_that_cannot_be_read_can_be_removed() {
    let mut house = House::start("admin: { bind: \"127.0.0.1:0\", state_file: state.json }\n");
    let secret = house.scratch.write("secret", "s3cret");
    let private = std::fs::Permissions::from_mode(0o600);
    for key in ["node3", "ajp%3A%2F%2FLOCALHOST%3A9"] {
        let secret = house.scratch.write("secret", "s3cret");
        std::fs::set_permissions(&secret, private.clone()).unwrap();
        let add = json!({ "url": "ajp://localhost:9", "route": "node3", "secret_file": "secret" });
        let added = ask(house.admin, "POST", MEMBERS, &add.to_string());
        assert_eq!(added.status, 201, "{added:?}");
        std::fs::remove_file(&secret).unwrap();
        let (status, reason) = house.reload();
        assert_eq!(status, 422);
        let said = reason.to_string();
        assert!(
            said.contains("ajp://localhost:9, which was added by hand"),
            "{said}"
        );
        assert!(said.contains("remove the member by hand"), "{said}");
        assert!(
            !said.contains("/added:"),
            "no file that is not there: {said}"
        );
        house.kill_and_start();
        assert_eq!(house.members().len(), 2);
        let path = format!("{MEMBERS}/{key}");
        assert_eq!(ask(house.admin, "DELETE", &path, "").status, 204);
        assert_eq!(ask(house.admin, "DELETE", &path, "").status, 404);
        assert_eq!(house.reload().0, 200);
        house.kill_and_start();
    }
    house.scratch.write("secret", "s3cret");
    std::fs::set_permissions(&secret, private).unwrap();
    assert_eq!(house.reload().0, 200);
    assert_eq!(house.members().len(), 2, "it is forgotten");
}

/// The file gives `sticky_cookie` the name that `stickysession` was given by hand: the reload is refused, and a start warns.
#[test]
fn a_session_cookie_that_was_set_by_hand_is_not_dropped_in_silence() {
    let admin = "admin: { bind: \"127.0.0.1:0\", state_file: state.json }\n";
    let mut house = House::start(admin);
    let balancer = "/api/v1/balancers/shop";
    let by_hand = "{\"stickysession\": \"ROUTEID\"}";
    assert_eq!(ask(house.admin, "PATCH", balancer, by_hand).status, 200);
    let cookie = "  shop:\n    sticky_cookie: { name: ROUTEID }\n";
    let plain = file(&house.nodes, 2, admin);
    let written = plain.replace("  shop:\n", cookie);
    house.scratch.write("ajpgate.yaml", &written);
    let (status, reason) = house.reload();
    assert_eq!(status, 422);
    let said = reason.to_string();
    assert!(
        ["shop", "ROUTEID", "sticky_cookie", "stickysession"]
            .iter()
            .all(|it| said.contains(it)),
        "{said}"
    );
    let shown: Value = serde_json::from_str(&get(house.admin, balancer, "").body).unwrap();
    assert_eq!(shown["stickysession"], json!("ROUTEID"));
    house.kill_and_start();
    house
        .gateway
        .logs("its sessions are found by the cookie ROUTEID, and its sticky_cookie has this name");
    let by_hand = "{\"stickysession\": \"SID\"}";
    assert_eq!(ask(house.admin, "PATCH", balancer, by_hand).status, 200);
    assert_eq!(house.reload().0, 200);
}

/// A member is known by the place of its url, however the file writes it: what was changed of it by hand stays.
#[test]
fn a_member_whose_url_is_written_anew_is_the_same() {
    let mut house = House::start("admin: { bind: \"127.0.0.1:0\", state_file: state.json }\n");
    let admin = "admin: { bind: \"127.0.0.1:0\", state_file: state.json }\n";
    let plain = file(&house.nodes, 2, admin);
    let with = |url: &str| {
        plain.replace(
            "    members:\n",
            &format!("    members:\n      - {{ url: \"{url}\", route: node9 }}\n"),
        )
    };
    let (one, other) = ("ajp://localhost", "ajp://LocalHost:8009/");
    house.scratch.write("ajpgate.yaml", &with(one));
    assert_eq!(house.reload().0, 200);
    let drained = ask(house.admin, "PATCH", &format!("{MEMBERS}/node9"), DRAIN);
    assert_eq!(drained.status, 200, "{drained:?}");
    house.scratch.write("ajpgate.yaml", &with(other));
    assert_eq!(house.reload().0, 200);
    let drains = |house: &House| {
        let members = house.members();
        let found = members.iter().find(|it| it["route"] == "node9");
        found.map(|it| (it["url"].clone(), it["status"]["drain"].clone()))
    };
    let expected = Some((json!("ajp://LocalHost:8009"), json!(true)));
    assert_eq!(drains(&house), expected);
    house.kill_and_start();
    assert_eq!(drains(&house), expected);
    // It goes in whatever way it is named, and stays away in whatever way the file writes it.
    let path = format!("{MEMBERS}/ajp%3A%2F%2Flocalhost%3A8009");
    assert_eq!(ask(house.admin, "DELETE", &path, "").status, 204);
    for url in [one, other] {
        house.scratch.write("ajpgate.yaml", &with(url));
        assert_eq!(house.reload().0, 200);
        assert_eq!(drains(&house), None, "{url}");
    }
    // One that was added by hand and came into the file too is gone at once.
    let add = json!({ "url": "ajp://nobody", "route": "node8" });
    assert_eq!(
        ask(house.admin, "POST", MEMBERS, &add.to_string()).status,
        201
    );
    house
        .scratch
        .write("ajpgate.yaml", &with("ajp://NOBODY:8009"));
    assert_eq!(house.reload().0, 200);
    assert_eq!(
        ask(house.admin, "DELETE", &format!("{MEMBERS}/node9"), "").status,
        204
    );
    assert_eq!(house.members().len(), 2);
}

/// Paths of files that a member names are relative to the configuration's folder, wherever the program was started.
#[test]
fn an_added_members_files_are_relative_to_the_configuration() {
    let scratch = Scratch::new("reload");
    let nodes = ["node1", "node2"].map(|route| Node::start(&scratch, route, None));
    scratch.write("etc/ajpgate.yaml", &file(&nodes, 1, STATE));
    let secret = scratch.write("etc/secret", "s3cret");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    scratch.folder("etc/state");
    let third = Node::start(&scratch, "node3", Some("s3cret"));
    let add = json!({
        "url": format!("ajp://{}", third.address), "route": "node3", "secret_file": "secret",
    });
    let run = || {
        Program::start(&mut ajpgate(
            scratch.path(),
            &["run", "-c", "etc/ajpgate.yaml"],
        ))
    };
    let mut gateway = run();
    let added = ask(gateway.admin(), "POST", MEMBERS, &add.to_string());
    assert_eq!(added.status, 201, "{added:?}");
    gateway.signal("KILL");
    let mut gateway = run();
    let answer = get(gateway.front(), "/", "Cookie: JSESSIONID=A.node3\r\n");
    assert_eq!(answer.node(), "node3");
}

/// A member that was added and removed by hand, and that the file names later, is a member of the file.
#[test]
fn a_member_that_was_removed_by_hand_may_come_with_the_file() {
    let house = House::start("");
    house.write(1, "");
    assert_eq!(house.reload().0, 200);
    let second = json!({ "url": format!("ajp://{}", house.nodes[1].address), "route": "node2" });
    assert_eq!(
        ask(house.admin, "POST", MEMBERS, &second.to_string()).status,
        201
    );
    assert_eq!(
        ask(house.admin, "DELETE", &format!("{MEMBERS}/node2"), "").status,
        204
    );
    house.write(2, "");
    assert_eq!(house.reload().0, 200);
    assert_eq!(house.members().len(), 2);
}
