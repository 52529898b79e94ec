//! Lists of members in files of their own.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::build::build_members;
use crate::document::MAX_FILE_SIZE;
use crate::document::read_tree;
use crate::environment::Lookup;
use crate::include::files_of;
use crate::input::fingerprint;
use crate::load::parse_member;
use crate::model::{IncludedFile, Member, MemberFiles};
use crate::node::{Node, Shape};
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
    pub fn read(&self, file: &Path, env: Lookup<'_>) -> Result<Vec<ListedMember>, String> {
        let cannot = |why: &str| format!("cannot read {}: {why}", file.display());
        let text = read_named(file).map_err(|error| match error {
            ReadError::Io(why) => cannot(&why),
            ReadError::NotUtf8(..) => cannot("it is not UTF-8"),
        })?;
        parse_members(&text, file, &self.folder, env).map_err(|problems| first(&problems))
    }
}

/// A member of a list.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct ListedMember {
    /// The member.
    pub member: Member,
    /// Its keys: see [`keys`](Self::keys).
    keys: Value,
}

impl fmt::Debug for ListedMember {
    /// Without the keys, which may have a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.member.fmt(f)
    }
}

impl ListedMember {
    /// The keys that it has in its list, as JSON with texts for all values, its `secret` among them. Variables of the environment are
    /// filled in. [`of_keys`](Self::of_keys) reads them.
    #[must_use]
    pub const fn keys(&self) -> &Value {
        &self.keys
    }

    /// The member with these keys. Files that it names are relative to `folder`.
    ///
    /// # Errors
    ///
    /// All problems of the keys.
    pub fn of_keys(keys: Value, folder: &Path) -> Result<Self, Problems> {
        let member = parse_member(&keys.to_string(), &folder.join("list"))?;
        Ok(Self { member, keys })
    }

    /// A member of the configuration, whose keys are not known any more.
    #[must_use]
    pub const fn of_configuration(member: Member) -> Self {
        let keys = Value::Null;
        Self { member, keys }
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
) -> Result<Vec<ListedMember>, Problems> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut report = Report::new(Source::new(&folder.join("ajpgate.yaml"), ""));
    let number = report.include(Source::new(file, text));
    let start = Place {
        file: number,
        ..Place::START
    };
    let tree = read_tree(text, number, env, &report);
    let members = tree
        .as_ref()
        .map(|tree| build_members(read(tree, &report), &report));
    let (sources, _) = report.finish()?;
    let unread = || {
        let message = "the list could not be read".to_owned();
        let source = sources.of(start);
        let hint = Some("write `- url: …` for each member".to_owned());
        Problems::from(source.problem(crate::problem::Severity::Error, start, message, hint))
    };
    // Without a problem there is a member for each item.
    let keys = tree.as_ref().map(keys_of_items).unwrap_or_default();
    let members = members.filter(|members| members.len() == keys.len());
    let members = members.ok_or_else(unread)?.into_iter().zip(keys);
    let members = members.map(|(member, keys)| ListedMember { member, keys });
    Ok(members.collect())
}

/// The keys of each item of a list.
fn keys_of_items(list: &Node) -> Vec<Value> {
    match &list.shape {
        Shape::List(items) => items.iter().map(Node::json).collect(),
        _ => Vec::new(),
    }
}

fn first(problems: &Problems) -> String {
    let mut all = problems.into_iter();
    let first = all.next().map_or_else(String::new, |problem| {
        let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})"));
        problem.headline() + &hint.unwrap_or_default()
    });
    match all.count() {
        0 => first,
        more => format!("{first} (and {more} more)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    fn read_list(text: &str) -> Result<Vec<String>, Vec<String>> {
        let env = |name: &str| (name == "SECRET").then(|| "s3cret".to_owned());
        let file = Path::new("members/shop.yaml");
        match parse_members(text, file, Path::new("folder"), &env) {
            Ok(members) => Ok(members.into_iter().map(|it| it.member.url.text).collect()),
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
    fn the_one_line_about_a_list_says_what_to_do() {
        let list = "- { url: \"ajp://a\", secrit: x }\n- { rout: a }\n";
        let problems = parse_members(list, Path::new("m.yaml"), Path::new(""), &|_| None);
        let line = first(&problems.unwrap_err());
        let expected = "m.yaml:1:21: [0]: unknown key \"secrit\" (did you mean `secret`?) (and ";
        assert!(line.starts_with(expected), "{line}");
    }

    #[test]
    fn keys_are_read_as_the_list_was() {
        let list = "- &first { url: \"ajp://a:8009\", route: \"007\", status: [drain], timeout: 5, secret: \"a${SECRET}\" }
- { <<: *first, url: ajp://b, secret: \"$${SECRET}\" }
- url: \"https://c/app\"
  tls: { verify: \"off\", server_name: c.example }
";
        let env = |name: &str| (name == "SECRET").then(|| "$${x} ${y} $".to_owned());
        let folder = Path::new("folder");
        let members = parse_members(list, Path::new("list.yaml"), folder, &env).unwrap();
        assert_eq!(members.len(), 3);
        let secret = members[0].member.secret.as_ref().map(Secret::expose);
        assert_eq!(secret, Some("a$${x} ${y} $"));
        for member in members {
            let read = ListedMember::of_keys(member.keys().clone(), folder).unwrap();
            assert_eq!(read, member);
        }
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
