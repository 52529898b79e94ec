//! A terminal, which the program `script` makes.

use std::process::Command;

use super::shell;
use crate::house::House;
use crate::support::program::{Program, ajpgate};

/// The command in a terminal of its own. `exec`: the child of `script` is the program whatever shell `SHELL` names. dash would
/// stay between them, and the signal of a test would reach dash alone.
fn in_terminal(house: &House, arguments: &str) -> Command {
    let program = ajpgate(house.scratch.path(), &[]);
    let program = program.get_program().to_string_lossy().into_owned();
    let line = format!("exec {program} {arguments} --admin http://{}", house.admin);
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    command.env("TERM", "xterm-256color").env_remove("NO_COLOR");
    command.current_dir(house.scratch.path());
    command
}

#[test]
fn a_terminal_gets_colours_and_columns() {
    let house = House::start("");
    let done = Program::start(&mut in_terminal(&house, "status")).ended();
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("\x1b[32mup\x1b[0m"), "{done:?}");
    assert!(!done.stdout.contains('\t'), "{done:?}");
    let done = Program::start(in_terminal(&house, "status").env("NO_COLOR", "1")).ended();
    assert!(!done.stdout.contains('\x1b'), "{done:?}");
    assert!(done.stdout.contains("ROUTE"), "{done:?}");
}

#[test]
fn watching_draws_again_and_leaves_the_terminal_clean() {
    let house = House::start("");
    let mut watching = Program::start(&mut in_terminal(&house, "status --watch"));
    watching.prints("the first picture", |it| {
        it.stdout().contains("\x1b[32mup\x1b[0m").then_some(())
    });
    assert_eq!(
        shell(house.admin, &["drain", "shop", "node2"]).code,
        Some(0)
    );
    watching.prints("the next picture", |it| {
        it.stdout().contains("draining").then_some(())
    });
    let child = format!("/proc/{0}/task/{0}/children", watching.id());
    let child = std::fs::read_to_string(child).unwrap();
    let kill = format!("kill -s INT {}", child.split(' ').next().unwrap());
    assert!(
        Command::new("sh")
            .args(["-c", &kill])
            .status()
            .unwrap()
            .success()
    );
    let done = watching.ended();
    assert_eq!(done.code, Some(0), "{done:?}");
    let (opened, closed) = (
        "\x1b[?1049h\x1b[?25l\x1b[?7l",
        "\x1b[?7h\x1b[?25h\x1b[?1049l",
    );
    assert!(done.stdout.starts_with(opened), "{done:?}");
    assert!(done.stdout.ends_with(closed), "{done:?}");
    assert!(!done.stdout.contains("\x1b[2J"), "{done:?}");
}

#[test]
fn watching_into_a_pipe_ends_with_its_reader() {
    let house = House::start("");
    let program = ajpgate(house.scratch.path(), &[]);
    let program = program.get_program().to_string_lossy().into_owned();
    let line = format!(
        "{program} status --watch --json --admin http://{} | head -n 2",
        house.admin
    );
    let done = Program::start(Command::new("sh").args(["-c", &line])).ended();
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{done:?}");
    assert!(
        lines.iter().all(|line| line.starts_with("{\"balancers\"")),
        "{done:?}"
    );
}
