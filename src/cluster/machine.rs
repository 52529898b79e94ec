//! What gateways of one cluster know alike, and how each comes to know it.
//!
//! What is shared is a map of cells: a key names one setting of one balancer or member, its value is a text, or nothing
//! once the setting was taken back. Each cell has a version: the engine's clock when the cell was written, in microseconds,
//! and more than any version before. Of two cells of one key the one with the greater version counts, of two with the same
//! version the one with the greater value. So the order in which cells arrive does not matter, and all gateways that have
//! seen the same cells know the same.
//!
//! The engine also has a revision, which is another number after each change. A change is made only where the revision is
//! the one that the gateway has seen: it is based on everything that was answered with success before, on any gateway.
//!
//! Whoever reads the engine gives back what the engine does not have, or has with smaller versions. So an engine that has
//! lost its data gets them again from anyone who knows them.
//!
//! # What was taken back
//!
//! A cell without a value must outlast those with older versions, which a gateway that was cut off may still have. So it is
//! forgotten only with the *horizon*, a cell of its own whose version says: whoever has it has seen all cells up to this version,
//! and what it lacks of these was taken back. Two that meet compare their horizons, and the greater one decides about cells up to
//! it that one of them lacks. Cells of version 0, from before there was a cluster, are above every horizon.
//!
//! The horizon must be older than any change that may still be on its way: the engine has had it, or a gateway that knows it has
//! met the others since. [`Machine::forget`] says what its caller has to see to.
//!
//! Nothing here waits, reads a clock or knows a protocol: [`super::redis`] does what a [`Step`] says and tells the result.

use std::collections::{BTreeMap, VecDeque};

/// Microseconds of the engine's clock, or a little more.
pub(crate) type Version = u64;

/// The cells of the cluster by their keys.
pub(crate) type Cells = BTreeMap<String, Cell>;

/// The most changes that wait for their turn on one gateway.
pub(crate) const MOST_WAITING: usize = 64;

/// The key of the horizon. No other key is like it: those are lists as JSON.
const HORIZON: &str = "horizon";

/// The most cells that a gateway adds to. 16,384 are 1,024 members with 16 settings each.
pub(crate) const MOST_CELLS: usize = 16_384;

/// A value with its version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    pub(crate) version: Version,
    /// `None`: the setting was taken back.
    pub(crate) value: Option<String>,
}

/// What a change writes: values by key.
pub(crate) type Writes = BTreeMap<String, Option<String>>;

/// What the gateway knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) cells: Cells,
    /// The engine's revision that has these cells; `None` as long as the engine was never reached.
    pub(crate) revision: Option<Version>,
}

/// A change that somebody waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change<Id> {
    /// Names the change in its [`Step::Answer`].
    pub(crate) id: Id,
    /// The revision that it is based on.
    pub(crate) based_on: Version,
    pub(crate) writes: Writes,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeResult {
    /// The engine has it.
    Made,
    /// Somebody else has changed something meanwhile, which has been taken up by now: the change is to be made anew.
    Again,
    /// The engine cannot be reached, or did not answer. It may have the change or not; whoever asks for it learns that when
    /// the engine answers again.
    Unreachable,
    /// There are too many cells or too many changes at a time.
    TooMuch,
}

/// What is to be done next, in this order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<Id> {
    /// Read revision and cells of the engine, and tell [`Machine::read`].
    Read,
    /// Write these where the engine's revision is `expected`, and tell [`Machine::written`].
    Write { expected: Version, writes: Writes },
    /// Write these cells with their versions, and remove those with the keys `forgotten`, where the engine's revision is `expected`,
    /// and tell [`Machine::given_back`].
    GiveBack {
        expected: Version,
        cells: Cells,
        forgotten: Vec<String>,
    },
    /// This is what is known from now on.
    TakeUp(Known),
    /// Tell whoever waits for a change. Always behind the [`Step::TakeUp`] that has what the answer is about.
    Answer(Id, ChangeResult),
}

/// What the machine is waiting for.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Away,
    Reading,
    GivingBack,
    Writing,
    Idle,
}

