//! Does what the machine says, over connections that break and come back.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::link::Order;
use super::machine::{Known, Machine, Step, Version};
use super::redis::{Commands, Engine, Failure};

/// How often the revision is looked at, beside notices.
const LOOK: Duration = Duration::from_millis(500);

/// From one attempt to connect to the next.
const PAUSE: Duration = Duration::from_millis(500);

/// How long what was taken back is known, in microseconds: 7 days. A gateway that was cut off for longer, while the engine lost its
/// data, may have changes that nobody else knows; they are lost.
const KEPT: Version = 7 * 24 * 60 * 60 * 1_000_000;

/// The gateway, as its part in the cluster sees it.
pub(crate) trait Host: Send + Sync {
    /// This is known from now on.
    fn take_up(&self, known: Known) -> impl Future<Output = ()> + Send;

    /// Whether the engine can be used; an error says why not. Told whenever it may have changed.
    fn engine_is(&self, usable: Result<(), String>);
}

/// Who answers the changes of an order.
type Waiter = std::sync::mpsc::SyncSender<super::machine::ChangeResult>;

/// Keeps up with the engine until `ended`.
pub(crate) async fn follow(
    engine: Arc<Engine>,
    machine: Machine<Waiter>,
    mut orders: mpsc::Receiver<Order>,
    host: impl Host,
    ended: CancellationToken,
) {
    let mut part = Part { machine, host };
    loop {
        let lost = tokio::select! {
            () = ended.cancelled() => return,
            lost = part.keep_up(&engine, &mut orders) => lost,
        };
        part.host.engine_is(Err(lost.to_string()));
        part.answer_waiting();
        let pause = sleep(PAUSE);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = ended.cancelled() => return,
                () = &mut pause => break,
                order = next(&mut orders) => part.refuse(order),
            }
        }
    }
}

/// The next order. Nobody gives one any more when the gateway is gone, which `ended` says.
async fn next(orders: &mut mpsc::Receiver<Order>) -> Order {
    match orders.recv().await {
        Some(order) => order,
        None => std::future::pending().await,
    }
}

struct Part<H> {
    machine: Machine<Waiter>,
    host: H,
}

impl<H: Host> Part<H> {
    /// Connects, and does what there is to do until something fails.
    async fn keep_up(&mut self, engine: &Engine, orders: &mut mpsc::Receiver<Order>) -> Failure {
        match self.try_to_keep_up(engine, orders).await {
            Ok(never) => match never {},
            Err(failure) => failure,
        }
    }

    async fn try_to_keep_up(
        &mut self,
        engine: &Engine,
        orders: &mut mpsc::Receiver<Order>,
    ) -> Result<std::convert::Infallible, Failure> {
        let connect = async {
            // First the notices, so that none is missed behind the first read.
            let notices = engine.notices().await?;
            let mut commands = engine.commands().await?;
            commands.look().await?;
            Ok::<_, Failure>((notices, commands))
        };
        tokio::pin!(connect);
        let (mut notices, mut commands) = loop {
            tokio::select! {
                connected = &mut connect => break connected?,
                order = next(orders) => self.refuse(order),
            }
        };
        let steps = self.machine.connected();
        self.carry_out(steps, &mut commands).await?;
        self.host.engine_is(Ok(()));
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let steps = tokio::select! {
                notice = notices.next() => {
                    let notice = notice.ok_or(Failure::NoNotices)?;
                    // What is no number is no notice of ours.
                    let revision = notice.get_payload::<Version>();
                    revision.map_or_else(|_| Vec::new(), |revision| self.machine.noticed(revision))
                }
                order = next(orders) => self.machine.change(order),
                _ = look.tick() => {
                    let revision = commands.look().await?;
                    let steps = self.machine.noticed(revision);
                    match steps.is_empty() {
                        true => self.machine.forget(revision.saturating_sub(KEPT)),
                        false => steps,
                    }
                }
            };
            self.carry_out(steps, &mut commands).await?;
        }
    }

    /// Takes the steps, and those that follow from their results.
    async fn carry_out(
        &mut self,
        steps: Vec<Step<Waiter>>,
        commands: &mut Commands<'_>,
    ) -> Result<(), Failure> {
        let mut steps = VecDeque::from(steps);
        while let Some(step) = steps.pop_front() {
            steps.extend(match step {
                Step::Read => {
                    let (revision, cells) = commands.read().await?;
                    self.machine.read(revision, cells)
                }
                Step::Write { expected, writes } => {
                    let version = commands.write(expected, writes).await?;
                    self.machine.written(version)
                }
                Step::GiveBack {
                    expected,
                    cells,
                    forgotten,
                } => {
                    commands.give_back(expected, cells, forgotten).await?;
                    self.machine.given_back()
                }
                Step::TakeUp(known) => {
                    self.host.take_up(known).await;
                    Vec::new()
                }
                Step::Answer(waiter, answer) => {
                    // Whoever has asked may have gone.
                    let _ = waiter.try_send(answer);
                    Vec::new()
                }
            });
        }
        Ok(())
    }

    /// Tells those who wait that the engine is gone.
    fn answer_waiting(&mut self) {
        for step in self.machine.lost() {
            if let Step::Answer(waiter, answer) = step {
                let _ = waiter.try_send(answer);
            }
        }
    }

    /// Answers a change that comes while there is no connection.
    fn refuse(&mut self, order: Order) {
        for step in self.machine.change(order) {
            if let Step::Answer(waiter, answer) = step {
                let _ = waiter.try_send(answer);
            }
        }
    }
}
