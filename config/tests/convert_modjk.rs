//! Configurations of mod_jk, and the YAML that they become. Those of `testdata/convert/modjk` have it in files beside them, with
//! what is said about them in files that end with .txt; with `AJPGATE_BLESS=1` these are written anew.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ajpgate_config::convert::{Converted, Failure, Files, Wanted, convert};
use ajpgate_config::{Action, Config, Mapping, Target};
use proptest::prelude::*;
use regex::Regex;

/// Files of the test data.
struct Folder;

impl Files for Folder {
    fn read(&self, file: &Path) -> Result<Vec<u8>, String> {
        fs::read(file).map_err(|error| error.to_string())
    }

    fn names(&self, _: &Path) -> Option<Vec<String>> {
        None
    }
}

/// Files of a test, all in `/`.
struct Memory(BTreeMap<PathBuf, Vec<u8>>);

impl Files for Memory {
    fn read(&self, file: &Path) -> Result<Vec<u8>, String> {
        let found = self.0.get(file);
        found.cloned().ok_or_else(|| "no such file".to_owned())
    }

    fn names(&self, _: &Path) -> Option<Vec<String>> {
        None
    }
}

/// Turns the texts of a workers.properties and a uriworkermap.properties.
fn turned(workers: &str, map: &str) -> Result<Converted, Failure> {
    let files = Memory(BTreeMap::from([
        ("/w".into(), workers.into()),
        ("/m".into(), map.into()),
    ]));
    let wanted = Wanted {
        workers: Some("/w".into()),
        uriworkermap: Some("/m".into()),
        ..Wanted::default()
    };
    convert(&wanted, &files, &|_| None)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/convert/modjk")
}

/// What the command would say.
fn said(converted: &Converted) -> String {
    let remarks = converted.remarks.iter().map(|it| format!("{it}\n"));
    let said: String = remarks.collect();
    let folder = format!("{}/", folder().display());
    said.replace(&folder, "") + &format!("counted: {}\n", converted.counted)
}

