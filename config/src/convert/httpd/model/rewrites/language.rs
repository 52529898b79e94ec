//! Which texts a regular expression takes, as far as that can be counted up: addresses of clients, names of hosts.

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

/// Largest automaton and largest cache of its states, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// Longest list of networks, and how many steps are taken at most in search of texts.
const MOST: usize = 16_384;

/// An expression that is found anywhere in a text.
pub(super) struct Language {
    automaton: DFA,
    cache: Cache,
    start: LazyStateID,
}

/// For which addresses behind some first bytes an expression is found.
#[derive(Debug, Clone)]
enum Part {
    None,
    All,
    /// The first bytes of these networks are 0.
    Some(Vec<Ipv4Net>),
}

/// What comes behind some letters of a text.
enum Next {
    /// It is found whatever follows.
    Found,
    /// It is not found, whatever follows.
    Lost,
    At(LazyStateID),
}

impl Language {
    /// `None`: it cannot be read, or is too large.
    pub(super) fn of(pattern: &str, any_case: bool) -> Option<Self> {
        let limits = DFA::config()
            .cache_capacity(MOST_BYTES)
            .minimum_cache_clear_count(Some(0));
        let syntax = syntax::Config::new().unicode(false).utf8(false);
        let automaton = DFA::builder()
            .configure(limits)
            .syntax(syntax.case_insensitive(any_case))
            .thompson(
                thompson::Config::new()
                    .utf8(false)
                    .nfa_size_limit(Some(MOST_BYTES)),
            )
            .build(pattern)
            .ok()?;
        let mut cache = automaton.create_cache();
        let input = Input::new("").anchored(Anchored::No);
        let start = automaton.start_state_forward(&mut cache, &input).ok()?;
        Some(Self {
            automaton,
            cache,
            start,
        })
    }

    fn next(&mut self, from: LazyStateID, text: &str) -> Option<Next> {
        let mut at = from;
        for byte in text.bytes() {
            at = self.automaton.next_state(&mut self.cache, at, byte).ok()?;
            if at.is_match() {
                return Some(Next::Found);
            }
            if at.is_dead() {
                return Some(Next::Lost);
            }
            if at.is_quit() {
                return None;
            }
        }
        Some(Next::At(at))
    }

    /// Whether it is found in a text that ends here.
    fn ends(&mut self, at: LazyStateID) -> Option<bool> {
        let end = self.automaton.next_eoi_state(&mut self.cache, at).ok()?;
        Some(end.is_match())
    }

    /// The IPv4 addresses in whose text it is found, as few networks; `None`: there are too many.
    pub(super) fn ipv4(&mut self) -> Option<Vec<Ipv4Net>> {
        match self.part(self.start, 0, &mut HashMap::new())? {
            Part::None => Some(Vec::new()),
            Part::All => Some(vec![Ipv4Net::default()]),
            Part::Some(networks) => Some(Ipv4Net::aggregate(&networks)),
        }
    }

    /// For which addresses it is found of whose text `bytes` numbers have been read, up to the state `from`.
    fn part(
        &mut self,
        from: LazyStateID,
        bytes: u8,
        known: &mut HashMap<(LazyStateID, u8), Part>,
    ) -> Option<Part> {
        if let Some(part) = known.get(&(from, bytes)) {
            return Some(part.clone());
        }
        let is_last = bytes == 3;
        let (mut networks, mut whole, mut none) = (Vec::new(), true, true);
        for number in 0..=u8::MAX {
            let dot = if is_last { "" } else { "." };
            let part = match self.next(from, &format!("{number}{dot}"))? {
                Next::Found => Part::All,
                Next::Lost => Part::None,
                Next::At(state) if is_last => match self.ends(state)? {
                    true => Part::All,
                    false => Part::None,
                },
                Next::At(state) => self.part(state, bytes + 1, known)?,
            };
            whole &= matches!(part, Part::All);
            none &= matches!(part, Part::None);
            let here = u32::from(number) << (24 - 8 * u32::from(bytes));
            match part {
                Part::None => {}
                Part::All => {
                    networks.push(Ipv4Net::new(Ipv4Addr::from(here), 8 * (bytes + 1)).ok()?);
                }
                Part::Some(below) => {
                    for network in below {
                        let address = Ipv4Addr::from(here | u32::from(network.addr()));
                        networks.push(Ipv4Net::new(address, network.prefix_len()).ok()?);
                    }
                }
            }
            if networks.len() > MOST {
                return None;
            }
        }
        let part = match (whole, none) {
            (true, _) => Part::All,
            (_, true) => Part::None,
            _ => Part::Some(Ipv4Net::aggregate(&networks)),
        };
        known.insert((from, bytes), part.clone());
        Some(part)
    }

    /// Whether it may be found in a text of these letters that has `mark` in it, if there is one.
    fn may_take(&mut self, letters: &str, mark: Option<char>) -> Option<bool> {
        let mut seen = BTreeSet::from([(self.start, mark.is_none())]);
        let mut open = vec![(self.start, mark.is_none())];
        while let Some((from, marked)) = open.pop() {
            if seen.len() > MOST || self.ends(from)? && marked {
                return (seen.len() <= MOST).then_some(true);
            }
            for letter in letters.chars() {
                match self.next(from, letter.encode_utf8(&mut [0; 4]))? {
                    Next::Found => return Some(true),
                    Next::Lost => {}
                    Next::At(state) => {
                        let next = (state, marked || Some(letter) == mark);
                        if seen.insert(next) {
                            open.push(next);
                        }
                    }
                }
            }
        }
        Some(false)
    }

    /// All texts of these letters in which it is found, and that have `mark` in them, if there is one; `None`: there are too
    /// many.
    pub(super) fn texts(&mut self, letters: &str, mark: Option<char>) -> Option<Vec<String>> {
        const LONGEST: usize = 64;
        if !self.may_take(letters, mark)? {
            return Some(Vec::new());
        }
        let (mut found, mut steps) = (Vec::new(), 0);
        let mut open = vec![(self.start, String::new())];
        while let Some((from, text)) = open.pop() {
            steps += 1;
            if steps > MOST || text.len() > LONGEST {
                return None;
            }
            if self.ends(from)? && mark.is_none_or(|mark| text.contains(mark)) {
                found.push(text.clone());
            }
            for letter in letters.chars() {
                match self.next(from, letter.encode_utf8(&mut [0; 4]))? {
                    Next::Found => return None,
                    Next::Lost => {}
                    Next::At(state) => open.push((state, format!("{text}{letter}"))),
                }
            }
        }
        found.sort();
        Some(found)
    }
}
