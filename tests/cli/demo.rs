//! `ajpgate demo`: the commands that it prints work.

use std::path::Path;
use std::process::Command;

use crate::support::http::get;
use crate::support::program::{Program, ajpgate, run};
use crate::support::{Scratch, address_after, taken};

/// A running demo that has printed its guide.
struct Demo {
    program: Program,
    guide: String,
    scratch: Scratch,
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let scratch = Scratch::new("demo");
        let mut program = Program::start(ajpgate(scratch.path(), &["demo"]).args(arguments));
        let guide = program.prints("the whole guide", |demo| {
            let text = demo.stdout();
            text.ends_with("Press Ctrl-C to stop.\n").then_some(text)
        });
        Self {
            program,
            guide,
            scratch,
        }
    }

    /// The commands of the guide, unchanged.
    fn commands(&self) -> Vec<&str> {
        let lines = self.guide.lines().map(str::trim);
        lines.filter(|line| line.contains("curl ")).collect()
    }

    /// Ends it with Ctrl-C.
    fn interrupt(mut self) {
        self.program.signal("INT");
        let done = self.program.ended();
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{done:?}");
    }
}

/// Runs a command line in this folder, and returns the lines of its output.
fn type_in(folder: &Path, line: &str) -> Vec<String> {
    let shell = run(Command::new("sh").args(["-c", line]).current_dir(folder));
    assert_eq!(
        (shell.code, shell.stderr.as_str()),
        (Some(0), ""),
        "{line}: {shell:?}"
    );
    shell.stdout.lines().map(str::to_owned).collect()
}

/// The node at the start of each line, and the rest.
fn nodes(lines: &[String]) -> Vec<&str> {
    lines
        .iter()
        .map(|line| line.split_once(':').expect(line).0)
        .collect()
}

/// Runs the three commands of the guide: without a session, with a session, and the metrics.
fn the_commands_show_stickiness(demo: &Demo) {
    let [free, sticky, metrics] = demo.commands()[..] else {
        panic!("{}", demo.guide)
    };
    let folder = demo.scratch.path();

    let strangers = type_in(folder, free);
    let [a, b, c, d] = nodes(&strangers)[..] else {
        panic!("{strangers:?}")
    };
    assert!(
        a != b && (a, b) == (c, d),
        "strangers take turns: {strangers:?}"
    );

    let visits = type_in(folder, sticky);
    assert_eq!(visits.len(), 4);
    let node = nodes(&visits)[0];
    assert_eq!(nodes(&visits), [node; 4], "one session stays on one node");
    for (visit, times) in visits
        .iter()
        .zip(["1 time", "2 times", "3 times", "4 times"])
    {
        assert!(visit.ends_with(&format!("was here {times}")), "{visits:?}");
    }

    let series = type_in(folder, metrics);
    let hits = format!("route=\"{node}\",result=\"hit\"}} 3");
    assert!(series.iter().any(|line| line.contains(&hits)), "{series:?}");
}

/// The printed commands work without a change.
#[test]
fn the_printed_commands_work_unchanged() {
    let demo = Demo::start(&["--bind", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    the_commands_show_stickiness(&demo);
    demo.interrupt();
}

#[test]
fn the_printed_commands_work_through_tls() {
    let demo = Demo::start(&["--tls", "--bind", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    assert!(demo.guide.contains("gateway   https://"), "{}", demo.guide);
    the_commands_show_stickiness(&demo);
    let file = demo.guide.split("--cacert ").nth(1).unwrap();
    let file = file.split(' ').next().unwrap().to_owned();
    assert!(Path::new(&file).exists(), "{file}");
    demo.interrupt();
    assert!(!Path::new(&file).exists(), "{file}");
}

#[test]
fn the_printed_urls_can_be_opened() {
    let demo = Demo::start(&["--bind", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    let urls: Vec<(&str, &str)> = demo
        .guide
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_once("http://"))
        .filter(|(label, _)| !label.contains("curl"))
        .collect();
    assert_eq!(
        urls.iter()
            .map(|(label, _)| label.trim())
            .collect::<Vec<_>>(),
        ["gateway", "metrics", "manager"]
    );
    for (label, url) in urls {
        let (address, path) = url.split_once('/').expect(url);
        let answer = get(address.parse().expect(url), &format!("/{path}"), "");
        assert_eq!(answer.status, 200, "{label}");
    }
    demo.interrupt();
}

#[test]
fn ports_in_use_are_replaced_by_free_ones() {
    let (_front, front) = taken();
    let (_admin, admin) = taken();
    let (front, admin) = (front.to_string(), admin.to_string());
    for (bind, metrics) in [
        (front.as_str(), admin.as_str()),
        (&front, "127.0.0.1:0"),
        ("127.0.0.1:0", &admin),
    ] {
        let demo = Demo::start(&["--bind", bind, "--admin", metrics]);
        for taken in [&front, &admin] {
            assert!(!demo.guide.contains(&format!("{taken}/")), "{}", demo.guide);
        }
        the_commands_show_stickiness(&demo);
        demo.interrupt();
    }
}

#[test]
fn two_demos_run_at_the_same_time() {
    let one = Demo::start(&[]);
    let two = Demo::start(&[]);
    let fronts = [&one, &two].map(|demo| address_after(&demo.guide, "gateway   http://"));
    assert!(fronts[0].is_some() && fronts[0] != fronts[1], "{fronts:?}");
    for front in fronts.into_iter().flatten() {
        assert_eq!(get(front, "/", "").status, 200);
    }
    one.interrupt();
    two.interrupt();
}

/// Like `ajpgate demo | head -3`.
#[test]
fn a_closed_output_pipe_is_no_failure() {
    let scratch = Scratch::new("demo");
    let program = env!("CARGO_BIN_EXE_ajpgate");
    let line = format!("{program} schema | head -1; {program} --help | head -1");
    let lines = type_in(scratch.path(), &line);
    assert_eq!(lines.len(), 2, "{lines:?}");
}

#[test]
fn a_foreign_address_is_a_failure() {
    let scratch = Scratch::new("demo");
    // TEST-NET-1 of RFC 5737: no machine has it.
    let bind = "192.0.2.1:0";
    let done = run(&mut ajpgate(scratch.path(), &["demo", "--bind", bind]));
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{done:?}");
    assert!(
        done.stderr.contains("cannot listen on 192.0.2.1:0"),
        "{done:?}"
    );
}
