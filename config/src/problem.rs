//! What is wrong with a file: where, what, and the next step.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

/// Lines of the file that are longer than this, in characters, are shown in part, with `…` where something is left out.
const WIDEST: usize = 160;

/// How much a [`Problem`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is accepted; somebody should look at it.
    Warning,
}

/// One thing that is wrong, at one place of the file.
///
/// Its `Display` shows the place, the line of the file and a hint. [`Problem::headline`] is the first line alone,
/// for places where the file's text must not appear: a line may hold a secret, a message never does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Whether the file is refused for it.
    pub severity: Severity,
    /// The file, as it was named.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// How many characters are meant, from `column` on.
    pub length: usize,
    /// What is wrong.
    pub message: String,
    /// The line of the file, of a long line the part around the column; empty when there is none to show.
    pub source: String,
    /// How many characters of the line stand before `source`.
    pub skipped: usize,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// `file:line:column: what is wrong`
    #[must_use]
    pub fn headline(&self) -> String {
        let kind = match self.severity {
            Severity::Error => "",
            Severity::Warning => "warning: ",
        };
        let (file, line, column) = (self.file.display(), self.line, self.column);
        format!("{file}:{line}:{column}: {kind}{}", self.message)
    }

    /// The same problem, as something that does not stop the program.
    #[must_use]
    pub fn into_warning(self) -> Self {
        Self {
            severity: Severity::Warning,
            ..self
        }
    }

    /// The line with its number, and a line that points at the column.
    fn write_source(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let characters = self.source.chars().count();
        let column = self.column.saturating_sub(1 + self.skipped);
        let cut = match characters {
            0..=WIDEST => 0,
            _ => column.saturating_sub(WIDEST / 2),
        };
        let mark = |is_cut: bool| if is_cut { "…" } else { "" };
        let before = mark(cut + self.skipped > 0);
        let part = self.source.chars().skip(cut).take(WIDEST);
        let part: String = part.map(|c| if c.is_control() { ' ' } else { c }).collect();
        let behind = mark(cut + WIDEST < characters);
        let shown = format!("{before}{part}{behind}");
        let number = self.line.to_string();
        let blank = " ".repeat(column.saturating_sub(cut) + before.chars().count());
        let left = shown.chars().count().saturating_sub(blank.len());
        let carets = "^".repeat(self.length.clamp(1, left.max(1)));
        write!(f, "\n {number} | {shown}")?;
        write!(f, "\n {:1$} | {blank}{carets}", "", number.len())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline())?;
        if !self.source.trim().is_empty() {
            self.write_source(f)?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a configuration: at least one problem, file by file, in the order of each file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Sorts the problems by place; `None` when there is none. Files keep the order in which they occur first.
    #[must_use]
    pub fn new(mut problems: Vec<Problem>) -> Option<Self> {
        let mut files: HashMap<PathBuf, usize> = HashMap::new();
        for problem in &problems {
            let next = files.len();
            files.entry(problem.file.clone()).or_insert(next);
        }
        problems.sort_by_key(|problem| {
            let file = files.get(&problem.file).copied();
            (file, problem.line, problem.column)
        });
        (!problems.is_empty()).then_some(Self(problems))
    }

    /// The problems in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// The bare lines `file:line:column: what is wrong`.
    pub fn headlines(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(Problem::headline)
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
