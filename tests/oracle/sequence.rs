//! The sequence of a configuration, derived from a seed: requests, sessions and failures of nodes.

use crate::configuration::{Configuration, Rival, Weather};
use crate::node::{Mode, wish};
use crate::random::Random;
use crate::request::Request;
use crate::session::Sessions;

/// Mean number of requests in a world.
const WORLD: usize = 200;
/// Most requests under way at the same time.
const HELD: usize = 4;
/// Requests between two pauses: few, so that a slow machine too sends them before `retry` has passed.
const AROUND_A_PAUSE: usize = 8;
/// Requests in a world that is compared with mod_jk.
const MOD_JK_WORLD: usize = 50;
/// A silent node takes the `timeout` of every member that is tried, so there are few.
const SILENCES: usize = 3;

/// The next event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A request is sent and answered.
    Request(Request),
    /// A request is sent and stays under way.
    Hold(Request, usize),
    /// A request that was held is answered.
    Release(usize),
    /// A node changes its mode.
    Turn(usize, Mode),
    /// `retry` passes for all failed members.
    Pause,
    /// A new world begins: the next request is sent to new balancers.
    World,
}

/// The steps of a configuration, with this number of requests.
pub(crate) fn steps(configuration: &Configuration, seed: u64, requests: usize) -> Vec<Step> {
    let mut author = Author {
        configuration,
        random: Random::new(seed, configuration.name),
        sessions: Sessions::of(configuration),
        modes: vec![Mode::Up; configuration.size()],
        held: Vec::new(),
        gates: 0,
        requests: 0,
        steps: Vec::new(),
    };
    match configuration.rival {
        Rival::ModJk => author.write_for_mod_jk(requests),
        Rival::ModProxy if configuration.has(Weather::Pauses) => author.write_with_pauses(requests),
        Rival::ModProxy => author.write(requests),
    }
    author.steps
}

struct Author<'a> {
    configuration: &'a Configuration,
    random: Random,
    sessions: Sessions<'a>,
    modes: Vec<Mode>,
    /// The gates of requests under way.
    held: Vec<usize>,
    gates: usize,
    requests: usize,
    steps: Vec<Step>,
}

