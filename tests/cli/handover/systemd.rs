//! Sockets from systemd, and what systemd is told. The test plays systemd.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{self, UnixDatagram};
use std::process::Command;
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt as _, FdMapping};

use super::succession::{Succession, gone};
use crate::support::http::{ask, get};
use crate::support::program::{Done, Program, ajpgate, run};
use crate::support::{DEADLINE, ReservedPort, Scratch, until};

/// The socket that messages for systemd are sent to.
struct Systemd {
    socket: UnixDatagram,
    scratch: Scratch,
}

impl Systemd {
    fn new() -> Self {
        let scratch = Scratch::new("systemd");
        let socket = UnixDatagram::bind(scratch.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Self { socket, scratch }
    }

    /// Has a program tell this systemd, which wants signs of life from that process only.
    fn of(&self, command: &Command, watchdog: Option<Duration>) -> Command {
        let mut command = by_shell(command, "WATCHDOG_PID=$$");
        command.env("NOTIFY_SOCKET", self.scratch.path().join("notify"));
        if let Some(watchdog) = watchdog {
            command.env("WATCHDOG_USEC", watchdog.as_micros().to_string());
        }
        command
    }

    /// The lines of the next message.
    fn message(&self) -> Vec<String> {
        let mut bytes = [0; 4096];
        let length = self.socket.recv(&mut bytes).expect("a message");
        let text = std::str::from_utf8(&bytes[..length]).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// The next message that is no sign of life and not for people alone.
    fn next(&self) -> Vec<String> {
        loop {
            let mut message = self.message();
            message.retain(|line| !line.starts_with("STATUS="));
            if !message.is_empty() && message != ["WATCHDOG=1"] {
                return message;
            }
        }
    }
}

/// Runs a command by a shell, which becomes the program: an assignment can name its process id.
fn by_shell(command: &Command, assignment: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{assignment} exec \"$0\" \"$@\"")]);
    shell.arg(command.get_program()).args(command.get_args());
    shell.current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

#[test]
fn an_abstract_socket_is_told_too() {
    let name = format!("ajpgate-test-{}", std::process::id());
    let address = net::SocketAddr::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let scratch = Scratch::new("abstract");
    scratch.write(
        "ajpgate.yaml",
        "listeners: [{ bind: \"127.0.0.1:0\" }]\nadmin: off\nproxy_pass: [{ path: /, respond: { status: 204 } }]\n",
    );
    let mut command = ajpgate(scratch.path(), &["run"]);
    command.env("NOTIFY_SOCKET", format!("@{name}"));
    let running = Program::start(&mut command);
    let mut bytes = [0; 4096];
    let length = socket.recv(&mut bytes).expect("a message");
    let text = std::str::from_utf8(&bytes[..length]).unwrap();
    assert!(text.lines().any(|line| line == "READY=1"), "{text}");
    drop(running);
}

#[test]
fn systemd_is_told_of_start_reload_and_stop() {
    let systemd = Systemd::new();
    let gateway = Succession::start_by("shutdown_delay: 1s\n", |it| systemd.of(&it, None));
    assert_eq!(systemd.message(), ["READY=1", "STATUS=running"]);

    let microseconds = || {
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let (seconds, _) = uptime.split_once(' ').unwrap();
        seconds.parse::<f64>().unwrap() * 1e6
    };
    let before = microseconds();
    gateway.signal("HUP");
    let reloading = systemd.message();
    assert_eq!(reloading[0], "RELOADING=1");
    let since = reloading[1].strip_prefix("MONOTONIC_USEC=").unwrap();
    let since: f64 = since.parse().unwrap();
    // Both count from the start of the machine, but for the time in which it slept.
    assert!(since > 0.0 && since < before + 60e6, "{since} {before}");
    assert_eq!(systemd.message(), ["READY=1", "STATUS=running"]);

    gateway.scratch.write("ajpgate.yaml", "nonsense\n");
    assert_eq!(ask(gateway.admin, "POST", "/api/v1/reload", "").status, 422);
    assert_eq!(systemd.next()[0], "RELOADING=1");
    let failed = systemd.message();
    assert_eq!(failed[0], "READY=1");
    assert!(
        failed[1].contains("the last reload was refused"),
        "{failed:?}"
    );

    gateway.signal("TERM");
    let stopping = systemd.next();
    // shutdown_delay, shutdown_timeout and the end.
    assert_eq!(stopping, ["STOPPING=1", "EXTEND_TIMEOUT_USEC=36000000"]);
}

