//! The decisions of both servers and their comparison.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::net::SocketAddr;

use crate::configuration::{Configuration, Rival};
use crate::front::{Seen, VARIABLES, Variables};
use crate::mod_jk;
use crate::node::Mode;
use crate::request::Request;
use crate::rows::Row;

/// Number of earlier decisions that are printed with a difference.
const SHOWN: usize = 20;

/// The decision of a front end on a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    /// The numbers of the members on which it failed.
    pub(crate) trail: Vec<usize>,
    /// The number of the member that answered.
    pub(crate) member: Option<usize>,
    /// The six variables.
    pub(crate) variables: Variables,
}

/// A request and its decisions.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) request: Request,
    pub(crate) world: usize,
    /// The rows that apply to the request.
    pub(crate) rows: Vec<Row>,
    /// The modes of the nodes at that time.
    pub(crate) modes: Vec<Mode>,
    /// The decisions of the other server and of ajpgate.
    pub(crate) decisions: [Decision; 2],
}

/// The result of a configuration.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) requests: usize,
    /// The number of equal decisions.
    pub(crate) equal: usize,
    /// The number of differences that each row explains.
    pub(crate) explained: BTreeMap<Row, usize>,
    /// The first difference that no row explains, with all details.
    pub(crate) unexplained: Option<String>,
}

impl Decision {
    /// The decision on a request in front of these nodes, without the variables.
    pub(crate) fn of(seen: &Seen, nodes: &[SocketAddr]) -> Self {
        let position = |address: &String| {
            let found = nodes.iter().position(|node| node.to_string() == *address);
            found.unwrap_or_else(|| panic!("{address} is no member"))
        };
        let number = |name: &String| name.parse().expect("a number");
        Self {
            trail: seen.trail.iter().map(position).collect(),
            member: seen.member.as_ref().map(number),
            variables: Variables::new(),
        }
    }
}

/// The result of comparing two decisions.
enum Comparison {
    Equal,
    Different,
    /// The other server may choose by rules of its own.
    Incomparable,
}

impl Exchange {
    fn compare(&self, configuration: &Configuration) -> Comparison {
        let [rival, ajpgate] = &self.decisions;
        let equal = match configuration.rival {
            // Without variables, a line of a log is missing.
            Rival::ModProxy => rival == ajpgate && rival.variables.len() == VARIABLES.len(),
            Rival::ModJk => {
                let session_route = ajpgate.variable("BALANCER_SESSION_ROUTE");
                if !mod_jk::has_no_choice(configuration, &self.modes, session_route) {
                    return Comparison::Incomparable;
                }
                // mod_jk's log has the last of the workers that it tried.
                let last = rival.variable("BALANCER_WORKER_NAME");
                let is_last = |member| last == Some(&*mod_jk::worker(self.world, member));
                rival.member == ajpgate.member && rival.member.is_none_or(is_last)
            }
        };
        match equal {
            true => Comparison::Equal,
            false => Comparison::Different,
        }
    }
}

impl Decision {
    fn variable(&self, wanted: &str) -> Option<&str> {
        let position = VARIABLES.iter().position(|name| *name == wanted)?;
        let value = self.variables.get(position)?;
        (value != "-").then_some(value)
    }
}

impl Verdict {
    /// Compares all decisions up to the first difference that no row explains.
    pub(crate) fn of(configuration: &Configuration, seed: u64, exchanges: &[Exchange]) -> Self {
        let mut verdict = Self {
            requests: exchanges.len(),
            ..Self::default()
        };
        for (number, exchange) in exchanges.iter().enumerate() {
            match (exchange.compare(configuration), exchange.rows.first()) {
                (Comparison::Equal, _) => verdict.equal += 1,
                (Comparison::Incomparable, _) => {}
                (Comparison::Different, Some(row)) => {
                    *verdict.explained.entry(*row).or_default() += 1;
                }
                (Comparison::Different, None) => {
                    verdict.unexplained =
                        Some(recent_decisions(configuration, seed, exchanges, number));
                    break;
                }
            }
        }
        verdict
    }
}

/// The last decisions of both, up to one that differs, as text.
fn recent_decisions(
    configuration: &Configuration,
    seed: u64,
    exchanges: &[Exchange],
    number: usize,
) -> String {
    let mut text = format!(
        "{configuration:?}\nseed {seed}, request {number}: AJPGATE_ORACLE_SEED={seed} \
         AJPGATE_ORACLE_ONLY=\"{}\" plays it again\n",
        configuration.name
    );
    let shown = exchanges.iter().enumerate().take(number + 1);
    for (number, exchange) in shown.skip((number + 1).saturating_sub(SHOWN)) {
        let [httpd, ajpgate] = &exchange.decisions;
        let mark = if httpd == ajpgate { ' ' } else { '!' };
        let _ = writeln!(
            text,
            "{number} in world {}: {}\n{mark}   httpd   {httpd}\n{mark}   ajpgate {ajpgate}",
            exchange.world, exchange.request
        );
    }
    text
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failed in &self.trail {
            write!(f, "{failed}✗ ")?;
        }
        match self.member {
            Some(member) => write!(f, "{member}")?,
            None => f.write_str("nobody")?,
        }
        for (name, value) in VARIABLES.iter().zip(&self.variables) {
            let name = name.trim_start_matches("BALANCER_");
            write!(f, " {name}={value}")?;
        }
        Ok(())
    }
}
