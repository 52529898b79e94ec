//! What a person reads who has written a bad file: each file of `testdata/config` has its problems beside it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use ajpgate_config::{Problems, Severity};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/config")
        .join(name)
}

/// The names and texts of the files of a folder.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn snapshot(folder: &Path, name: &str, problems: &str) {
    insta::with_settings!({
        snapshot_path => folder,
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, problems);
    });
}

#[test]
fn each_bad_file_says_what_is_wrong() {
    let folder = folder("bad");
    let files = files(&folder);
    assert!(files.len() >= 40, "{}", files.len());
    for (name, text) in files {
        let file = format!("{name}.yaml");
        let problems = match ajpgate_config::parse(&text, Path::new(&file), &|_| None) {
            Err(problems) => problems,
            Ok(loaded) => panic!("{name}: {loaded:?}"),
        };
        in_order_and_in_the_file(&problems, &text);
        let shown = problems.to_string();
        for problem in shown.split("\n\n") {
            assert!(
                problem.contains("\nhint: "),
                "what is to be done?\n{problem}"
            );
        }
        snapshot(&folder, &name, &shown);
    }
}

#[test]
fn each_doubtful_file_loads_with_a_warning() {
    let folder = folder("warn");
    for (name, text) in files(&folder) {
        let file = format!("{name}.yaml");
        let loaded = ajpgate_config::parse(&text, Path::new(&file), &|_| None)
            .unwrap_or_else(|problems| panic!("{problems}"));
        assert!(
            loaded
                .warnings
                .iter()
                .all(|warning| warning.severity == Severity::Warning)
        );
        let warnings = Problems::new(loaded.warnings).unwrap_or_else(|| panic!("{name}"));
        snapshot(&folder, &name, &warnings.to_string());
    }
}

/// Problems come in the order of the file, and each points at a character of it or behind its last one.
fn in_order_and_in_the_file(problems: &Problems, text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    let mut last = (0, 0);
    for problem in problems {
        let place = (problem.line, problem.column);
        assert!(place >= last, "{problem}");
        last = place;
        let width = lines
            .get(problem.line - 1)
            .map_or(0, |line| line.chars().count());
        assert!((1..=width + 1).contains(&problem.column), "{problem}");
        assert!(problem.headline().contains(&problem.message));
    }
}

#[test]
fn keys_about_members_mean_nothing_beside_files() {
    let text = "listeners: [{ bind: '127.0.0.1:0' }]\nproxy_pass:\n  - path: /static\n    files: /var/www\n    \
                preserve_host: false\n    request_attributes: { a: b }\n    timeout: 5s\n    max_body: 1KiB\n";
    let problems = ajpgate_config::parse(text, Path::new("x"), &|_| None).unwrap_err();
    let shown = problems.to_string();
    for key in ["preserve_host", "request_attributes", "timeout"] {
        let said = format!("{key}: means nothing beside `files`");
        assert!(shown.contains(&said), "{shown}");
    }
    assert!(!shown.contains("max_body: means"), "{shown}");
}

#[test]
fn users_of_several_authorities_are_warned_of() {
    let text = |other: &str| {
        let listener = |bind: &str, ca: &str| {
            format!(
                "  - {{ bind: '{bind}', tls: {{ certificate: a, private_key: b, client_auth: optional, client_ca: {ca} }} }}\n"
            )
        };
        let listeners = listener("127.0.0.1:0", "one.pem") + &listener("127.0.0.2:0", other);
        format!(
            "listeners:\n{listeners}proxy_pass: [{{ path: /, to: 'ajp://a:1', auth: {{ client_certificate: {{ user: CN }} }} }}]\n"
        )
    };
    for (other, warned) in [("one.pem", false), ("two.pem", true)] {
        let loaded = ajpgate_config::parse(&text(other), Path::new("x"), &|_| None).unwrap();
        let warnings = loaded.warnings.iter();
        let shown: String = warnings.map(|warning| format!("{warning:?}")).collect();
        assert_eq!(
            shown.contains("every listener's `client_ca`"),
            warned,
            "{shown}"
        );
    }
}

fn problems_of(text: &str) -> Vec<String> {
    let problems = ajpgate_config::parse(text, Path::new("x.yaml"), &|_| None).unwrap_err();
    problems.headlines().collect()
}

/// Before, the file seemed to have a thousand problems.
#[test]
fn problems_beyond_a_thousand_are_counted() {
    let keys = |count: usize| -> String {
        let keys = (0..count).map(|n| format!("zz{n}: 1\n"));
        "listeners: [{ bind: \"127.0.0.1:0\" }]\nproxy_pass: []\n".to_owned()
            + &keys.collect::<String>()
    };
    let problems = problems_of(&keys(1000));
    assert_eq!(problems.len(), 1000);
    let problems = problems_of(&keys(1001));
    let last = problems.last().unwrap();
    assert_eq!(last, "x.yaml:1002:1: 1 more problem is not shown");
    let problems = problems_of(&keys(2500));
    let last = problems.last().unwrap();
    assert_eq!(last, "x.yaml:1002:1: 1500 more problems are not shown");
}

/// Before, the file was accepted: a thousand warnings left no room for an error.
#[test]
fn warnings_hide_no_error() {
    let mut text = "listeners: [{ bind: \"127.0.0.1:0\" }]\nproxy_pass:\n".to_owned();
    for number in 0..1100 {
        text += &format!("- {{ path: /{number}, to: \"ajp://a\", hosts: [] }}\n");
    }
    text += "- { path: /x, to: \"balancer://nobody/\" }\n";
    let problems = problems_of(&text);
    assert!(
        problems.len() == 1 && problems.iter().all(|it| it.contains("nobody")),
        "{problems:?}"
    );
}

/// Before, a long line had no mark where it was cut, and a very long one was not shown.
#[test]
fn long_lines_are_shown_in_part() {
    for length in [20, 100, 1000, 100_000] {
        let (blank, more) = (" ".repeat(length), " ".repeat(1000));
        let text = format!("{{{blank}nonsense: 1,{more}other: 1 }}\n");
        let problems = ajpgate_config::parse(&text, Path::new("x.yaml"), &|_| None).unwrap_err();
        let mut problems = problems.iter();
        let problem = problems.find(|it| it.message.contains("nonsense"));
        let problem = problem.unwrap();
        assert_eq!((problem.line, problem.column), (1, length + 2));
        let shown = problem.to_string();
        let lines: Vec<&str> = shown.lines().collect();
        let (line, carets) = (lines.get(1).unwrap(), lines.get(2).unwrap());
        let at = carets.chars().position(|c| c == '^').unwrap();
        let meant: String = line.chars().skip(at).take(8).collect();
        assert_eq!(meant, "nonsense", "{shown}");
        assert!(line.chars().count() < 180, "{shown}");
        assert!(line.ends_with('…'), "{shown}");
        assert_eq!(line.contains(" | …"), length > 80, "{shown}");
    }
    let text = format!("nonsense: {}\n", "x".repeat(200));
    let problems = ajpgate_config::parse(&text, Path::new("x.yaml"), &|_| None).unwrap_err();
    let shown = problems.to_string();
    assert!(shown.contains("x…\n") && !shown.contains("| …"), "{shown}");
}

#[test]
fn the_end_of_a_file_is_shown_at_its_last_line() {
    for text in ["a: [", "a: [\n", "a: [\n\n\n", "# x\na: [ # y\n"] {
        let problems = ajpgate_config::parse(text, Path::new("x.yaml"), &|_| None).unwrap_err();
        let problem = problems.iter().next().unwrap();
        assert!(problem.source.contains("a: ["), "{problem}");
    }
}
