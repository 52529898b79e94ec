//! What is said about the lines of the old files.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// A line of an old file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The name of the file as it was opened.
    pub file: Arc<str>,
    /// The line from 1; the first one of a directive that goes on in further lines.
    pub line: u32,
}

impl Origin {
    /// `line 5`, and of which file where that is not the one that is spoken of.
    #[must_use]
    pub fn seen_from(&self, here: &Self) -> String {
        match self.file == here.file {
            true => format!("line {}", self.line),
            false => format!("line {} of {}", self.line, self.file),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// The old server lets some in, but that cannot be said here: nobody comes in until somebody has looked at it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Closed {
    /// What could not be turned.
    pub why: String,
    /// Where it stands; `None`: in the section as a whole.
    pub origin: Option<Origin>,
}

impl Closed {
    /// What a line says cannot be turned.
    #[must_use]
    pub fn by(origin: &Origin, why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            origin: Some(origin.clone()),
        }
    }
}

/// A line that could not be turned, or whose meaning differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remark {
    /// Where it stands; line 0 is the file as a whole.
    pub origin: Origin,
    /// The line as it stands there, cut where it is long and without secrets; `None`: it is about no line.
    pub about: Option<String>,
    /// What, and why or what to do. It never holds a secret.
    pub text: String,
}

impl Remark {
    /// Whether it says that the line, or a part of it, became nothing.
    #[must_use]
    pub fn is_left_out(&self) -> bool {
        self.text.contains("left out")
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.origin.line, &self.about) {
            (0, _) => write!(f, "{}: {}", self.origin.file, self.text),
            (_, Some(about)) => write!(f, "{}: {}", self.origin, with(about, &self.text)),
            (_, None) => write!(f, "{}: {}", self.origin, self.text),
        }
    }
}

/// The text of a remark with what it is about before it, unless the text says that by itself.
fn with(about: &str, text: &str) -> String {
    let (name, rest) = match about.split_once([' ', '=']) {
        Some((name, rest)) => (name.trim(), rest.trim()),
        None => (about, ""),
    };
    let bare = name.trim_start_matches('<').trim_end_matches('>');
    let first = rest.split(' ').next().unwrap_or_default();
    let first = first.trim_end_matches('>').trim_matches(['"', '\'']);
    let both = [name, first].join(" ");
    let said = text.to_ascii_lowercase();
    if said.contains(both.trim_end().to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    // A text that begins with the name needs it once, and one that goes on with another word says by itself what it is about.
    let begins = [format!("<{bare}>"), bare.to_owned()];
    let behind = begins.iter().find_map(|name| text.strip_prefix(&**name));
    match behind {
        Some(behind) if behind.starts_with(':') || behind.starts_with(" is left out") => {
            format!("`{about}`{behind}")
        }
        Some(behind) if behind.starts_with(' ') => text.to_owned(),
        Some(_) | None => format!("`{about}`: {text}"),
    }
}

/// A file that cannot be read or parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The line; line 0 is the file as a whole.
    pub origin: Origin,
    /// What is wrong.
    pub text: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.origin.line {
            0 => write!(f, "{}: {}", self.origin.file, self.text),
            _ => write!(f, "{}: {}", self.origin, self.text),
        }
    }
}

impl std::error::Error for Failure {}

/// The remarks and the count of what is no business of a gateway's. The same remark about one line is kept once.
#[derive(Debug, Default)]
pub struct Notes {
    remarks: BTreeSet<(usize, u32, String, Arc<str>)>,
    files: Vec<Arc<str>>,
    counted: BTreeSet<Origin>,
    /// Lines whose directives nobody here knows.
    unknown: BTreeSet<Origin>,
    /// What is named already of what nobody may use.
    closed: BTreeSet<Closed>,
}

impl Notes {
    /// Names a line that could not be turned.
    pub fn name(&mut self, origin: &Origin, text: impl Into<String>) {
        let file = self.number(&origin.file);
        let (line, file_name) = (origin.line, Arc::clone(&origin.file));
        // A name in a broken file may hold what a terminal obeys.
        let text = text.into().replace(|letter: char| letter.is_control(), "");
        self.remarks.insert((file, line, text, file_name));
    }

    /// Names what nobody may use, once. `what`: `its paths are`; `origin`: the section, where `closed` names no line.
    pub fn close(&mut self, what: &str, closed: &Closed, origin: &Origin) {
        let origin = closed.origin.as_ref().unwrap_or(origin);
        let known = Closed::by(origin, &*closed.why);
        if self.closed.insert(known) {
            self.name(
                origin,
                format!("{what} closed for everybody (403): {}", closed.why),
            );
        }
    }

    /// Names a line whose directive nobody here knows.
    pub fn unknown(&mut self, origin: &Origin, text: impl Into<String>) {
        self.unknown.insert(origin.clone());
        self.name(origin, text);
    }

    /// How many lines have directives that nobody here knows.
    pub(super) fn unknown_count(&self) -> usize {
        self.unknown.len()
    }

    /// Counts a line as no business of a gateway's.
    pub fn count(&mut self, origin: &Origin) {
        self.counted.insert(origin.clone());
    }

    /// Says in which order files are first looked at, which is the order of their remarks.
    pub fn open(&mut self, file: &Arc<str>) {
        self.number(file);
    }

    fn number(&mut self, file: &Arc<str>) -> usize {
        match self.files.iter().position(|known| known == file) {
            Some(at) => at,
            None => {
                self.files.push(Arc::clone(file));
                self.files.len() - 1
            }
        }
    }

    /// The files in the order in which they were first looked at.
    pub(super) fn files(&self) -> &[Arc<str>] {
        &self.files
    }

    pub(super) fn finish(self) -> (Vec<Remark>, BTreeSet<Origin>) {
        let remarks = self
            .remarks
            .into_iter()
            .map(|(_, line, text, file)| Remark {
                origin: Origin { file, line },
                about: None,
                text,
            });
        (remarks.collect(), self.counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_says_once_what_it_is_about() {
        for (about, text, expected) in [
            (
                "RewriteRule ^/a /b",
                "left out: it has conditions",
                "`RewriteRule ^/a /b`: left out: it has conditions",
            ),
            (
                "SSLOCSPEnable on",
                "SSLOCSPEnable is left out",
                "`SSLOCSPEnable on` is left out",
            ),
            (
                "<If \"%{X} == 'y'\">",
                "<If> is left out",
                "`<If \"%{X} == 'y'\">` is left out",
            ),
            (
                "JkOptions +A +B",
                "JkOptions +B is left out",
                "JkOptions +B is left out",
            ),
            (
                "AuthType Shibboleth",
                "closed: AuthType shibboleth has no counterpart",
                "closed: AuthType shibboleth has no counterpart",
            ),
            ("<Else>", "see elsewhere", "`<Else>`: see elsewhere"),
            ("<Location /a>", "left out", "`<Location /a>`: left out"),
            (
                "worker.a.lock=O",
                "worker.a.lock is left out",
                "`worker.a.lock=O` is left out",
            ),
        ] {
            assert_eq!(with(about, text), expected);
        }
    }
}
