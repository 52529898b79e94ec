//! One configuration, run on both front ends.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::configuration::{Configuration, Rival, Weather};
use crate::front::{Front, Seen, Variables};
use crate::node::{Gates, Mode, Node};
use crate::request::Request;
use crate::rows::Row;
use crate::sequence::{Step, steps};
use crate::support::wait::pause;
use crate::verdict::{Decision, Exchange, Verdict};
use crate::world::World;

/// Number of balancers of each front end. Each world uses a new one; when none is left, both front ends are restarted.
const WORLDS: usize = 64;
/// The length of a pause: longer than the `retry` of configurations with pauses.
const PAUSE: Duration = Duration::from_millis(3_300);

/// Runs the sequence of a configuration.
pub(crate) async fn fight(configuration: &Configuration, seed: u64, requests: usize) -> Verdict {
    let gates = Gates::default();
    // No connection is kept: a kept one may be closed because it was idle, which is no failure of its node.
    let reuse = !configuration.has(Weather::Drops);
    let mut nodes = Vec::new();
    for number in 0..configuration.size() {
        nodes.push(Node::start(&number.to_string(), reuse, &gates).await);
    }
    let addresses: Vec<SocketAddr> = nodes.iter().map(Node::address).collect();
    let mut duel = Duel {
        configuration,
        gates,
        fronts: Duel::fronts(configuration, &addresses).await,
        addresses,
        nodes,
        world: World::new(configuration),
        worlds: 1,
        exchanges: Vec::new(),
        held: HashMap::new(),
        variables: [HashMap::new(), HashMap::new()],
    };
    for step in steps(configuration, seed, requests) {
        duel.play(step).await;
    }
    duel.finish(seed).await
}

struct Duel<'a> {
    configuration: &'a Configuration,
    gates: Gates,
    fronts: [Front; 2],
    addresses: Vec<SocketAddr>,
    nodes: Vec<Node>,
    world: World,
    worlds: usize,
    exchanges: Vec<Exchange>,
    /// The numbers of the requests under way, by gate.
    held: HashMap<usize, usize>,
    variables: [HashMap<usize, Variables>; 2],
}

impl Duel<'_> {
    async fn fronts(configuration: &Configuration, nodes: &[SocketAddr]) -> [Front; 2] {
        let rival = async {
            match configuration.rival {
                Rival::ModProxy => Front::httpd(configuration, nodes, WORLDS).await,
                Rival::ModJk => Front::mod_jk(configuration, nodes, WORLDS).await,
            }
        };
        let ajpgate = Front::ajpgate(configuration, nodes, WORLDS);
        let (rival, ajpgate) = tokio::join!(rival, ajpgate);
        [rival, ajpgate]
    }

    async fn play(&mut self, step: Step) {
        match step {
            Step::Request(request) => self.request(request).await,
            Step::Hold(request, gate) => self.hold(request, gate).await,
            Step::Release(gate) => self.release(gate).await,
            Step::Turn(node, mode) => self.nodes[node].turn(mode).await,
            Step::Pause => self.pause().await,
            Step::World => self.next_world().await,
        }
    }

    async fn request(&mut self, request: Request) {
        self.world.begin(self.modes());
        let bytes = request.bytes(self.exchanges.len(), self.worlds - 1);
        let mut seen = Vec::new();
        for front in &mut self.fronts {
            seen.push(front.send(&bytes).await);
        }
        let rows = self.settle(request, &seen);
        // Even where both decided alike, their states may differ now. The comparison with mod_jk does not depend on earlier
        // requests.
        if !rows.is_empty() && self.configuration.rival == Rival::ModProxy {
            self.next_world().await;
        }
    }

    async fn hold(&mut self, request: Request, gate: usize) {
        let number = self.exchanges.len();
        let bytes = request.bytes(number, self.worlds - 1);
        for (arrived, front) in self.fronts.iter_mut().enumerate() {
            front.hold(&bytes, gate).await;
            self.gates.arrived(gate, arrived + 1).await;
        }
        self.held.insert(gate, number);
        let decisions = Default::default();
        self.book(request, Vec::new(), decisions);
    }

    async fn release(&mut self, gate: usize) {
        self.gates.open(gate);
        let number = self.held.remove(&gate).expect("a held request");
        for (which, front) in self.fronts.iter_mut().enumerate() {
            let seen = front.finish(gate).await;
            self.exchanges[number].decisions[which] = Decision::of(&seen, &self.addresses);
        }
    }

    /// Records a request. Returns the rows that apply to it.
    fn settle(&mut self, request: Request, seen: &[Seen]) -> Vec<Row> {
        let decisions = [&seen[0], &seen[1]].map(|seen| Decision::of(seen, &self.addresses));
        let [httpd, _] = &decisions;
        let applies =
            |row: &Row| row.applies(self.configuration, &request, &httpd.trail, &self.world);
        let rows: Vec<Row> = Row::ALL.into_iter().filter(applies).collect();
        self.world.end(&httpd.trail, httpd.member, seen[0].status);
        self.book(request, rows.clone(), decisions);
        rows
    }

    fn book(&mut self, request: Request, rows: Vec<Row>, decisions: [Decision; 2]) {
        self.exchanges.push(Exchange {
            request,
            world: self.worlds - 1,
            rows,
            modes: self.modes(),
            decisions,
        });
    }

    fn modes(&self) -> Vec<Mode> {
        self.nodes.iter().map(Node::mode).collect()
    }

    /// Waits until `retry` has passed for all members that have failed so far.
    async fn pause(&mut self) {
        pause(PAUSE).await;
        self.world.pause();
    }

    async fn next_world(&mut self) {
        self.world = World::new(self.configuration);
        self.worlds += 1;
        if self.worlds > WORLDS {
            self.worlds = 1;
            let fresh = Self::fronts(self.configuration, &self.addresses).await;
            let stale = std::mem::replace(&mut self.fronts, fresh);
            collect(stale, &mut self.variables).await;
        }
    }

    async fn finish(mut self, seed: u64) -> Verdict {
        collect(self.fronts, &mut self.variables).await;
        for (number, exchange) in self.exchanges.iter_mut().enumerate() {
            for (decision, variables) in exchange.decisions.iter_mut().zip(&mut self.variables) {
                decision.variables = variables.remove(&number).unwrap_or_default();
            }
        }
        Verdict::of(self.configuration, seed, &self.exchanges)
    }
}

/// Stops the front ends and reads their access logs.
async fn collect(fronts: [Front; 2], variables: &mut [HashMap<usize, Variables>; 2]) {
    let [httpd, ajpgate] = fronts;
    let (httpd, ajpgate) = tokio::join!(httpd.stop(), ajpgate.stop());
    variables[0].extend(httpd);
    variables[1].extend(ajpgate);
}
