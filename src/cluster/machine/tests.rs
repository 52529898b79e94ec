//! A simulation: gateways, an engine, and a network that loses whatever it likes, all drawn from a seed.

use std::collections::{BTreeMap, VecDeque};

use super::*;

/// How many seeds are played.
const SEEDS: u64 = 4_000;

/// splitmix64 (Steele, Lea, Flood 2014): the same numbers for a seed on every machine.
#[derive(Debug)]
struct Lots(u64);

impl Lots {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// Whether a change of this version is known, or what was changed is known to have been taken back.
fn knows(cells: &Cells, key: &str, version: Version) -> bool {
    match cells.get(key) {
        Some(cell) => cell.version >= version,
        None => horizon(cells) >= version,
    }
}

const KEYS: [&str; 4] = ["a.drain", "a.factor", "b.member", "c.route"];

/// What Redis does with the script, in its memory.
#[derive(Debug, Clone, Default)]
struct Engine {
    revision: Version,
    cells: Cells,
}

/// More than a version is ahead of the clock when the clock stands still.
const AHEAD: Version = 400;

impl Engine {
    /// The script: writes where the revision is the one that is expected. A cell without a version gets the new revision.
    fn write(
        &mut self,
        expected: Version,
        cells: Vec<(String, Option<Version>, Option<String>)>,
        clock: Version,
    ) -> Option<Version> {
        if self.revision != expected {
            return None;
        }
        let given = cells.iter().filter_map(|(_, version, _)| *version).max();
        let revision = clock.max(self.revision + 1).max(given.unwrap_or(0));
        for (key, version, value) in cells {
            let version = version.unwrap_or(revision);
            self.cells.insert(key, Cell { version, value });
        }
        self.revision = revision;
        Some(revision)
    }

    fn give_back(&mut self, expected: Version, cells: Cells, forgotten: &[String], clock: Version) {
        let cells = cells.into_iter();
        let cells = cells.map(|(key, cell)| (key, Some(cell.version), cell.value));
        if self.write(expected, cells.collect(), clock).is_some() {
            self.cells.retain(|key, _| !forgotten.contains(key));
        }
    }
}

/// A message on its way to the engine, or the answer on its way back.
#[derive(Debug, Clone)]
enum Message {
    Read,
    Write(Version, Writes),
    GiveBack(Version, Cells, Vec<String>),
    Look,
    WasRead(Version, Cells),
    Written(Option<Version>),
    GivenBack,
    Looked(Version),
}

#[derive(Debug)]
struct Gateway {
    machine: Machine<u64>,
    /// Whether a connection is open.
    connected: bool,
    /// On its way between gateway and engine: one question or one answer.
    under_way: VecDeque<Message>,
    /// What counts on this gateway.
    in_force: Known,
    /// What its state file has, if it has one.
    file: Option<Cells>,
    /// Changes that somebody waits for: what they write, and how much had been answered when they began.
    asked: BTreeMap<u64, (Writes, usize)>,
}

/// A change that was answered with success.
#[derive(Debug)]
struct Answered {
    writes: Writes,
    version: Version,
}

#[derive(Debug)]
struct World {
    lots: Lots,
    clock: Version,
    engine: Engine,
    saved: Engine,
    gateways: Vec<Gateway>,
    answered: Vec<Answered>,
    /// What was taken back, as the engine wrote it.
    taken_back: Vec<(String, Version)>,
    next: u64,
    refused: u64,
    forgotten: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut lots = Lots(seed);
        let count = 2 + lots.below(3);
        let gateways = (0..count).map(|_| Gateway {
            machine: Machine::new(Cells::new()),
            connected: false,
            under_way: VecDeque::new(),
            in_force: Known::default(),
            file: (lots.below(2) == 0).then(Cells::new),
            asked: BTreeMap::new(),
        });
        let gateways = gateways.collect();
        Self {
            lots,
            clock: 1_000,
            engine: Engine::default(),
            saved: Engine::default(),
            gateways,
            answered: Vec::new(),
            taken_back: Vec::new(),
            next: 0,
            refused: 0,
            forgotten: 0,
        }
    }

