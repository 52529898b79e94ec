//! No text makes the parser panic, hang or forget where it is.

use std::path::Path;

use ajpgate_config::{MAX_FILE_SIZE, parse};
use proptest::prelude::*;

/// What the mutations start from.
const TEXTS: [&str; 4] = [
    include_str!("../examples/smallest.yaml"),
    include_str!("../examples/complete.yaml"),
    include_str!("../examples/two-tomcats.yaml"),
    include_str!("../../testdata/config/bad/everything_at_once.yaml"),
];

/// What is thrown in.
const TOKENS: [&str; 32] = [
    "\n", "\t", " ", "  ", "- ", ": ", "[", "]", "{", "}", "\"", "'", "#", "&a ", "*a", "<<: *a",
    "!x ", "? ", "| ", "---\n", "${", "${X}", "${X:-1}", "%", "%{", "~", "0", "-1", "1e999", "é",
    "\u{0}", "\r\n",
];

/// Parses, and checks that every problem points into the text, shows its line and says what to do.
fn check(text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    let is_blank = lines.iter().all(|line| line.trim().is_empty());
    let env = |name: &str| (name != "UNSET").then(|| "1".to_owned());
    let problems = match parse(text, Path::new("x.yaml"), &env) {
        Err(problems) => problems.into_iter().collect(),
        Ok(loaded) => loaded.warnings,
    };
    for problem in problems {
        assert!(
            (1..=lines.len().max(1)).contains(&problem.line),
            "{problem}\n{text:?}"
        );
        assert!(problem.column >= 1, "{problem}");
        let line = lines.get(problem.line - 1).copied().unwrap_or_default();
        let line = line.trim_start_matches('\u{feff}');
        assert!(line.contains(&problem.source), "{problem}\n{text:?}");
        assert!(
            is_blank || !problem.source.trim().is_empty(),
            "{problem}\n{text:?}"
        );
        let hint = problem.hint.as_deref().unwrap_or_default();
        assert!(!hint.is_empty(), "{problem}\n{text:?}");
    }
}

/// YAML 1.1 ends a line at these, editors do not.
#[test]
fn a_character_that_ends_a_line_for_yaml_alone_is_a_problem_at_its_place() {
    for c in ['\u{85}', '\u{2028}', '\u{2029}', '\r'] {
        let text = format!("listeners:\n- {{ bind: \"127.0.0.1:0\" }} # {c}x\nproxy_pass: 1\n");
        let problems = parse(&text, Path::new("x.yaml"), &|_| None).unwrap_err();
        let problems: Vec<_> = problems.iter().map(|it| (it.line, it.column)).collect();
        assert_eq!(problems, [(2, 29)], "{c:?}");
        check(&format!("ab:{c}2'$m^ab\"?"));
    }
}

#[derive(Debug, Clone)]
enum Edit {
    Insert(usize, usize),
    Remove(usize, usize),
    Repeat(usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = 0..4000_usize;
    prop_oneof![
        (at.clone(), 0..TOKENS.len()).prop_map(|(at, token)| Edit::Insert(at, token)),
        (at.clone(), 1..40_usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        (at, 1..200_usize).prop_map(|(at, length)| Edit::Repeat(at, length)),
    ]
}

fn apply(text: &str, edits: &[Edit]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for edit in edits {
        let range = |at: usize, length: usize| {
            let start = at.min(chars.len());
            start..(start + length).min(chars.len())
        };
        match *edit {
            Edit::Insert(at, token) => {
                let range = range(at, 0);
                chars.splice(range, TOKENS.get(token).into_iter().flat_map(|t| t.chars()));
            }
            Edit::Remove(at, length) => {
                let range = range(at, length);
                chars.drain(range);
            }
            Edit::Repeat(at, length) => {
                let range = range(at, length);
                let again: Vec<char> = chars.get(range.clone()).unwrap_or_default().to_vec();
                chars.splice(range.end..range.end, again);
            }
        }
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn mutations_of_good_and_bad_files(which in 0..TEXTS.len(), edits in prop::collection::vec(edit(), 1..8)) {
        let text = TEXTS.get(which).copied().unwrap_or_default();
        check(&apply(text, &edits));
    }

    #[test]
    fn any_text(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_value_of_any_key(value in "\\PC{0,30}") {
        for key in ["bind", "path", "to", "url", "route", "hosts", "format", "timeout", "max", "loadfactor"] {
            check(&format!("listeners: [{{ {key}: {value:?} }}]\nproxy_pass: [{{ {key}: {value:?} }}]\n"));
            check(&format!("listeners: [{{ bind: ':0' }}]\naccess_log: {{ {key}: {value:?} }}\n\
                balancers: {{ b: {{ members: [{{ {key}: {value:?} }}] }} }}"));
        }
    }
}

#[test]
fn large_files_of_nonsense() {
    let fill = |unit: &str| unit.repeat(MAX_FILE_SIZE / unit.len());
    let keys: String = (0..60_000)
        .map(|number| format!("key{number}: 1\n"))
        .collect();
    let line: String = (0..60_000)
        .map(|number| format!("k{number}: 1, "))
        .collect();
    let members: String = (0..20_000).map(|_| "{url: 'ajp://h', max: 0}, ").collect();
    let anchors: String = (1..600)
        .map(|n| format!("a{n}: &a{n} {{ <<: *a{}, k{n}: 1 }}\n", n - 1))
        .collect();
    for text in [
        fill("["),
        fill("{"),
        fill("- "),
        fill("? "),
        fill("a: "),
        fill("&a "),
        fill("\"a\n"),
        fill("'"),
        fill("#\n"),
        fill("a\n"),
        fill("é"),
        format!("a: &a [1]\nb: [{}]", "*a, ".repeat(200_000)),
        format!("access_log: '{}'", fill("%h").split_off(100)),
        format!("access_log: '{}'", fill("${X}").split_off(100)),
        format!("listeners: [{}]", fill("1,").split_off(100)),
        format!(
            "balancers: {{ {}: {{ members: [{}] }} }}",
            "x".repeat(400_000),
            "{ max: 0 }, ".repeat(20_000)
        ),
        format!("balancers: {{ b: {{ members: [{members}] }} }}"),
        format!("a0: &a0 {{ k: 1 }}\n{anchors}"),
        format!("{{ {line} }}"),
        keys,
    ] {
        check(&text);
    }
}
