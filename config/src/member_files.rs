//! Lists of members in files of their own.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use crate::build::build_members;
use crate::document::MAX_FILE_SIZE;
use crate::document::read_tree;
use crate::environment::Lookup;
use crate::include::files_of;
use crate::input::fingerprint;
use crate::model::{IncludedFile, Member, MemberFiles};
use crate::problem::Problems;
use crate::read::read;
use crate::report::{Place, Report, Source};
use crate::text::{ReadError, read_named};

impl MemberFiles {
    /// The files that the pattern names now, in alphabetical order, with hashes of their contents.
    ///
    /// # Errors
    /// Why the folder cannot be read.
    pub fn now(&self) -> Result<Vec<IncludedFile>, String> {
        let files = files_of(&self.pattern).map_err(|fault| fault.message)?;
        let mut seen = HashSet::new();
        let name = |file: &Path| fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        let files = files.into_iter().filter(|file| seen.insert(name(file)));
        let files = files.map(|path| IncludedFile {
            hash: fingerprint(&path, MAX_FILE_SIZE as u64),
            path,
        });
        Ok(files.collect())
    }

    /// The members of one of these files.
    ///
    /// # Errors
    /// One line: the first problem of the file, and how many more there are.
    pub fn read(&self, file: &Path, env: Lookup<'_>) -> Result<Vec<Member>, String> {
        let cannot = |why: &str| format!("cannot read {}: {why}", file.display());
        let text = read_named(file).map_err(|error| match error {
            ReadError::Io(why) => cannot(&why),
            ReadError::NotUtf8(..) => cannot("it is not UTF-8"),
        })?;
        parse_members(&text, file, &self.folder, env).map_err(|problems| first(&problems))
    }
}

/// Checks the text of a list of members. `file` is its name in problems; files that members name are relative to `folder`.
///
/// # Errors
///
/// All problems of the text.
pub fn parse_members(
    text: &str,
    file: &Path,
    folder: &Path,
    env: Lookup<'_>,
) -> Result<Vec<Member>, Problems> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut report = Report::new(Source::new(&folder.join("ajpgate.yaml"), ""));
    let number = report.include(Source::new(file, text));
    let start = Place {
        file: number,
        ..Place::START
    };
    let members = read_tree(text, number, env, &report)
        .map(|tree| build_members(read(&tree, &report), &report));
    let (sources, _) = report.finish()?;
    let unread = || {
        let message = "the list could not be read".to_owned();
        let source = sources.of(start);
        Problems::from(source.problem(crate::problem::Severity::Error, start, message, None))
    };
    members.ok_or_else(unread)
}

fn first(problems: &Problems) -> String {
    let mut lines = problems.headlines();
    let first = lines.next().unwrap_or_default();
    match lines.count() {
        0 => first,
        more => format!("{first} (and {more} more)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_list(text: &str) -> Result<Vec<String>, Vec<String>> {
        let env = |name: &str| (name == "SECRET").then(|| "s3cret".to_owned());
        let file = Path::new("members/shop.yaml");
        match parse_members(text, file, Path::new("folder"), &env) {
            Ok(members) => Ok(members.into_iter().map(|it| it.url.text).collect()),
            Err(problems) => Err(problems.headlines().collect()),
        }
    }

    #[test]
    fn a_list_of_members_is_read_as_in_the_configuration() {
        let list =
            "- { url: \"ajp://a:8009\", route: a, secret: \"${SECRET}\" }\n- url: http://b\n";
        assert_eq!(
            read_list(list),
            Ok(vec!["ajp://a:8009".to_owned(), "http://b".to_owned()])
        );
    }

    #[test]
    fn an_empty_list_is_a_list() {
        assert_eq!(read_list("# nobody yet\n[]"), Ok(vec![]));
    }

    #[test]
    fn an_empty_file_is_no_list() {
        // Whoever writes it is not done.
        let problem = "members/shop.yaml:1:1: the file is empty".to_owned();
        assert_eq!(read_list(""), Err(vec![problem]));
    }

    #[test]
    fn problems_name_the_file_of_the_list() {
        let rows = [
            ("members: []", "members/shop.yaml:1:1: expected a list"),
            (
                "- { url: ajp }",
                "members/shop.yaml:1:10: url: \"ajp\" is not a url",
            ),
            (
                "- { rout: a }",
                "members/shop.yaml:1:5: [0]: unknown key \"rout\"",
            ),
            (
                "- { url: \"ajp://a\" }\n- { url: \"ajp://a:8009\" }",
                "members/shop.yaml:2:10: url: ajp://a:8009 is already the member in line 1",
            ),
            ("- {", "members/shop.yaml:"),
        ];
        for (text, problem) in rows {
            let problems = read_list(text).unwrap_err();
            assert!(
                problems.iter().any(|line| line.starts_with(problem)),
                "{text:?}: {problems:?}"
            );
        }
    }
}