/// The part of a gateway in its cluster. `Id` names changes.
///
/// At most one of [`Step::Read`], [`Step::Write`] and [`Step::GiveBack`] is under way at a time; when its result cannot be
/// had, [`lost`](Self::lost) is told in its place.
///
/// ```text
///   Away ─ connected ▶ Reading ─ read ▶ Idle ─ change ▶ Writing ─ written ▶ Idle or Reading
///                        ▲ │             ├─ noticed ▶ Reading
///                        │ │             └─ forget ─┐
///                        │ └─ read ▶ GivingBack ◀───┘
///                        └─ given back ─┘                  lost: Away
/// ```
#[derive(Debug)]
pub(crate) struct Machine<Id> {
    state: State,
    known: Known,
    /// Whether `known` has been told since it changed.
    told: bool,
    /// The first is the one being written in [`State::Writing`].
    waiting: VecDeque<Change<Id>>,
    /// A notice came while something else was under way.
    look_again: bool,
}

impl<Id: Clone> Machine<Id> {
    /// A gateway that knows these cells from before, and has not reached the engine yet.
    pub(crate) fn new(cells: Cells) -> Self {
        Self {
            state: State::Away,
            known: Known {
                cells,
                revision: None,
            },
            told: true,
            waiting: VecDeque::new(),
            look_again: false,
        }
    }

    pub(crate) const fn known(&self) -> &Known {
        &self.known
    }

    /// The engine can be asked.
    pub(crate) fn connected(&mut self) -> Vec<Step<Id>> {
        self.look_again = false;
        self.state = State::Reading;
        vec![Step::Read]
    }

    /// The engine cannot be asked any more. What was under way may have been done or not.
    pub(crate) fn lost(&mut self) -> Vec<Step<Id>> {
        self.state = State::Away;
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        waiting
            .map(|change| Step::Answer(change.id, ChangeResult::Unreachable))
            .collect()
    }

    /// Somebody wants a change.
    pub(crate) fn change(&mut self, change: Change<Id>) -> Vec<Step<Id>> {
        let answer = |answer| vec![Step::Answer(change.id.clone(), answer)];
        let new = change.writes.keys();
        let new = new.filter(|key| !self.known.cells.contains_key(*key));
        if self.state == State::Away {
            return answer(ChangeResult::Unreachable);
        }
        if self.waiting.len() >= MOST_WAITING
            || self.known.cells.len().saturating_add(new.count()) > MOST_CELLS
        {
            return answer(ChangeResult::TooMuch);
        }
        self.waiting.push_back(change);
        self.go_on()
    }

    /// The engine says that its revision is this one.
    pub(crate) fn noticed(&mut self, revision: Version) -> Vec<Step<Id>> {
        match self.state {
            State::Idle if self.known.revision != Some(revision) => {
                self.state = State::Reading;
                vec![Step::Read]
            }
            State::Idle | State::Away => Vec::new(),
            State::Reading | State::GivingBack | State::Writing => {
                self.look_again = true;
                Vec::new()
            }
        }
    }

    /// The answer to [`Step::Read`].
    pub(crate) fn read(&mut self, revision: Version, engine: Cells) -> Vec<Step<Id>> {
        if self.state != State::Reading {
            return Vec::new();
        }
        let merged = merged(&self.known.cells, &engine);
        let lacks = |(key, cell): &(&String, &Cell)| engine.get(*key) < Some(*cell);
        let missing = merged.iter().filter(lacks);
        let missing: Cells = missing
            .map(|(key, cell)| (key.clone(), cell.clone()))
            .collect();
        let forgotten = engine.into_keys().filter(|key| !merged.contains_key(key));
        let forgotten: Vec<String> = forgotten.collect();
        if self.known.cells != merged {
            self.known.cells = merged;
            self.told = false;
        }
        if !missing.is_empty() || !forgotten.is_empty() {
            self.state = State::GivingBack;
            return vec![Step::GiveBack {
                expected: revision,
                cells: missing,
                forgotten,
            }];
        }
        self.told &= self.known.revision == Some(revision);
        self.known.revision = Some(revision);
        self.state = State::Idle;
        self.go_on()
    }