#[test]
fn each_file_becomes_its_yaml_which_check_accepts() {
    let file = |name: &str| Some(folder().join(name)).filter(|file| file.exists());
    let mut wrong = Vec::new();
    for name in ["farm", "single", "list", "host"] {
        let httpd = file(&format!("{name}.conf"));
        let wanted = Wanted {
            workers: file(&format!("{name}.workers.properties")).filter(|_| httpd.is_none()),
            uriworkermap: file(&format!("{name}.uriworkermap.properties")),
            httpd,
            ..Wanted::default()
        };
        let env = |name: &str| (name == "FARM").then(|| "farm".to_owned());
        let converted = convert(&wanted, &Folder, &env).unwrap();
        let text = &converted.written.text;
        if let Err(problems) = ajpgate_config::parse(text, Path::new("new.yaml"), &|_| None) {
            wrong.push(format!("{name}:\n{problems}\n{text}"));
        }
        for (extension, found) in [("yaml", text.clone()), ("txt", said(&converted))] {
            let golden = folder().join(format!("{name}.{extension}"));
            if std::env::var_os("AJPGATE_BLESS").is_some() {
                fs::write(&golden, &found).unwrap();
            }
            if fs::read_to_string(&golden).unwrap_or_default() != found {
                wrong.push(format!("{}:\n{found}", golden.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_example_of_the_documents_becomes_the_yaml_beside_it() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/migrating.md");
    let page = fs::read_to_string(page).unwrap();
    let part = page.split("## An example with mod_jk").nth(1).unwrap();
    let blocks: Vec<&str> = part.split("```").skip(1).step_by(2).take(4).collect();
    let [workers, map, yaml, remarks] = blocks.as_slice() else {
        panic!("{} blocks", blocks.len());
    };
    let body = |block: &str| block.split_once('\n').map(|it| it.1.to_owned()).unwrap();
    let files = Memory(BTreeMap::from([
        ("workers.properties".into(), body(workers).into()),
        ("uriworkermap.properties".into(), body(map).into()),
    ]));
    let wanted = Wanted {
        workers: Some("workers.properties".into()),
        uriworkermap: Some("uriworkermap.properties".into()),
        ..Wanted::default()
    };
    let converted = convert(&wanted, &files, &|_| None).unwrap();
    assert_eq!(converted.written.text, body(yaml));
    assert_eq!(
        said(&converted).split("counted").next().unwrap(),
        body(remarks)
    );
}

#[test]
fn failures_and_loops_have_their_places() {
    let wanted = Wanted {
        workers: Some("/none".into()),
        ..Wanted::default()
    };
    let failure = convert(&wanted, &Memory(BTreeMap::new()), &|_| None).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "/none: cannot read /none: no such file"
    );
    let many: String = (0..40).fold("a0=0123456789abcdef\n".to_owned(), |text, at| {
        text + &format!("a{}=$(a{at})$(a{at})\n", at + 1)
    });
    let failure = turned(&many, "").unwrap_err().to_string();
    assert!(failure.starts_with("/w:2"), "{failure}");
    assert!(
        failure.ends_with("more than 16 MiB of properties"),
        "{failure}"
    );
    let loops = "worker.list=a\nworker.a.reference=worker.b\nworker.b.reference=worker.a\n";
    let converted = turned(loops, "/*=a").unwrap();
    let remarks: Vec<String> = converted.remarks.iter().map(ToString::to_string).collect();
    assert_eq!(
        remarks.first().map(String::as_str),
        Some("/w:2: `worker.a.reference=worker.b`: reference: worker.a refers to itself in a loop")
    );
}

#[test]
fn a_secret_is_in_no_remark() {
    let workers = "worker.list=lb\nworker.lb.type=lb\nworker.lb.balance_workers=a,b\nworker.a.secret=hush\n\
                   worker.a.secret=hush2\nworker.b.host=/hush\nworker.c.secret=hush\n";
    let converted = turned(workers, "/*=lb").unwrap();
    assert!(!said(&converted).contains("hush"), "{}", said(&converted));
    assert!(converted.written.text.contains("secret: hush2"));
}

/// Workers of which rules name two.
const WORKERS: &str = "worker.list=v,w\nworker.v.type=lb\nworker.v.balance_workers=n\nworker.w.type=lb\nworker.w.balance_workers=n\n";

/// What the YAML means.
fn meaning(converted: &Converted) -> Config {
    let text = &converted.written.text;
    let loaded = ajpgate_config::parse(text, Path::new("new.yaml"), &|_| None);
    loaded.unwrap().config
}

/// Where the YAML sends a path: the worker's name, or nothing.
fn sent(config: &Config, path: &str) -> Option<String> {
    let takes = |mapping: &Mapping| match &mapping.pattern {
        Some(pattern) => Regex::new(pattern.text())
            .unwrap()
            .is_match(path)
            .then_some(usize::MAX),
        None => {
            let own = mapping.path.trim_end_matches('/');
            let rest = path.strip_prefix(own)?;
            (rest.is_empty() || rest.starts_with('/')).then_some(own.len())
        }
    };
    let mappings = &config.mappings;
    let excludes = |it: &&Mapping| it.action == Action::Exclude && takes(it).is_some();
    if mappings.iter().any(|it| excludes(&it)) {
        return None;
    }
    let mut best: Option<(usize, &Mapping)> = None;
    for mapping in mappings {
        if let Some(length) = takes(mapping)
            && best.is_none_or(|(known, _)| length > known)
        {
            best = Some((length, mapping));
        }
    }
    match best?.1.target()? {
        Target::Balancer { index, .. } => Some(config.balancers.get(*index)?.name.clone()),
        Target::Member(_) => None,
    }
}

/// The same by the rules of mod_jk, written down once more and as simply as possible.
fn mod_jk(rules: &[(bool, String, String)], path: &str) -> Option<String> {
    fn fits(pattern: &[u8], path: &[u8]) -> bool {
        match (pattern, path) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => {
                fits(rest, path)
                    || path
                        .split_first()
                        .is_some_and(|(_, path)| fits(pattern, path))
            }
            ([b'?', rest @ ..], [_, path @ ..]) => fits(rest, path),
            ([one, rest @ ..], [other, path @ ..]) => one == other && fits(rest, path),
            _ => false,
        }
    }
    let fits = |pattern: &str| fits(pattern.as_bytes(), path.as_bytes());
    let mut best: Option<&(bool, String, String)> = None;
    for rule in rules.iter().filter(|rule| !rule.0 && fits(&rule.1)) {
        let rank = |rule: &(bool, String, String)| (rule.1.matches('/').count(), rule.1.len());
        if best.is_none_or(|known| rank(rule) > rank(known)) {
            best = Some(rule);
        }
    }
    let (_, _, worker) = best?;
    let mut rules = rules.iter();
    let excluded = rules
        .any(|(excludes, pattern, of)| *excludes && (of == worker || of == "*") && fits(pattern));
    (!excluded).then(|| worker.clone())
}

fn rule() -> impl Strategy<Value = (bool, String, String)> {
    let pattern = prop_oneof![
        4 => "(/[ab]){0,2}/\\*",
        3 => "(/[ab]){1,2}",
        2 => "/\\*\\.[xy]",
        1 => "(/[ab]){0,1}/[ab*?]{1,3}",
    ];
    (prop::bool::weighted(0.3), pattern, "[vw]")
        .prop_map(|(excludes, pattern, worker)| (excludes, pattern, worker))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_yaml_sends_each_path_where_mod_jk_sends_it(
        rules in prop::collection::vec(rule(), 1..7),
        paths in prop::collection::vec("(/[ab]{1,2}){1,3}(\\.[xy])?", 30),
    ) {
        let mut map = String::new();
        let mut kept: Vec<(bool, String, String)> = Vec::new();
        for rule in rules {
            // The same pattern twice is tested by itself.
            if !kept.iter().any(|known| (known.0, &known.1) == (rule.0, &rule.1)) {
                map += &format!("{}{}={}\n", if rule.0 { "!" } else { "" }, rule.1, rule.2);
                kept.push(rule);
            }
        }
        let converted = turned(WORKERS, &map).unwrap();
        let config = meaning(&converted);
        for path in paths {
            // `/a/*` here takes `/a` too.
            let folder = format!("{path}/*");
            if kept.iter().any(|rule| rule.1 == folder) {
                continue;
            }
            prop_assert_eq!(sent(&config, &path), mod_jk(&kept, &path), "{}\n{}\n{}", path, map, converted.written.text);
        }
    }
}

#[test]
fn the_path_of_a_folder_comes_along_unless_something_else_decides_it() {
    for (map, path, expected) in [
        ("/a/*=v", "/a", Some("v")),
        ("/a|/*=v", "/a", Some("v")),
        ("/a=v", "/a/x", None),
        ("/a=v", "/a", Some("v")),
        ("/a=w\n/a/*=v", "/a", Some("w")),
        ("/a=w\n/a/*=v", "/a/x", Some("v")),
        ("/*=w\n/a/*=v", "/a", Some("v")),
        ("/*=w\n!/a=w\n/a/*=v", "/a", None),
        ("/a=v\n!/a/*=v\n/*=w", "/a", Some("v")),
        ("/*=v\n!/a/*=v", "/a/x", None),
        ("/*=v\n!/a/*=w", "/a/x", Some("v")),
        ("/a/*=v\n/a/*=w", "/a/x", Some("w")),
        ("-/a/*=v", "/a/x", None),
    ] {
        let converted = turned(WORKERS, map).unwrap();
        let config = meaning(&converted);
        let found = sent(&config, path);
        assert_eq!(
            found.as_deref(),
            expected,
            "{map}\n{path}\n{}",
            converted.written.text
        );
    }
}