impl Author<'_> {
    fn write(&mut self, requests: usize) {
        let silences: Vec<usize> = match self.configuration.has(Weather::Silence) {
            true => (1..=SILENCES).map(|nth| requests * nth / 4).collect(),
            false => Vec::new(),
        };
        while self.requests < requests {
            if self.random.once_in(WORLD) {
                self.release_all();
                self.steps.push(Step::World);
            }
            if self.configuration.has(Weather::Brief) {
                if self.random.once_in(100) {
                    self.fail_briefly();
                }
            } else if self.has_failures() && self.random.once_in(25) {
                self.fail_or_recover();
            }
            if silences.contains(&self.requests) {
                self.request(|request| request.wish = Some(wish::SILENCE.to_owned()));
            } else if self.configuration.has(Weather::Holds) {
                self.hold_or_request();
            } else {
                self.request(|_| ());
            }
        }
        self.release_all();
    }

    /// Worlds in which some nodes are down from beginning to end, since ajpgate and mod_jk notice failures and recoveries at
    /// different times.
    fn write_for_mod_jk(&mut self, requests: usize) {
        while self.requests < requests {
            self.steps.push(Step::World);
            self.turn_all(Mode::Up);
            if self.configuration.has(Weather::Failures) {
                for _ in 0..self.random.below(self.modes.len()) {
                    let node = self.random.below(self.modes.len());
                    self.turn(node, Mode::Refusing);
                }
            }
            for _ in 0..MOD_JK_WORLD {
                self.request(|_| ());
            }
        }
    }

    /// Requests without failures, with short phases between in which members fail and work again.
    fn write_with_pauses(&mut self, requests: usize) {
        const PHASES: usize = 4;
        for phase in 0..PHASES {
            let until = requests * (phase + 1) / PHASES - 4 * AROUND_A_PAUSE;
            while self.requests < until {
                self.request(|_| ());
            }
            self.steps.push(Step::World);
            let node = self.random.below(self.modes.len());
            self.turn(node, Mode::Refusing);
            self.visit_every_route(node);
            if phase % 2 == 0 {
                self.turn(node, Mode::Up);
                self.steps.push(Step::Pause);
                self.visit_every_route(node);
            } else {
                self.steps.push(Step::Pause);
                self.visit_every_route(node);
                self.turn(node, Mode::Up);
                self.steps.push(Step::Pause);
                self.visit_every_route(node);
            }
            self.steps.push(Step::World);
        }
        while self.requests < requests {
            self.request(|_| ());
        }
    }

    /// Sends a request with each route, with this node's route first, since the decisions may differ there.
    fn visit_every_route(&mut self, first: usize) {
        let routes: Vec<&str> = self.configuration.routes().collect();
        let (before, from) = routes.split_at(first);
        for route in from.iter().chain(before) {
            let cookie = self.sessions.cookie_for(route);
            self.request(|request| {
                *request = Request::get("/app/");
                request.cookies = vec![cookie];
            });
        }
        for _ in self.configuration.size()..AROUND_A_PAUSE {
            self.request(|_| ());
        }
    }

    fn has_failures(&self) -> bool {
        [Weather::Failures, Weather::Drops]
            .into_iter()
            .any(|weather| self.configuration.has(weather))
    }

    fn fail_briefly(&mut self) {
        let node = self.random.below(self.modes.len());
        self.turn(node, Mode::Refusing);
        for _ in 0..self.modes.len() {
            self.request(|_| ());
        }
        self.turn(node, Mode::Up);
    }

    fn fail_or_recover(&mut self) {
        let node = self.random.below(self.modes.len());
        let bad = match self.configuration.has(Weather::Drops) && !self.random.once_in(4) {
            true => Mode::Dropping,
            false => Mode::Refusing,
        };
        match (self.random.below(12), self.modes[node]) {
            (0, _) => self.turn_all(bad),
            (1 | 2, _) => self.turn_all(Mode::Up),
            (_, Mode::Up) => self.turn(node, bad),
            (_, _) => self.turn(node, Mode::Up),
        }
    }

    fn turn_all(&mut self, mode: Mode) {
        for node in 0..self.modes.len() {
            self.turn(node, mode);
        }
    }

    fn turn(&mut self, node: usize, mode: Mode) {
        if self.modes[node] != mode {
            self.modes[node] = mode;
            self.steps.push(Step::Turn(node, mode));
        }
    }

    fn hold_or_request(&mut self) {
        match self.random.below(4) {
            0 if self.held.len() < HELD => {
                let gate = self.gates;
                self.gates += 1;
                let mut request = self.sessions.request(&mut self.random);
                request.wish = Some(format!("{}{gate}", wish::HOLD));
                self.held.push(gate);
                self.requests += 1;
                self.steps.push(Step::Hold(request, gate));
            }
            1 if !self.held.is_empty() => {
                let held = self.random.below(self.held.len());
                let gate = self.held.swap_remove(held);
                self.steps.push(Step::Release(gate));
            }
            _ => self.request(|_| ()),
        }
    }

    fn release_all(&mut self) {
        self.steps.extend(self.held.drain(..).map(Step::Release));
    }

    /// A request, changed by the events of the sequence and then by `change`.
    fn request(&mut self, change: impl FnOnce(&mut Request)) {
        let random = &mut self.random;
        let has = |weather| self.configuration.has(weather);
        let mut request = match has(Weather::OddSessions) && random.once_in(50) {
            true => self.sessions.odd_request(random),
            false => self.sessions.request(random),
        };
        if has(Weather::Drops) {
            let methods = ["GET", "GET", "HEAD", "PUT", "DELETE", "POST", "PROPFIND"];
            request.method = random.one_of(&methods);
        } else if has(Weather::Failures) {
            request.method = random.one_of(&["GET", "GET", "GET", "HEAD", "POST", "PUT"]);
            if matches!(request.method, "POST" | "PUT") {
                request.body = random.one_of(&[0, 1, 1_000]);
            }
        }
        if request.query.is_none() && random.once_in(5) {
            request.query = Some("x=1&y=a.b".to_owned());
        }
        if has(Weather::Sizes) {
            request.size = random.one_of(&[0, 1, 99, 700, 5_000, 8_184, 8_185, 30_000, 100_000]);
            if random.once_in(4) {
                request.method = "POST";
                request.body = random.one_of(&[1, 250, 3_000, 8_000]);
            }
        }
        if has(Weather::Statuses) && random.once_in(8) {
            let status = random.one_of(&[404, 500, 502, 503]);
            request.wish = Some(format!("{}{status}", wish::STATUS));
        }
        if has(Weather::Garbage) && random.once_in(60) {
            request.wish = Some(wish::GARBAGE.to_owned());
        }
        change(&mut request);
        self.requests += 1;
        self.steps.push(Step::Request(request));
    }
}
