//! Output that cannot be written: the reader of a pipe has gone (`| head -1`), or the disk behind a file is full.

use std::fs::File;
use std::io::pipe;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::support::http::get;
use crate::support::program::{ajpgate, run};
use crate::support::{ReservedPort, Scratch, until};

const GOOD: &str = "\
listeners: [{ bind: \"127.0.0.1:0\" }]
proxy_pass: [{ path: /, respond: { status: 200 } }]
";

const HTTPD: &str = "\
Frobnicate on
LoadModule ssl_module modules/mod_ssl.so
ProxyPass /a ajp://10.0.0.1:8009/a
SSLRandomSeed startup builtin
";

/// An output, most of them without anybody who takes what is written.
#[derive(Debug, Clone, Copy)]
enum Output {
    Open,
    FullDisk,
    NoReader,
    /// The reader of the pipe is there and does not read.
    Stalled,
}

impl Output {
    fn stdio(self) -> Stdio {
        match self {
            Self::Open => Stdio::null(),
            Self::FullDisk => File::options()
                .write(true)
                .open("/dev/full")
                .unwrap()
                .into(),
            Self::NoReader => pipe().unwrap().1.into(),
            Self::Stalled => {
                let (reader, writer) = pipe().unwrap();
                // It ends with the process of the test.
                std::mem::forget(reader);
                writer.into()
            }
        }
    }
}

/// A child process that is killed with the test.
struct Running(Child);

impl Running {
    fn start(command: &mut Command, stdout: Output, stderr: Output) -> Self {
        let command = command.stdin(Stdio::null());
        let command = command.stdout(stdout.stdio()).stderr(stderr.stdio());
        Self(command.spawn().unwrap())
    }

    fn code(&mut self) -> Option<i32> {
        until("the program ends", || self.0.try_wait().unwrap()).code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Before, each of them panicked, which is exit code 101.
#[test]
fn commands_whose_output_is_lost_end_with_the_exit_code_that_they_have_anyway() {
    let scratch = Scratch::new("closed_output");
    scratch.write("good.yaml", GOOD);
    let bad = format!("{GOOD}{}", "nonsense: 1\n".repeat(50));
    scratch.write("bad.yaml", &bad);
    scratch.write("httpd.conf", HTTPD);
    let gone = ReservedPort::new();
    let gone_http = format!("http://{}", gone.addr());
    let gone_ajp = format!("ajp://{}", gone.addr());
    for (arguments, expected) in [
        (&["check", "-c", "good.yaml"][..], 0),
        (&["check", "-c", "bad.yaml"], 2),
        (&["check", "-c", "missing.yaml"], 2),
        (&["run", "-c", "bad.yaml"], 2),
        (&["run", "-c", "missing.yaml"], 2),
        (&["explain", "-c", "bad.yaml", "http://a/"], 2),
        (&["explain", "-c", "good.yaml", "http://a/"], 0),
        (&["explain", "-c", "good.yaml", "::::"], 2),
        (&["convert", "--httpd", "httpd.conf"], 0),
        (&["convert", "--httpd", "httpd.conf", "--strict"], 1),
        (&["convert", "--httpd", "missing.conf"], 2),
        (&["convert", "--httpd", "httpd.conf", "--explain", "::"], 2),
        (&["status", "--admin", &gone_http], 1),
        (&["reload", "--admin", &gone_http], 1),
        (&["drain", "--admin", &gone_http, "shop", "node1"], 1),
        (
            &["set", "--admin", &gone_http, "shop", "node1", "lbset=1"],
            1,
        ),
        (&["ping", "-n", "1", &gone_ajp], 1),
        (&["ping", "http://a"], 2),
        (&["node", "--bind", "192.0.2.1:1", "--route", "a"], 1),
        (&["schema"], 0),
        (&["completions", "bash"], 0),
        (&["--help"], 0),
        (&["--version"], 0),
        (&["frobnicate"], 2),
    ] {
        for stderr in [Output::FullDisk, Output::NoReader, Output::Open] {
            for stdout in [Output::Open, Output::NoReader, Output::FullDisk] {
                let mut command = ajpgate(scratch.path(), arguments);
                let code = Running::start(&mut command, stdout, stderr).code();
                // What could not be written onto a disk was not done.
                let lost = matches!(stdout, Output::FullDisk) && expected == 0;
                let is_right = code == Some(expected) || lost && code == Some(1);
                let case = format!("{arguments:?} with {stdout:?} and {stderr:?}");
                assert!(is_right, "{case}: {code:?} in place of {expected}");
            }
        }
    }
}

/// Before, a request whose log line was lost had no answer, the signal ended in exit code 101, and more lines in SIGABRT.
#[test]
fn a_gateway_whose_log_is_lost_answers_and_stops_as_before() {
    for level in ["debug", "trace", "info"] {
        for stderr in [Output::FullDisk, Output::NoReader, Output::Stalled] {
            let scratch = Scratch::new("closed_output");
            let (front, dead) = (ReservedPort::new(), ReservedPort::new());
            let (bind, gone) = (front.addr(), dead.addr());
            scratch.write(
                "ajpgate.yaml",
                &format!(
                    "listeners: [{{ bind: \"{bind}\" }}]\n\
                     admin: off\n\
                     log: {{ level: {level} }}\n\
                     access_log: {{ path: stderr }}\n\
                     proxy_pass:\n\
                     \x20 - {{ path: /, respond: {{ status: 200 }} }}\n\
                     \x20 - {{ path: /dead, to: \"ajp://{gone}\" }}\n"
                ),
            );
            let mut command = ajpgate(scratch.path(), &["run"]);
            let mut gateway = Running::start(&mut command, Output::FullDisk, stderr);
            until("it listens", || TcpStream::connect(bind).ok());
            // A pipe that is not read holds 64 KiB, and a request here writes more than 100 bytes.
            let requests = match stderr {
                Output::Stalled => 700,
                _ => 3,
            };
            for _ in 0..requests {
                assert_eq!(get(bind, "/", "").status, 200, "{level} {stderr:?}");
                assert_eq!(get(bind, "/dead", "").status, 503, "{level} {stderr:?}");
            }
            for (name, ends) in [("HUP", false), ("TERM", true)] {
                let kill = format!("kill -s {name} {}", gateway.0.id());
                assert_eq!(run(Command::new("sh").args(["-c", &kill])).code, Some(0));
                if !ends {
                    assert_eq!(get(bind, "/", "").status, 200, "{level} {stderr:?}");
                }
            }
            assert_eq!(gateway.code(), Some(0), "{level} {stderr:?}");
        }
    }
}