    fn carry_out(&mut self, at: usize, steps: Vec<Step<u64>>) {
        for step in steps {
            let gateway = &mut self.gateways[at];
            match step {
                Step::Read => gateway.under_way.push_back(Message::Read),
                Step::Write { expected, writes } => {
                    gateway
                        .under_way
                        .push_back(Message::Write(expected, writes));
                }
                Step::GiveBack {
                    expected,
                    cells,
                    forgotten,
                } => {
                    let message = Message::GiveBack(expected, cells, forgotten);
                    gateway.under_way.push_back(message);
                }
                Step::TakeUp(known) => {
                    if let Some(file) = &mut gateway.file {
                        file.clone_from(&known.cells);
                    }
                    gateway.in_force = known;
                }
                Step::Answer(id, answer) => {
                    let (writes, before) = gateway.asked.remove(&id).expect("answered once");
                    if answer != ChangeResult::Made {
                        self.refused += 1;
                        continue;
                    }
                    let key = writes.keys().next().expect("a change writes something");
                    let version = gateway.in_force.cells[key].version;
                    for (key, value) in &writes {
                        let cell = &gateway.in_force.cells[key];
                        assert_eq!(
                            cell,
                            &Cell {
                                version,
                                value: value.clone()
                            }
                        );
                    }
                    for earlier in &self.answered[..before] {
                        assert!(earlier.version < version, "a later change counts less");
                    }
                    self.answered.push(Answered { writes, version });
                }
            }
        }
    }

    /// Brings one message further: to the engine, or back.
    fn deliver(&mut self, at: usize) {
        let Some(message) = self.gateways[at].under_way.pop_front() else {
            return;
        };
        let answer = match message {
            Message::Read => Message::WasRead(self.engine.revision, self.engine.cells.clone()),
            Message::Look => Message::Looked(self.engine.revision),
            Message::Write(expected, writes) => {
                let cells = writes.clone().into_iter();
                let cells = cells.map(|(key, value)| (key, None, value));
                let version = self.engine.write(expected, cells.collect(), self.clock);
                for (key, value) in writes {
                    if let (Some(version), None) = (version, value) {
                        self.taken_back.push((key, version));
                    }
                }
                Message::Written(version)
            }
            Message::GiveBack(expected, cells, forgotten) => {
                self.engine
                    .give_back(expected, cells, &forgotten, self.clock);
                Message::GivenBack
            }
            answer => return self.arrived(at, answer),
        };
        self.gateways[at].under_way.push_front(answer);
    }

    fn arrived(&mut self, at: usize, answer: Message) {
        let machine = &mut self.gateways[at].machine;
        let steps = match answer {
            Message::WasRead(revision, cells) => machine.read(revision, cells),
            Message::Written(version) => machine.written(version),
            Message::GivenBack => machine.given_back(),
            Message::Looked(revision) => machine.noticed(revision),
            question => panic!("{question:?} is no answer"),
        };
        self.carry_out(at, steps);
    }

    fn cut(&mut self, at: usize) {
        let gateway = &mut self.gateways[at];
        gateway.connected = false;
        gateway.under_way.clear();
        let steps = gateway.machine.lost();
        self.carry_out(at, steps);
    }

    fn connect(&mut self, at: usize) {
        if !self.gateways[at].connected {
            self.gateways[at].connected = true;
            let steps = self.gateways[at].machine.connected();
            self.carry_out(at, steps);
        }
    }

    fn change(&mut self, at: usize) {
        let count = 1 + self.lots.below(2);
        let mut writes = Writes::new();
        for _ in 0..count {
            let key = KEYS[self.lots.below(KEYS.len() as u64) as usize];
            let value = (self.lots.below(4) > 0).then(|| format!("v{}", self.next));
            writes.insert(key.to_owned(), value);
        }
        let gateway = &mut self.gateways[at];
        // As the gateway does: nothing can be based on a revision that was never seen.
        let Some(based_on) = gateway.in_force.revision else {
            return;
        };
        let id = self.next;
        self.next += 1;
        gateway
            .asked
            .insert(id, (writes.clone(), self.answered.len()));
        let steps = gateway.machine.change(Change {
            id,
            based_on,
            writes,
        });
        self.carry_out(at, steps);
    }

    /// Whether each change that was answered is known to somebody if the engine has `engine` and the gateway `without`
    /// knows only its file.
    fn is_anything_lost(&self, engine: &Engine, without: Option<usize>) -> bool {
        let somebody = |key: &String, version| {
            let gateways = self.gateways.iter().enumerate();
            knows(&engine.cells, key, version)
                || gateways.into_iter().any(|(at, gateway)| match without {
                    Some(gone) if gone == at => gateway
                        .file
                        .as_ref()
                        .is_some_and(|file| knows(file, key, version)),
                    _ => knows(&gateway.machine.known().cells, key, version),
                })
        };
        let mut all = self.answered.iter();
        all.any(|it| it.writes.keys().any(|key| !somebody(key, it.version)))
    }

