//! Whether files are those of an httpd at all.

use std::path::Path;
use std::sync::Arc;

use super::model::Old;
use super::tree::Node;
use crate::convert::note::{Failure, Notes, Origin};

/// The lines that no httpd would start with.
pub(super) fn lines(nodes: &[Node]) -> Vec<&Node> {
    let mut found = Vec::new();
    for node in nodes {
        if is_foreign(node) {
            found.push(node);
        }
        found.extend(lines(node.inner()));
    }
    found
}

/// Whether a directive has a name that none has, or ends as those of nginx do.
fn is_foreign(node: &Node) -> bool {
    let is_name = |name: &str| {
        let mut letters = name.bytes();
        letters.all(|it| it.is_ascii_alphanumeric() || b"_-".contains(&it))
            && name.starts_with(|it: char| it.is_ascii_alphabetic())
    };
    !is_name(&node.written) || node.arguments.ends_with([';', '{'])
}

/// Names lines that no httpd would start with.
///
/// # Errors
///
/// Nothing of the files is known, or most of them is none of an httpd's: they are others.
pub(super) fn refuse(
    file: &Path,
    foreign: &[Origin],
    old: &Old,
    notes: &mut Notes,
) -> Result<(), Failure> {
    let all = old.lines().len();
    let text = match foreign.first() {
        Some(first) if foreign.len() * 2 >= all => format!(
            "{} of its {all} lines are no directives of an httpd, the first one is line {}",
            foreign.len(),
            first.line
        ),
        _ if all > 0 && notes.unknown_count() >= all => {
            format!("none of its {all} lines is a directive that is known here")
        }
        _ => {
            for origin in foreign {
                notes.name(
                    origin,
                    "no httpd starts with this line: is it one of its files?",
                );
            }
            return Ok(());
        }
    };
    Err(failure(file, &text))
}

/// Why a file is not read.
pub(super) fn failure(file: &Path, text: &str) -> Failure {
    let origin = Origin {
        file: Arc::from(&*file.to_string_lossy()),
        line: 0,
    };
    let text = format!("{text}: it is not read as the configuration of an httpd");
    Failure { origin, text }
}
