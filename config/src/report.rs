//! Where problems are collected: nothing stops at the first one.

use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};

use crate::fault::Fault;
use crate::problem::{Problem, Problems, Severity};

/// A place: the file (0 is the main file, others are included), line and column from 1, and how many characters are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) file: u32,
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) length: u32,
}

impl Place {
    /// Where the main file starts.
    pub(crate) const START: Self = Self {
        file: 0,
        line: 1,
        column: 1,
        length: 1,
    };
}

/// A file and its text, as its author sees it.
pub(crate) struct Source {
    file: PathBuf,
    lines: Vec<String>,
}

/// Of longer lines, in bytes, a part is shown: a file of one huge line must not be copied for each of its problems, nor
/// looked through for each of its values.
const LONGEST_LINE: usize = 4096;

/// How many characters of a longer line are kept before the place of a problem, and from it on.
const AROUND: usize = 500;

/// Errors that come after so many are counted and left out, and so are warnings: nobody reads them, and a hostile file could
/// ask for gigabytes.
const MOST_PROBLEMS: usize = 1000;

impl Source {
    pub(crate) fn new(file: &Path, text: &str) -> Self {
        Self {
            file: file.to_owned(),
            lines: text.lines().map(str::to_owned).collect(),
        }
    }

    /// The name of the file.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// The folder of the file, from which relative names start.
    pub(crate) fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }

    /// The place itself, or where nothing stands in its line, the end of the last line before it in which something stands, else
    /// the first such line: the end of a file has no line.
    fn with_a_line(&self, place: Place) -> Place {
        let index = (place.line as usize).saturating_sub(1);
        let is_blank = |line: &String| line.trim().is_empty();
        if self.lines.get(index).is_some_and(|line| !is_blank(line)) {
            return place;
        }
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let lines = self.lines.iter().enumerate();
        let mut filled = lines.filter(|(_, line)| !is_blank(line)).peekable();
        let first = filled.peek().map(|(line, _)| *line);
        let last = filled.take_while(|(line, _)| *line < index).last();
        let (line, column) = match (last, first) {
            (Some((line, text)), _) => (line + 1, text.trim_end().chars().count() + 1),
            (None, Some(line)) => (line + 1, 1),
            (None, None) => return place,
        };
        Place {
            line: number(line),
            column: number(column),
            length: 1,
            ..place
        }
    }

    /// The characters at a place of one line; of a long line none.
    pub(crate) fn written(&self, place: Place) -> String {
        self.line(place)
            .chars()
            .skip(place.column.saturating_sub(1) as usize)
            .take(place.length as usize)
            .collect::<String>()
            .trim_end()
            .to_owned()
    }

    /// The place of a character of a scalar, when the scalar stands in its line as it is.
    pub(crate) fn inside(&self, place: Place, scalar: &str, character: usize) -> Place {
        let column = place.column.saturating_sub(1) as usize;
        let rest: String = self.line(place).chars().skip(column).collect();
        let bare = rest.strip_prefix(['"', '\'']).unwrap_or(&rest);
        let quote = usize::from(bare.len() != rest.len());
        let before: String = scalar.chars().take(character).collect();
        match bare.starts_with(&before) {
            true => Place {
                column: u32::try_from(column + quote + character + 1).unwrap_or(u32::MAX),
                length: 1,
                ..place
            },
            false => place,
        }
    }

    /// A problem at a place.
    pub(crate) fn problem(
        &self,
        severity: Severity,
        place: Place,
        message: String,
        hint: Option<String>,
    ) -> Problem {
        let (skipped, source) = self.around(place);
        Problem {
            severity,
            file: self.file.clone(),
            line: place.line as usize,
            column: place.column as usize,
            length: self.written(place).chars().count().max(1),
            message,
            source,
            skipped,
            hint,
        }
    }

    /// The line of a place; of a long line the part around the place, with the number of characters before that part.
    fn around(&self, place: Place) -> (usize, String) {
        let index = (place.line as usize).saturating_sub(1);
        let line = self.lines.get(index).map_or("", String::as_str);
        if line.len() <= LONGEST_LINE {
            return (0, line.to_owned());
        }
        let skipped = (place.column as usize).saturating_sub(1 + AROUND);
        let part = match line.is_ascii() {
            true => {
                let end = line.len().min(skipped + 2 * AROUND);
                line.get(skipped..end).unwrap_or_default().to_owned()
            }
            false => line.chars().skip(skipped).take(2 * AROUND).collect(),
        };
        (skipped, part)
    }

    /// A line; a long one counts as empty.
    fn line(&self, place: Place) -> &str {
        let index = (place.line as usize).saturating_sub(1);
        let line = self.lines.get(index).map_or("", String::as_str);
        if line.len() <= LONGEST_LINE { line } else { "" }
    }
}

/// The main file, and the files that it includes.
pub(crate) struct Sources {
    main: Source,
    /// The first of them is file 1.
    included: Vec<Source>,
}

impl Sources {
    pub(crate) const fn main(&self) -> &Source {
        &self.main
    }

    /// The file of a place.
    pub(crate) fn of(&self, place: Place) -> &Source {
        let index = (place.file as usize).checked_sub(1);
        let included = index.and_then(|index| self.included.get(index));
        included.unwrap_or(&self.main)
    }
}

