//! `include`: files with more balancers and mappings, and what is wrong with them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use ajpgate_config::{Loaded, Problems};

/// A folder with these files.
fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("include")
        .join(name);
    let _ = std::fs::remove_dir_all(&folder);
    for (file, text) in files {
        let file = folder.join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    folder
}

fn load(folder: &Path) -> Result<Loaded, Problems> {
    let env = |name: &str| (name == "HOST").then(|| "tomcat9".to_owned());
    ajpgate_config::load(&folder.join("main.yaml"), &env)
}

/// The problems, with file names from the folder on.
fn problems(folder: &Path) -> Vec<String> {
    let problems = load(folder).unwrap_err();
    let folder = format!("{}/", folder.display());
    problems
        .headlines()
        .map(|line| line.replace(&folder, ""))
        .collect()
}

const MAIN: &str = "
listeners: [{ bind: '127.0.0.1:0' }]
include: ['conf.d/*.yaml', extra.yaml]
balancers:
  main: { members: [{ url: 'ajp://a' }] }
proxy_pass:
  - { path: /, to: 'balancer://main/' }
";

#[test]
fn balancers_and_mappings_of_all_files_are_one_configuration() {
    let folder = folder(
        "fine",
        &[
            ("main.yaml", MAIN),
            (
                "conf.d/b.yaml",
                "proxy_pass: [{ path: /b, to: 'balancer://a/' }]\n",
            ),
            (
                "conf.d/a.yaml",
                "\u{feff}balancers:\n  a: { members: [{ url: 'ajp://${HOST}', secret_file: secret }] }\n",
            ),
            ("conf.d/.hidden.yaml", "nonsense: 1\n"),
            ("conf.d/c.yml", "nonsense: 1\n"),
            ("conf.d/empty.yaml", "# nothing yet\n"),
            (
                "extra.yaml",
                "proxy_pass: [{ path: /x, to: 'balancer://main/' }]\n",
            ),
            // File names start from the folder of the main file.
            ("secret", "s3cret"),
        ],
    );
    let loaded = load(&folder).unwrap_or_else(|problems| panic!("{problems}"));
    let config = &loaded.config;
    let names: Vec<_> = config.balancers.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["main", "a"]);
    assert_eq!(config.balancers[1].members[0].url.host, "tomcat9");
    assert_eq!(
        config.balancers[1].members[0]
            .secret
            .as_ref()
            .unwrap()
            .expose(),
        "s3cret"
    );
    let paths: Vec<_> = config.mappings.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, ["/", "/b", "/x"]);
    let files: Vec<_> = config
        .include
        .files
        .iter()
        .map(|it| it.path.clone())
        .collect();
    let expected = [
        "conf.d/a.yaml",
        "conf.d/b.yaml",
        "conf.d/empty.yaml",
        "extra.yaml",
    ];
    assert_eq!(files, expected.map(|file| folder.join(file)));
    assert!(config.files().contains(&*folder.join("secret")));
    later_problems(&loaded, &folder);
}

/// A problem that is found later is shown where the key stands.
fn later_problems(loaded: &Loaded, folder: &Path) {
    let problem = loaded.problem("balancers.a.members[0].url", "no", None);
    assert_eq!(
        problem.headline(),
        format!("{}:2:20: no", folder.join("conf.d/a.yaml").display())
    );
    let problem = loaded.problem("proxy_pass[1].to", "no", None);
    assert_eq!(
        problem.headline(),
        format!("{}:1:26: no", folder.join("conf.d/b.yaml").display())
    );
}

#[test]
fn changed_added_and_removed_files_are_noticed() {
    let mapping =
        |path: &str| format!("proxy_pass: [{{ path: {path}, to: 'balancer://main/' }}]\n");
    let folder = folder(
        "changes",
        &[
            ("main.yaml", MAIN),
            ("conf.d/a.yaml", &mapping("/a")),
            ("extra.yaml", ""),
        ],
    );
    let include = load(&folder).unwrap().config.include;
    assert!(include.is_current());
    let a = folder.join("conf.d/a.yaml");
    std::fs::write(&a, mapping("/other")).unwrap();
    assert!(!include.is_current());
    std::fs::write(&a, mapping("/a")).unwrap();
    assert!(include.is_current());
    let b = folder.join("conf.d/b.yaml");
    std::fs::write(&b, "").unwrap();
    assert!(!include.is_current());
    std::fs::remove_file(&b).unwrap();
    assert!(include.is_current());
    std::fs::remove_file(&a).unwrap();
    assert!(!include.is_current());
}

