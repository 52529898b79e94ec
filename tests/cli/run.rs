//! `ajpgate run`: which configurations it refuses before it binds, and how signals end it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use insta::assert_snapshot;

use crate::cluster::Cluster;
use crate::house::House;
use crate::support::http::{Request, get};
use crate::support::program::{Done, Program, ajpgate, run};
use crate::support::{Scratch, taken, until};

/// Runs a configuration that must be refused.
fn refused(text: &str) -> Done {
    let scratch = Scratch::new("run");
    scratch.write("ajpgate.yaml", text);
    run(&mut ajpgate(scratch.path(), &["run"]))
}

/// The test itself listens on the addresses of the refused files: a program that binds first fails with exit code 1, so
/// exit code 2 shows that nothing was bound.
#[test]
fn a_bad_file_is_refused_before_anything_is_bound() {
    let (_listener, address) = taken();
    let done = refused(&format!(
        "listeners: [{{ bind: \"{address}\" }}]\nbalancerz: {{}}\nshutdown_timeout: soon\n"
    ));
    assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""), "{done:?}");
    assert_snapshot!(done.stderr.replace(&address.to_string(), "ADDRESS"), @r#"
    ./ajpgate.yaml:2:1: unknown key "balancerz"
     2 | balancerz: {}
       | ^^^^^^^^^
    hint: did you mean `balancers`?

    ./ajpgate.yaml:3:19: shutdown_timeout: "soon" is not a duration
     3 | shutdown_timeout: soon
       |                   ^^^^
    hint: durations are written 250ms, 5s, 2m, 1h or 1d; a bare number is seconds
    "#);
}

/// Certificate files are read before anything is bound.
#[test]
fn certificates_that_cannot_be_read_are_named_at_their_line() {
    let done = refused(
        "listeners: [{ bind: \"127.0.0.1:0\" }]\n\
         proxy_pass:\n\
         - path: /\n  to: \"https://localhost/\"\n  member: { tls: { ca: nowhere.pem } }\n",
    );
    assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""), "{done:?}");
    let said = &done.stderr;
    assert!(said.starts_with("./ajpgate.yaml:5:"), "{said}");
    assert!(
        said.contains("cannot read") && said.contains("nowhere.pem"),
        "{said}"
    );
}

#[test]
fn a_missing_file_is_refused() {
    let scratch = Scratch::new("run");
    let done = run(&mut ajpgate(scratch.path(), &["run", "-c", "nowhere.yaml"]));
    assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""), "{done:?}");
    assert_snapshot!(done.stderr, @r#"
    nowhere.yaml:1:1: cannot read the file: No such file or directory (os error 2)
    hint: name it with -c or $AJPGATE_CONFIG
    "#);
}

/// As in `ajpgate run -c <(envsubst < template.yaml)`.
#[test]
fn a_file_may_be_a_pipe() {
    let scratch = Scratch::new("run");
    let pipe = scratch.path().join("pipe");
    let made = run(Command::new("mkfifo").arg(&pipe));
    assert_eq!(made.code, Some(0), "{made:?}");
    let mut gateway = Program::start(&mut ajpgate(scratch.path(), &["run", "-c", "pipe"]));
    let text = "listeners: [{ bind: \"127.0.0.1:0\" }]\nadmin: off\nproxy_pass: []\nwatch: true\n";
    std::fs::write(&pipe, text).unwrap();
    gateway.front();
    gateway.stop();
}

/// `-c` comes before `$AJPGATE_CONFIG`, which comes before `./ajpgate.yaml`: the message names the file.
#[test]
fn run_looks_for_the_file_where_check_does() {
    let scratch = Scratch::new("run");
    for name in ["named.yaml", "environment.yaml", "ajpgate.yaml"] {
        scratch.write(name, "listeners: []\n");
    }
    for (arguments, variable, file) in [
        (
            &["-c", "named.yaml"][..],
            Some("environment.yaml"),
            "named.yaml",
        ),
        (&[], Some("environment.yaml"), "environment.yaml"),
        (&[], None, "./ajpgate.yaml"),
    ] {
        let mut command = ajpgate(scratch.path(), &["run"]);
        command.args(arguments);
        command.envs(variable.map(|value| ("AJPGATE_CONFIG", value)));
        let done = run(&mut command);
        assert_eq!(done.code, Some(2), "{done:?}");
        assert!(
            done.stderr.starts_with(&format!("{file}:1:12: ")),
            "{done:?}"
        );
    }
}