/// Collects the problems of a file and of the files that it includes.
///
/// Reading goes through serde, which hands around no context of ours: hence the cell.
pub(crate) struct Report {
    sources: Sources,
    found: RefCell<Found>,
}

#[derive(Default)]
struct Found {
    problems: Vec<(Place, Problem)>,
    /// Hashes of the places and messages of all problems, those that are left out included.
    seen: HashSet<u64>,
    hasher: RandomState,
    errors: Count,
    warnings: Count,
}

/// How many problems of one severity there are.
#[derive(Default)]
struct Count {
    kept: usize,
    left_out: usize,
}

impl Count {
    /// Whether one more is kept.
    const fn keeps(&mut self) -> bool {
        let keeps = self.kept < MOST_PROBLEMS;
        match keeps {
            true => self.kept += 1,
            false => self.left_out += 1,
        }
        keeps
    }
}

impl Report {
    /// `main` is the main file.
    pub(crate) fn new(main: Source) -> Self {
        Self {
            sources: Sources {
                main,
                included: Vec::new(),
            },
            found: RefCell::default(),
        }
    }

    /// Takes up an included file. Returns its number, for the places in it.
    pub(crate) fn include(&mut self, source: Source) -> u32 {
        self.sources.included.push(source);
        u32::try_from(self.sources.included.len()).unwrap_or(u32::MAX)
    }

    pub(crate) const fn main(&self) -> &Source {
        self.sources.main()
    }

    /// The file of a place.
    pub(crate) fn source(&self, place: Place) -> &Source {
        self.sources.of(place)
    }

    /// How a message at the place `seen_from` names another place: `line 7`, or `line 7 of conf.d/shop.yaml`.
    pub(crate) fn line_of(&self, place: Place, seen_from: Place) -> String {
        match place.file == seen_from.file {
            true => format!("line {}", place.line),
            false => format!(
                "line {} of {}",
                place.line,
                self.source(place).file.display()
            ),
        }
    }

    /// The file is refused, and this is what to do.
    pub(crate) fn error_with_hint(
        &self,
        place: Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(
            Severity::Error,
            place,
            "",
            message.into(),
            Some(hint.into()),
        );
    }

    /// The file is accepted all the same.
    pub(crate) fn warning(
        &self,
        place: Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(
            Severity::Warning,
            place,
            "",
            message.into(),
            Some(hint.into()),
        );
    }

    /// The file is refused for what is wrong with the value of a key.
    pub(crate) fn fault(&self, place: Place, key: &str, fault: Fault) {
        self.push(Severity::Error, place, key, fault.message, fault.hint);
    }

    /// Whether further errors are counted and left out, so that their hints need not be made.
    pub(crate) fn is_full(&self) -> bool {
        self.found.borrow().errors.kept >= MOST_PROBLEMS
    }

    /// Records a problem; one that is there already (a YAML alias repeats what its anchor says) counts once.
    fn push(
        &self,
        severity: Severity,
        place: Place,
        key: &str,
        message: String,
        hint: Option<String>,
    ) {
        let place = self.source(place).with_a_line(place);
        let mut found = self.found.borrow_mut();
        let hash = found.hasher.hash_one((place, &message));
        if !found.seen.insert(hash) {
            return;
        }
        let count = match severity {
            Severity::Error => &mut found.errors,
            Severity::Warning => &mut found.warnings,
        };
        if count.keeps() {
            let message = match key {
                "" => message,
                _ => format!("{key}: {message}"),
            };
            let problem = self.source(place).problem(severity, place, message, hint);
            found.problems.push((place, problem));
        }
    }

    /// The errors when there is one, else the files and the warnings.
    pub(crate) fn finish(self) -> Result<(Sources, Vec<Problem>), Problems> {
        let (sources, errors, warnings) = self.end();
        match Problems::new(errors) {
            Some(errors) => Err(errors),
            None => Ok((sources, warnings)),
        }
    }

    /// The files, the errors and the warnings.
    pub(crate) fn end(self) -> (Sources, Vec<Problem>, Vec<Problem>) {
        let mut found = self.found.into_inner();
        found.problems.sort_by_key(|(place, _)| *place);
        let (mut errors, mut warnings): (Vec<_>, Vec<_>) = found
            .problems
            .into_iter()
            .map(|(_, problem)| problem)
            .partition(|problem| problem.severity == Severity::Error);
        errors.extend(left_out(&errors, found.errors.left_out));
        warnings.extend(left_out(&warnings, found.warnings.left_out));
        let sorted = |problems| {
            Problems::new(problems).map_or_else(Vec::new, |all| all.into_iter().collect())
        };
        (self.sources, sorted(errors), sorted(warnings))
    }
}

/// Says behind the last problem that is shown how many of its severity are not.
fn left_out(shown: &[Problem], count: usize) -> Option<Problem> {
    let last = shown.last().filter(|_| count > 0)?;
    let (problems, are) = match (last.severity, count) {
        (Severity::Error, 1) => ("problem", "is"),
        (Severity::Error, _) => ("problems", "are"),
        (Severity::Warning, 1) => ("warning", "is"),
        (Severity::Warning, _) => ("warnings", "are"),
    };
    Some(Problem {
        message: format!("{count} more {problems} {are} not shown"),
        hint: Some("mend those above first, then check again".to_owned()),
        ..last.clone()
    })
}