#[test]
fn a_problem_names_its_own_file() {
    let folder = folder(
        "problems",
        &[
            ("main.yaml", &MAIN.replace("127.0.0.1:0", "127.0.0.1:x")),
            (
                "conf.d/a.yaml",
                "balancers:\n  main: { members: [{ url: 'ajp://b' }] }\nproxy_pass:\n  - { path: /, to: 'balancer://mian/' }\n",
            ),
            (
                "conf.d/b.yaml",
                "lisners: 1\nlisteners: []\ninclude: [x]\nproxy_pass: 5\nbalancers: []\n",
            ),
            ("conf.d/c.yaml", "proxy_pass: [\n"),
            ("conf.d/d.yaml", "proxy_pass: [{ path: '${NO}', too: 1 }]\n"),
            ("conf.d/e.yaml", "- a list\n"),
            ("extra.yaml", "a: 1\na: 2\n"),
        ],
    );
    std::fs::write(folder.join("conf.d/f.yaml"), b"# \xff\n").unwrap();
    assert_eq!(
        problems(&folder),
        [
            r#"main.yaml:2:21: bind: "127.0.0.1:x" is not an address with a port"#,
            r#"conf.d/a.yaml:2:3: balancers: "main" is given twice"#,
            "conf.d/a.yaml:4:13: path: / is already mapped in line 7 of main.yaml",
            r#"conf.d/a.yaml:4:20: to: there is no balancer "mian""#,
            r#"conf.d/b.yaml:1:1: unknown key "lisners""#,
            r#"conf.d/b.yaml:2:1: unknown key "listeners""#,
            r#"conf.d/b.yaml:3:1: unknown key "include""#,
            "conf.d/b.yaml:4:13: proxy_pass: expected a list",
            "conf.d/b.yaml:5:12: balancers: expected a map of keys",
            "conf.d/c.yaml:1:14: not YAML: did not find expected node content, while parsing a flow node",
            "conf.d/d.yaml:1:22: path: the environment variable NO is not set",
            r#"conf.d/d.yaml:1:31: proxy_pass[0]: unknown key "too""#,
            "conf.d/e.yaml:1:1: expected a map of keys",
            "conf.d/f.yaml:1:3: this byte is not UTF-8",
            r#"extra.yaml:1:1: unknown key "a""#,
            r#"extra.yaml:2:1: "a" is given twice"#,
        ]
    );
}

#[test]
fn hints_say_what_an_included_file_may_have() {
    let folder = folder(
        "hints",
        &[
            ("main.yaml", MAIN),
            ("conf.d/a.yaml", "listeners: []\n"),
            ("extra.yaml", "balancer: {}\n"),
        ],
    );
    let text = load(&folder).unwrap_err().to_string();
    for hint in [
        "hint: `listeners` stands in the main file; an included file has `balancers` and `proxy_pass` only",
        "hint: an included file has `balancers` and `proxy_pass` only",
    ] {
        assert!(text.contains(hint), "{text}");
    }
}

#[test]
fn names_that_lead_to_no_file() {
    let cases = [
        (
            "none.yaml",
            "cannot read none.yaml: No such file or directory (os error 2)",
        ),
        ("nowhere/*.yaml", "there is no folder nowhere"),
        ("conf.d", "cannot read conf.d: it is not a file"),
        ("*.yaml", "main.yaml would include itself"),
        (
            "./conf.d/../main.yaml",
            "./conf.d/../main.yaml would include itself",
        ),
        (
            "conf.d/a***.yaml",
            "\"conf.d/a***.yaml\" is not a pattern: wildcards are either regular `*` or recursive `**`",
        ),
    ];
    for (name, message) in cases {
        let main = format!("include: ['{name}']\nlisteners: [{{ bind: '127.0.0.1:0' }}]\n");
        let folder = folder("names", &[("main.yaml", &main), ("conf.d/a.yaml", "")]);
        assert_eq!(
            problems(&folder),
            [format!("main.yaml:1:11: include: {message}")],
            "{name}"
        );
    }
}

#[test]
fn a_pattern_may_match_nothing_and_a_file_counts_once() {
    let main = MAIN.replace(
        "extra.yaml",
        "'more/*/x?.yaml', conf.d/a.yaml, 'conf.d/[ab].yaml'",
    );
    let folder = folder(
        "once",
        &[
            ("main.yaml", &main),
            (
                "conf.d/a.yaml",
                "proxy_pass: [{ path: /a, to: 'balancer://main/' }]\n",
            ),
            ("more/z/b.yaml", "nonsense: 1\n"),
        ],
    );
    let config = load(&folder)
        .unwrap_or_else(|problems| panic!("{problems}"))
        .config;
    assert_eq!(config.include.files.len(), 1);
}

#[test]
fn letters_of_the_folders_name_are_no_wildcards() {
    let folder = folder(
        "odd [a] *name?",
        &[
            ("main.yaml", MAIN),
            (
                "conf.d/a.yaml",
                "proxy_pass: [{ path: /a, to: 'balancer://main/' }]\n",
            ),
            ("extra.yaml", ""),
        ],
    );
    let config = load(&folder)
        .unwrap_or_else(|problems| panic!("{problems}"))
        .config;
    assert_eq!(config.include.files.len(), 2);
}

#[test]
fn files_are_bounded_in_number_and_size() {
    let folder = folder("many", &[("main.yaml", MAIN), ("extra.yaml", "")]);
    std::fs::create_dir_all(folder.join("conf.d")).unwrap();
    for number in 0..=500 {
        std::fs::write(folder.join(format!("conf.d/{number}.yaml")), "").unwrap();
    }
    assert_eq!(
        problems(&folder),
        ["main.yaml:3:11: include: more than 500 files"]
    );
    let folder = self::folder("large", &[("main.yaml", MAIN), ("extra.yaml", "")]);
    std::fs::create_dir_all(folder.join("conf.d")).unwrap();
    let large = "#".repeat(ajpgate_config::MAX_FILE_SIZE + 1);
    std::fs::write(folder.join("conf.d/a.yaml"), large).unwrap();
    assert_eq!(
        problems(&folder),
        ["conf.d/a.yaml:1:1: the file is larger than 1048576 bytes"]
    );
}

/// Before, nothing was said about it.
#[test]
fn a_folder_whose_name_fits_is_warned_of() {
    let folder = folder(
        "folder",
        &[
            ("main.yaml", MAIN),
            ("conf.d/a.yaml/b.yaml", "balancers: nonsense\n"),
            ("extra.yaml", ""),
        ],
    );
    let loaded = load(&folder).unwrap();
    let warnings: Vec<String> = loaded
        .warnings
        .iter()
        .map(ajpgate_config::Problem::headline)
        .collect();
    let warned = |line: &String| line.contains("conf.d/a.yaml is a folder");
    assert!(warnings.iter().any(warned), "{warnings:?}");
}