    /// A gateway forgets what was taken back. It must know all changes up to then.
    fn forget(&mut self, at: usize) {
        let back = AHEAD + self.lots.below(2_000);
        let until = self.engine.revision.min(self.clock).saturating_sub(back);
        let known = &self.gateways[at].machine.known().cells;
        let mut old = self.answered.iter().filter(|it| it.version <= until);
        if !old.all(|it| it.writes.keys().all(|key| knows(known, key, it.version))) {
            return;
        }
        let steps = self.gateways[at].machine.forget(until);
        self.forgotten += u64::from(!steps.is_empty());
        self.carry_out(at, steps);
    }

    /// The engine ends and comes back, with everything, with what it had saved, or with nothing.
    fn restart_engine(&mut self) {
        let comes_back = match self.lots.below(3) {
            0 => self.engine.clone(),
            1 => self.saved.clone(),
            _ => Engine::default(),
        };
        // What nobody knows any more cannot be had back: the promise does not cover it.
        if self.is_anything_lost(&comes_back, None) {
            return;
        }
        self.engine = comes_back;
        for at in 0..self.gateways.len() {
            self.cut(at);
        }
    }

    fn restart_gateway(&mut self, at: usize) {
        if self.is_anything_lost(&self.engine, Some(at)) {
            return;
        }
        self.cut(at);
        let gateway = &mut self.gateways[at];
        let cells = gateway.file.clone().unwrap_or_default();
        gateway.in_force = Known {
            cells: cells.clone(),
            revision: None,
        };
        gateway.machine = Machine::new(cells);
    }

    fn play(&mut self) {
        // Now and then the clock stands still, or goes far ahead.
        self.clock += [0, 1, 1, 5, 1_000][self.lots.below(5) as usize];
        let at = self.lots.below(self.gateways.len() as u64) as usize;
        match self.lots.below(100) {
            0..46 => self.deliver(at),
            46..50 => self.forget(at),
            50..65 => self.change(at),
            65..75 => self.connect(at),
            75..80 => self.cut(at),
            80..90 => {
                let gateway = &mut self.gateways[at];
                if gateway.connected && gateway.under_way.is_empty() {
                    gateway.under_way.push_back(Message::Look);
                }
            }
            // A notice, which may also be an old one.
            90..95 => {
                let revision = self.engine.revision.saturating_sub(self.lots.below(2));
                if self.gateways[at].connected {
                    let steps = self.gateways[at].machine.noticed(revision);
                    self.carry_out(at, steps);
                }
            }
            95 => self.saved = self.engine.clone(),
            96..98 => self.restart_engine(),
            _ => self.restart_gateway(at),
        }
    }

    /// The network is well again: everybody connects, and asks as often as it takes.
    fn heal(&mut self) {
        for _ in 0..20 {
            for at in 0..self.gateways.len() {
                self.connect(at);
                for _ in 0..50 {
                    self.deliver(at);
                }
                self.gateways[at].under_way.push_back(Message::Look);
            }
        }
    }
}

#[test]
fn all_gateways_end_alike_and_nothing_answered_is_lost() {
    let (mut answered, mut refused, mut forgotten) = (0, 0, 0);
    for seed in 0..SEEDS {
        let played = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            for _ in 0..300 {
                world.play();
            }
            world.heal();
            let ends = &world.engine;
            for gateway in &world.gateways {
                assert_eq!(gateway.in_force.cells, ends.cells);
                assert_eq!(gateway.in_force.revision, Some(ends.revision));
                assert!(gateway.asked.is_empty(), "somebody waits for an answer");
            }
            for it in &world.answered {
                for (key, value) in &it.writes {
                    let Some(last) = ends.cells.get(key) else {
                        let until = horizon(&ends.cells);
                        let mut taken_back = world.taken_back.iter();
                        let is_behind = |(of, version): &(String, Version)| {
                            of == key && (it.version..=until).contains(version)
                        };
                        assert!(taken_back.any(is_behind), "{key} is lost: {it:?}");
                        continue;
                    };
                    assert!(last.version >= it.version, "{key} is older than {it:?}");
                    if last.version == it.version {
                        assert_eq!(&last.value, value, "{key}");
                    }
                }
            }
            (world.answered.len(), world.refused, world.forgotten)
        });
        let (more, less, gone) = played.unwrap_or_else(|why| {
            eprintln!("the seed is {seed}");
            std::panic::resume_unwind(why)
        });
        answered += more;
        refused += less;
        forgotten += gone;
    }
    // The simulation is of no use if hardly anything happens in it.
    assert!(
        answered > 10_000 && refused > 10_000 && forgotten > 500,
        "{answered} {refused} {forgotten}"
    );
}