#[test]
fn a_port_in_use_is_a_failure_that_names_it() {
    let (_listener, address) = taken();
    for (text, message) in [
        (
            format!("listeners: [{{ bind: \"{address}\" }}]\nadmin: off\n"),
            format!("ajpgate: cannot listen on {address}: Address already in use (os error 98)\n"),
        ),
        (
            format!("listeners: [{{ bind: \"127.0.0.1:0\" }}]\nadmin: {{ bind: \"{address}\" }}\n"),
            format!(
                "ajpgate: cannot listen on {address} (admin): Address already in use (os error 98)\n"
            ),
        ),
    ] {
        let done = refused(&text);
        assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{done:?}");
        assert!(done.stderr.ends_with(&message), "{done:?}");
    }
}

#[test]
fn an_access_log_that_cannot_be_opened_is_a_failure_that_names_it() {
    let done = refused(
        "listeners: [{ bind: \"127.0.0.1:0\" }]\nadmin: off\naccess_log: { path: no/where.log }\n",
    );
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{done:?}");
    assert!(
        done.stderr.contains("cannot open the access log"),
        "{done:?}"
    );
    assert!(done.stderr.contains("no/where.log"), "{done:?}");
}

#[test]
fn sigterm_and_sigint_let_a_request_finish() {
    for signal in ["TERM", "INT"] {
        let mut cluster = Cluster::start("");
        let upload = Request::begin_upload(cluster.front);
        cluster.in_flight("1");

        cluster.gateway.signal(signal);
        until("the front takes no more", || {
            TcpStream::connect(cluster.front).err()
        });
        let ready = get(cluster.admin, "/readyz", "");
        assert_eq!(
            (ready.status, ready.body.as_str()),
            (503, "shutting down\n")
        );

        let answer = upload.finish();
        assert_eq!((answer.status, answer.body.as_str()), (200, "4 bytes\n"));
        assert_eq!(answer.field("connection"), Some("close"));
        let done = cluster.gateway.ended();
        assert_eq!(done.code, Some(0), "{signal}: {done:?}");
    }
}

#[test]
fn a_request_is_cut_off_when_shutdown_timeout_is_over() {
    let mut cluster = Cluster::start("shutdown_timeout: 100ms\n");
    let _upload = Request::begin_upload(cluster.front);
    cluster.in_flight("1");
    cluster.gateway.signal("TERM");
    let done = cluster.gateway.ended();
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stderr.contains("shutdown_timeout is over"), "{done:?}");
}

/// A second signal ends the wait for requests.
#[test]
fn a_second_signal_cuts_off_requests_in_flight() {
    let mut cluster = Cluster::start("shutdown_timeout: 1h\n");
    let _upload = Request::begin_upload(cluster.front);
    cluster.in_flight("1");
    cluster.gateway.signal("TERM");
    cluster.gateway.logs("shutting down");
    cluster.gateway.signal("INT");
    let done = cluster.gateway.ended();
    assert_eq!(done.code, Some(0), "{done:?}");
    let told = "told to stop once more: connections are cut";
    assert!(done.stderr.contains(told), "{done:?}");
}

#[test]
fn clients_are_served_by_as_many_threads_as_the_configuration_says() {
    let cluster = Cluster::start("runtime: { threads: 3 }\n");
    let tasks = format!("/proc/{}/task", cluster.gateway.id());
    let names = std::fs::read_dir(tasks).unwrap().map(|task| {
        let name = std::fs::read_to_string(task.unwrap().path().join("comm"));
        name.unwrap().trim().to_owned()
    });
    let mut names: Vec<String> = names.filter(|it| it.starts_with("clients-")).collect();
    names.sort();
    assert_eq!(names, ["clients-0", "clients-1", "clients-2"]);
    for _ in 0..20 {
        assert_eq!(cluster.get("/app/", "").status, 200);
    }
}

/// Clients take all descriptors that the process may have. A request then finds none for a connection to a member.
#[test]
fn a_lack_of_file_descriptors_blames_no_member() {
    let mut house = House::start("runtime: { threads: 1 }\n");
    let process = house.gateway.id();
    let open = std::fs::read_dir(format!("/proc/{process}/fd"));
    let most = open.unwrap().count() + 8;
    let limit = Command::new("prlimit")
        .args(["--pid", &process.to_string()])
        .arg(format!("--nofile={most}:{most}"))
        .status();
    assert!(limit.unwrap().success());
    let mut clients: Vec<TcpStream> = (0..20)
        .map(|_| TcpStream::connect(house.front).unwrap())
        .collect();
    house.gateway.logs("cannot take connections");
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    clients[0].write_all(request).unwrap();
    let mut status = [0; 12];
    clients[0].read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 503");
    house.gateway.logs("needs a higher limit of open files");
    drop(clients);
    for member in house.members() {
        let seen = (member["usable"].as_bool(), member["errors"].as_u64());
        assert_eq!(seen, (Some(true), Some(0)), "{member}");
    }
    assert_eq!(get(house.front, "/", "").status, 200);
}