#[test]
fn systemd_gets_signs_of_life() {
    let systemd = Systemd::new();
    let longest = Duration::from_millis(400);
    let gateway = Succession::start_by("", |it| systemd.of(&it, Some(longest)));
    assert_eq!(systemd.next(), ["READY=1"]);
    let signs = |count: usize| {
        let begun = Instant::now();
        let mut seen = 0;
        while seen < count {
            seen += usize::from(systemd.message() == ["WATCHDOG=1"]);
        }
        begun.elapsed()
    };
    signs(1);
    // At half of the time that systemd allows, and no faster.
    let time = signs(4);
    assert!(time > longest, "{time:?}");
    // A process that hangs says nothing.
    gateway.signal("STOP");
    systemd.socket.set_read_timeout(Some(3 * longest)).unwrap();
    let silent = |systemd: &Systemd| {
        let error = systemd.socket.recv(&mut [0; 100]).err();
        error.is_some_and(|it| it.kind() == ErrorKind::WouldBlock)
    };
    until("silence", || silent(&systemd).then_some(()));
    gateway.signal("CONT");
    systemd.socket.set_read_timeout(Some(DEADLINE)).unwrap();
    signs(1);
}

/// systemd believes the process that it takes for the main one only, so the old process names the new one before that says
/// anything.
#[test]
fn systemd_is_told_who_has_taken_over() {
    let systemd = Systemd::new();
    let watchdog = Some(Duration::from_secs(1));
    let mut gateway = Succession::start_by("", |it| systemd.of(&it, watchdog));
    assert_eq!(systemd.next(), ["READY=1"]);
    let old = gateway.hand_over();
    let main = format!("MAINPID={}", gateway.now);
    assert_eq!(systemd.next(), [main]);
    assert_eq!(systemd.next(), ["READY=1"]);
    gone(old);
    // The environment names the process before.
    assert_eq!(systemd.message(), ["WATCHDOG=1"]);
    gateway.signal("TERM");
    assert_eq!(systemd.next()[0], "STOPPING=1");
}

#[test]
fn systemd_hears_that_a_new_program_does_not_take_over() {
    let systemd = Systemd::new();
    let gateway = Succession::start_by("", |it| systemd.of(&it, None));
    assert_eq!(systemd.next(), ["READY=1"]);
    gateway.replace_binary("exit 1");
    gateway.signal("USR2");
    assert_eq!(
        systemd.message(),
        ["STATUS=running; a new program is being started"]
    );
    assert_eq!(
        systemd.message(),
        ["STATUS=running; a new program did not take over, see the log"]
    );
}

/// systemd would not learn that another process is the main one, and kill it.
#[test]
fn without_type_notify_nobody_takes_over() {
    let by_systemd = |it: Command| by_shell(&it, "SYSTEMD_EXEC_PID=$$");
    let gateway = Succession::start_by("", by_systemd);
    gateway.signal("USR2");
    gateway.logs("no new program is started: systemd ends a service with its main process");
    assert_eq!(get(gateway.front, "/", "").status, 200);
    let systemd = Systemd::new();
    let mut gateway = Succession::start_by("", |it| systemd.of(&by_systemd(it), None));
    gone(gateway.hand_over());
}

/// A socket, as systemd makes it.
fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Gives a program these descriptors, with these names.
fn give(command: &Command, sockets: Vec<OwnedFd>, names: &str) -> Command {
    let mut command = by_shell(command, "LISTEN_PID=$$");
    command.env("LISTEN_FDS", sockets.len().to_string());
    command.env("LISTEN_FDNAMES", names);
    let mappings = sockets
        .into_iter()
        .zip(3..)
        .map(|(ours, theirs)| FdMapping {
            parent_fd: ours,
            child_fd: theirs,
        });
    command.fd_mappings(mappings.collect()).unwrap();
    command
}