#[test]
fn a_change_based_on_an_older_revision_is_made_anew() {
    let mut machine = Machine::new(Cells::new());
    assert_eq!(machine.connected(), [Step::Read]);
    let steps = machine.read(5, Cells::new());
    assert!(matches!(&steps[..], [Step::TakeUp(known)] if known.revision == Some(5)));
    let change = Change {
        id: 'x',
        based_on: 4,
        writes: Writes::from([("k".to_owned(), None)]),
    };
    let again = [Step::Answer('x', ChangeResult::Again)];
    assert_eq!(machine.change(change), again);
}

#[test]
fn what_waits_is_refused_when_the_engine_is_gone_and_in_too_large_numbers() {
    let change = |id| Change {
        id,
        based_on: 0,
        writes: Writes::from([("k".to_owned(), None)]),
    };
    let mut machine = Machine::new(Cells::new());
    let unreachable = [Step::Answer(1, ChangeResult::Unreachable)];
    assert_eq!(machine.change(change(1)), unreachable);
    machine.connected();
    machine.read(0, Cells::new());
    for id in 0..MOST_WAITING {
        let steps = machine.change(change(id));
        assert_eq!(steps.len(), usize::from(id == 0));
    }
    let too_much = [Step::Answer(1_000, ChangeResult::TooMuch)];
    assert_eq!(machine.change(change(1_000)), too_much);
    assert_eq!(machine.lost().len(), MOST_WAITING);
}

#[test]
fn a_file_from_before_the_cluster_counts_less_than_the_engine() {
    let cell = |version, value: &str| Cell {
        version,
        value: Some(value.to_owned()),
    };
    let file = Cells::from([
        ("a".to_owned(), cell(0, "file")),
        ("b".to_owned(), cell(0, "file")),
    ]);
    let mut machine = Machine::<u8>::new(file);
    machine.connected();
    let engine = Cells::from([("a".to_owned(), cell(7, "engine"))]);
    let steps = machine.read(7, engine);
    let [
        Step::GiveBack {
            expected: 7, cells, ..
        },
    ] = &steps[..]
    else {
        panic!("{steps:?}");
    };
    assert_eq!(cells, &Cells::from([("b".to_owned(), cell(0, "file"))]));
    assert_eq!(machine.known().cells["a"], cell(7, "engine"));
}

/// A gateway that was cut off has an old value of what was taken back and forgotten meanwhile.
#[test]
fn what_was_taken_back_and_forgotten_does_not_return() {
    let cell = |version, value: Option<&str>| Cell {
        version,
        value: value.map(str::to_owned),
    };
    let before = Cells::from([
        ("a".to_owned(), cell(3, Some("old"))),
        ("b".to_owned(), cell(4, Some("kept"))),
        ("file".to_owned(), cell(0, Some("early"))),
    ]);
    let mut present = Machine::<u8>::new(before.clone());
    present.connected();
    let mut engine = before.clone();
    engine.insert("a".to_owned(), cell(5, None));
    present.read(9, engine.clone());
    assert!(present.forget(4).is_empty(), "it was taken back later");
    let steps = present.forget(6);
    let [Step::GiveBack { forgotten, .. }] = &steps[..] else {
        panic!("{steps:?}");
    };
    assert_eq!(forgotten, &["a"]);
    let mut after = present.known().cells.clone();
    assert_eq!(after.keys().collect::<Vec<_>>(), ["b", "file", HORIZON]);
    assert!(present.forget(7).is_empty(), "not while this is under way");

    let mut late = Machine::<u8>::new(before.clone());
    late.connected();
    let steps = late.read(10, after.clone());
    assert!(
        matches!(&steps[..], [Step::TakeUp(known)] if known.cells == after),
        "{steps:?}"
    );
    // The same where the engine has only what the late gateway knew.
    present.given_back();
    let steps = present.read(11, before);
    let [
        Step::GiveBack {
            cells, forgotten, ..
        },
    ] = &steps[..]
    else {
        panic!("{steps:?}");
    };
    assert_eq!(forgotten, &["a"]);
    assert!(cells.contains_key(HORIZON) && cells.len() == 1, "{cells:?}");
    // What is newer than the horizon counts whoever has it.
    after.insert("a".to_owned(), cell(12, Some("new")));
    present.given_back();
    present.read(12, after);
    assert_eq!(present.known().cells["a"], cell(12, Some("new")));
}
