//! A line as a directive or the begin of a section, and what stands in a section before it is read.

use super::super::lex::{self, Line};
use super::super::tree::Node;
use super::state::failure;
use crate::convert::note::{Failure, Origin};

/// The name, what is behind it, and whether it is a section.
pub(super) fn split(line: &Line, origin: &Origin) -> Result<(String, String, bool), Failure> {
    let Some(inner) = line.text.strip_prefix('<') else {
        let (name, rest) = lex::word(&line.text).unwrap_or_default();
        return Ok((name, rest.to_owned(), false));
    };
    let Some(end) = inner.rfind('>') else {
        return Err(failure(
            origin,
            "`>` is missing at the end of the section's line".to_owned(),
        ));
    };
    let inner = inner.get(..end).unwrap_or_default();
    let (name, rest) = lex::word(inner).unwrap_or_default();
    match !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric()) {
        true => Ok((name, rest.to_owned(), true)),
        false => Err(failure(
            origin,
            format!("<{name}> is no section; a comment begins with #"),
        )),
    }
}

/// A section with what is in it, as its lines say it: neither variables nor conditions are looked at.
pub(super) fn whole(section: &Node, behind: &[Line]) -> Node {
    let mut open = vec![Node {
        children: Some(Vec::new()),
        ..section.clone()
    }];
    for line in behind {
        if line.text.starts_with("</") {
            let Some(closed) = open.pop() else { break };
            match open.last_mut() {
                Some(outer) => outer.children.get_or_insert_default().push(closed),
                None => return closed,
            }
            continue;
        }
        let Ok((written, arguments, is_section)) = split(line, &section.origin) else {
            break;
        };
        let node = Node {
            origin: section.origin.clone(),
            name: written.to_ascii_lowercase(),
            written,
            arguments,
            children: is_section.then(Vec::new),
        };
        match (is_section, open.last_mut()) {
            (true, _) => open.push(node),
            (false, Some(outer)) => outer.children.get_or_insert_default().push(node),
            (false, None) => break,
        }
    }
    // The file ends within it, which is said elsewhere.
    section.clone()
}
