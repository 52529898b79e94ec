//! The configurations in the documents for users can be used.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ajpgate_config::parse;

#[test]
fn each_configuration_in_the_documents_can_be_used() {
    let mut count = 0;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("documents");
    for document in documents() {
        for (line, example) in examples(&fs::read_to_string(&document).unwrap()) {
            count += 1;
            let example = example.replace("/etc/ajpgate", &folder.to_string_lossy());
            furnish(&folder, &example);
            let rest = rest(&example);
            let name = document.file_name().unwrap().to_string_lossy();
            let place = format!("{}/{name}:{line}", folder.display());
            let env = |name: &str| Some(format!("value of {name}"));
            match parse(&format!("{example}{rest}"), Path::new(&place), &env) {
                Ok(loaded) => assert_eq!(loaded.warnings, [], "{place}"),
                Err(problems) => panic!("{problems}"),
            }
        }
    }
    assert!(
        count >= 15,
        "{count} examples: this test reads the wrong text"
    );
}

/// Makes the folder and the pages that an example names, as an administrator would.
fn furnish(folder: &Path, example: &str) {
    fs::create_dir_all(folder.join("conf.d")).unwrap();
    for word in example.split(|c: char| c.is_whitespace() || "\"{}[],".contains(c)) {
        let file = folder.join(word);
        // Paths of requests begin with a slash too.
        if file.starts_with(folder) && (word.ends_with(".html") || word.ends_with(".txt")) {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "page").unwrap();
        }
    }
}

/// The keys that an example need not show: a listener, the balancers that it names, and a mapping to each of its balancers.
fn rest(example: &str) -> String {
    let has = |key: &str| example.lines().any(|line| line.starts_with(key));
    let mut rest = String::new();
    if !has("listeners:") {
        rest += "listeners: [{ bind: \"127.0.0.1:0\" }]\n";
    }
    if !has("balancers:") {
        let after = |part: &str| part.split(['/', '"', '\'', ' ']).next().map(str::to_owned);
        let named = example.split("balancer://").skip(1).filter_map(after);
        let named: BTreeSet<String> = named.collect();
        if !named.is_empty() {
            rest += "balancers:\n";
        }
        for name in named {
            rest +=
                &format!("  {name}: {{ members: [{{ url: \"ajp://localhost\", route: a }}] }}\n");
        }
    }
    if !has("proxy_pass:") {
        rest += "proxy_pass:\n- { path: /, to: \"http://127.0.0.1:8081/\" }\n";
        let names = example.lines().filter_map(|line| {
            let name = line.strip_prefix("  ")?.split(':').next()?;
            (!name.starts_with([' ', '-']) && has("balancers:")).then_some(name)
        });
        for name in names {
            rest += &format!("- {{ path: /{name}, to: \"balancer://{name}/\" }}\n");
        }
    }
    rest
}

/// README.md and all of docs/.
fn documents() -> Vec<PathBuf> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = vec![top.join("README.md")];
    let pages = fs::read_dir(top.join("docs")).unwrap();
    found.extend(pages.map(|page| page.unwrap().path()));
    found.retain(|path| path.extension().is_some_and(|end| end == "md"));
    found
}

/// The blocks marked as YAML, each with the line that it begins behind.
fn examples(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        match (&mut open, line) {
            (None, "```yaml") => open = Some((number, String::new())),
            (Some(_), "```") => found.extend(open.take()),
            (Some((_, example)), line) => {
                example.push_str(line);
                example.push('\n');
            }
            (None, _) => {}
        }
    }
    found
}