/// Nobody listens on the member's port.
fn configuration(scratch: &Scratch, front: SocketAddr, admin: SocketAddr) -> ReservedPort {
    let member = ReservedPort::new();
    let text = format!(
        "listeners: [{{ bind: \"{front}\" }}]\nadmin: {{ bind: \"{admin}\" }}\nruntime: {{ threads: 3 }}\n\
         proxy_pass: [{{ path: /, to: \"ajp://{}/\" }}]\n",
        member.addr()
    );
    scratch.write("ajpgate.yaml", &text);
    member
}

/// systemd keeps its own descriptors. Those of the test are closed once the program has its duplicates.
#[test]
fn sockets_of_systemd_are_used_where_they_fit() {
    let scratch = Scratch::new("given");
    let [(front, at), (admin, admin_at), (unused, unused_at)] =
        [listener(), listener(), listener()];
    let _member = configuration(&scratch, at, admin_at);
    let (other, _) = UnixDatagram::pair().unwrap();
    let sockets: Vec<OwnedFd> = vec![unused.into(), other.into(), admin.into(), front.into()];
    let command = ajpgate(scratch.path(), &["run"]);
    let mut command = give(&command, sockets, "old.socket:journal:manager:web");
    let mut gateway = Program::start(&mut command);
    drop(command);
    gateway.logs("ajpgate is running");
    for _ in 0..20 {
        assert_eq!(get(at, "/", "").status, 503);
    }
    assert_eq!(get(admin_at, "/healthz", "").status, 200);
    assert!(TcpStream::connect(unused_at).is_err());
    let log = gateway.stop().stderr;
    let unused = format!(
        "WARN  ajpgate::handover::given: the socket tcp://{unused_at} from systemd is closed: no `bind` has its address \
         name=\"old.socket\""
    );
    assert!(log.contains(&unused), "{log}");
    let other = "neither a listening TCP socket nor a UDP socket name=\"journal\"";
    assert!(log.contains(other), "{log}");
}

/// The variables are those of another process: of a shell that systemd has started, for example.
#[test]
fn sockets_for_another_process_are_left_alone() {
    let scratch = Scratch::new("given");
    let [(front, at), (_admin, admin_at)] = [listener(), listener()];
    let _member = configuration(&scratch, at, admin_at);
    let refused = |command: &mut Command| {
        let done: Done = run(command);
        assert_eq!(done.code, Some(1), "{done:?}");
        let why = format!("cannot listen on {at}: Address already in use");
        assert!(done.stderr.contains(&why), "{done:?}");
    };
    let mut command = ajpgate(scratch.path(), &["run"]);
    let mapping = FdMapping {
        parent_fd: front.into(),
        child_fd: 3,
    };
    command.fd_mappings(vec![mapping]).unwrap();
    command.env("LISTEN_FDS", "1");
    refused(&mut command);
    command.env("LISTEN_PID", "1");
    refused(&mut command);
}

/// What systemd gave is handed on as everything else.
#[test]
fn sockets_of_systemd_are_handed_to_a_new_program() {
    let (front, at) = listener();
    let mut gateway = Succession::start_by("runtime: { threads: 2 }\n", |command| {
        let folder = command.get_current_dir().unwrap().join("ajpgate.yaml");
        let text = std::fs::read_to_string(&folder).unwrap();
        let text = text.replacen("127.0.0.1:0", &at.to_string(), 1);
        std::fs::write(folder, text).unwrap();
        give(&command, vec![front.into()], "web")
    });
    assert_eq!(gateway.front, at);
    for _ in 0..3 {
        gone(gateway.hand_over());
        for _ in 0..10 {
            assert_eq!(get(at, "/", "").status, 200);
        }
    }
    assert!(
        !gateway.log().contains("WARN  ajpgate::handover"),
        "{}",
        gateway.log()
    );
}