/// The threads share the address among themselves, and with no other program.
#[test]
fn an_address_on_which_another_gateway_listens_is_refused() {
    let cluster = Cluster::start("runtime: { threads: 2 }\n");
    let front = cluster.front;
    let done = refused(&format!(
        "listeners: [{{ bind: \"{front}\" }}]\nruntime: {{ threads: 2 }}\nadmin: off\n"
    ));
    assert_eq!(done.code, Some(1), "{done:?}");
    let why = format!("cannot listen on {front}");
    assert!(done.stderr.contains(&why), "{done:?}");
}

#[test]
fn run_logs_its_addresses() {
    let mut cluster = Cluster::start("");
    let (front, admin) = (cluster.front, cluster.admin);
    cluster.gateway.prints("that it runs", |gateway| {
        gateway
            .stderr()
            .contains("ajpgate is running")
            .then_some(())
    });
    let log = cluster.stop().stderr;
    for line in [
        format!("listening on http://{front}"),
        format!("admin on http://{admin}"),
        "shutting down".to_owned(),
    ] {
        assert!(
            log.lines().any(|logged| logged.ends_with(&line)),
            "{line}: {log}"
        );
    }
}

#[test]
fn two_signals_at_the_same_time_end_it_once() {
    let mut cluster = Cluster::start("");
    cluster.gateway.prints("that it runs", |gateway| {
        gateway
            .stderr()
            .contains("ajpgate is running")
            .then_some(())
    });
    let pid = cluster.gateway.id();
    let mut both = Command::new("sh");
    both.args(["-c", &format!("kill -s TERM {pid}; kill -s INT {pid}")]);
    let _ = both.output().unwrap();
    assert_eq!(cluster.gateway.ended().code, Some(0));
}

/// A gateway without a running backend starts, answers 404 and 503, and stops.
#[test]
fn members_need_not_run_at_the_start() {
    let scratch = Scratch::new("run");
    let nobody = crate::support::ReservedPort::new();
    scratch.write(
        "ajpgate.yaml",
        &format!(
            "listeners: [{{ bind: \"127.0.0.1:0\" }}]\n\
             balancers: {{ b: {{ members: [{{ url: \"ajp://{}\" }}] }} }}\n\
             proxy_pass: [{{ path: /app, to: \"balancer://b/app\" }}]\n\
             admin: off\n",
            nobody.addr()
        ),
    );
    let mut gateway = Program::start(&mut ajpgate(scratch.path(), &["run"]));
    let front = gateway.front();
    assert_eq!(get(front, "/", "").status, 404);
    let unserved = get(front, "/app", "");
    assert_eq!(unserved.status, 503);
    assert!(unserved.field("retry-after").is_some(), "{unserved:?}");
    gateway.stop();
}

/// Shells start programs with a soft limit of open files that is below the hard limit.
#[test]
fn run_raises_its_limit_of_open_files() {
    let scratch = Scratch::new("run");
    let file =
        "listeners: [{ bind: \"127.0.0.1:0\" }]\nadmin: off\nlimits: { max_connections: 100 }\n";
    scratch.write("ajpgate.yaml", file);
    let program = env!("CARGO_BIN_EXE_ajpgate");
    for (limits, warned) in [
        ("ulimit -Sn 250; ulimit -Hn 2000", false),
        ("ulimit -n 250", true),
    ] {
        let line = format!("{limits}; exec {program} run");
        let mut command = Command::new("sh");
        command.args(["-c", &line]).current_dir(scratch.path());
        let mut gateway = Program::start(&mut command);
        gateway.front();
        let process = format!("/proc/{}/limits", gateway.id());
        let limits = std::fs::read_to_string(process).unwrap();
        let files = limits
            .lines()
            .find(|line| line.starts_with("Max open files"));
        let soft = files.unwrap().split_whitespace().nth(3);
        assert_eq!(soft, Some(if warned { "250" } else { "2000" }), "{limits}");
        let said = gateway.stop().stderr.contains("open files");
        assert_eq!(said, warned);
    }
}