    /// Forgets cells that were taken back up to this version, where the engine has just said its revision. The version must be so
    /// old that all changes up to it are known here: those that nobody but a gateway that is still cut off knows are lost then.
    pub(crate) fn forget(&mut self, until: Version) -> Vec<Step<Id>> {
        let Some(expected) = self.known.revision.filter(|_| self.state == State::Idle) else {
            return Vec::new();
        };
        let before = self.known.cells.len();
        let mut cells = self.known.cells.clone();
        cells.retain(|key, cell| key == HORIZON || !is_forgotten(cell, until));
        if until <= horizon(&self.known.cells) || cells.len() == before {
            return Vec::new();
        }
        let forgotten = self
            .known
            .cells
            .keys()
            .filter(|key| !cells.contains_key(*key));
        let forgotten: Vec<String> = forgotten.cloned().collect();
        let horizon = Cell {
            version: until,
            value: None,
        };
        cells.insert(HORIZON.to_owned(), horizon.clone());
        self.known.cells = cells;
        self.told = false;
        self.state = State::GivingBack;
        vec![Step::GiveBack {
            expected,
            cells: Cells::from([(HORIZON.to_owned(), horizon)]),
            forgotten,
        }]
    }

    /// The answer to [`Step::GiveBack`], whether anything was written or not. Others may have written meanwhile, so the
    /// engine is read again.
    pub(crate) fn given_back(&mut self) -> Vec<Step<Id>> {
        if self.state != State::GivingBack {
            return Vec::new();
        }
        self.state = State::Reading;
        vec![Step::Read]
    }

    /// The answer to [`Step::Write`]: the version that the cells have, which is also the revision; `None` when the engine
    /// has another revision than expected, and nothing was written.
    pub(crate) fn written(&mut self, version: Option<Version>) -> Vec<Step<Id>> {
        if self.state != State::Writing {
            return Vec::new();
        }
        let Some(version) = version else {
            // Read what is new; the change itself is answered behind it, because it is based on what was known before.
            self.state = State::Reading;
            return vec![Step::Read];
        };
        self.state = State::Idle;
        let Some(change) = self.waiting.pop_front() else {
            return self.go_on();
        };
        for (key, value) in change.writes {
            self.known.cells.insert(key, Cell { version, value });
        }
        self.known.revision = Some(version);
        self.told = false;
        let mut steps = self.tell();
        steps.push(Step::Answer(change.id, ChangeResult::Made));
        steps.extend(self.go_on());
        steps
    }

    /// Looks at what waits.
    fn go_on(&mut self) -> Vec<Step<Id>> {
        if self.state != State::Idle {
            return Vec::new();
        }
        let mut steps = self.tell();
        if std::mem::take(&mut self.look_again) {
            self.state = State::Reading;
            steps.push(Step::Read);
            return steps;
        }
        while let Some(change) = self.waiting.front() {
            if Some(change.based_on) == self.known.revision {
                self.state = State::Writing;
                steps.push(Step::Write {
                    expected: change.based_on,
                    writes: change.writes.clone(),
                });
                break;
            }
            if let Some(change) = self.waiting.pop_front() {
                steps.push(Step::Answer(change.id, ChangeResult::Again));
            }
        }
        steps
    }

    /// What is known, unless it was told already.
    fn tell(&mut self) -> Vec<Step<Id>> {
        match std::mem::replace(&mut self.told, true) {
            true => Vec::new(),
            false => vec![Step::TakeUp(self.known.clone())],
        }
    }
}

/// The version of the horizon; 0 where there is none.
fn horizon(cells: &Cells) -> Version {
    cells.get(HORIZON).map_or(0, |cell| cell.version)
}

/// Whether a cell is one of those of which a horizon says that they are all known.
const fn is_below(cell: &Cell, horizon: Version) -> bool {
    cell.version > 0 && cell.version <= horizon
}

/// Whether a cell was taken back and need not be known any more.
const fn is_forgotten(cell: &Cell, horizon: Version) -> bool {
    cell.value.is_none() && is_below(cell, horizon)
}

/// What a gateway and the engine know together.
fn merged(own: &Cells, engine: &Cells) -> Cells {
    let (mine, its) = (horizon(own), horizon(engine));
    let latest = mine.max(its);
    let mut all = Cells::new();
    for key in own.keys().chain(engine.keys()) {
        let cell = match (own.get(key), engine.get(key)) {
            (Some(one), Some(other)) => one.max(other),
            // The engine has seen it, and lacks it.
            (Some(cell), None) if its >= mine && is_below(cell, its) => continue,
            // This gateway has seen it, and lacks it.
            (None, Some(cell)) if mine > its && is_below(cell, mine) => continue,
            (Some(cell), None) | (None, Some(cell)) => cell,
            (None, None) => continue,
        };
        if key == HORIZON || !is_forgotten(cell, latest) {
            all.insert(key.clone(), cell.clone());
        }
    }
    all
}

#[cfg(test)]
mod tests;
