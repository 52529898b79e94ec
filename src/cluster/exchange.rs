//! The sessions that each gateway has seen, the routes that it has learned, and the members that it has discovered: every gateway tells its
//! own, and hears those of the others.
//!
//! A gateway that tells nothing any more counts as it spoke last, until the `session_timeout` of its sessions is over: it may
//! have ended, or it may serve them still and be cut off.
//!
//! A learned route is in the engine until a gateway sees the member go. One that has the member still tells it again. The same holds
//! for a member that was discovered. Only a gateway that starts takes members up: the others ask their own sources.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use redis::{Script, ScriptInvocation};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::fields::{Fields, MEMBERS, ROUTES, Routes, ToldMembers, of_member, of_members, stamped};
use super::redis::{Commands, Engine, Failure, seed, seed_text};
use crate::random;

/// From one exchange to the next while somebody waits for what others say.
const WHILE_WAITING: Duration = Duration::from_millis(400);

/// From one exchange to the next while nobody does.
const OTHERWISE: Duration = Duration::from_secs(2);

/// How old what is heard of a gateway may be for it to count as the present, in milliseconds: longer than the two intervals
/// between which a drain becomes known, so that nobody decides on what was told before it.
const FRESH: u64 = 1_500;

/// How long the last words of a gateway that ends may take.
const LAST: Duration = Duration::from_secs(1);

/// How long routes are kept that nobody tells any more, in milliseconds: a day.
const ROUTES_KEPT: u64 = 24 * 60 * 60 * 1_000;

/// From one time to the next that all members are told, where nothing of them changes: well within the time that they are kept.
const MEMBERS_AGAIN: Duration = Duration::from_secs(20);

/// How long sessions are kept at least of gateways that nobody hears any more: a gateway that is slow is not forgotten.
const SESSIONS_KEPT: Duration = Duration::from_secs(60);

/// Tells, and hears, in one step of the engine. The first argument is a seed. Then, for each hash (its keys from the third on): how long
/// fields are kept, in milliseconds; the number of fields that are over, and each of them; the number of fields that are told, and
/// each of them with its value. Returns the time, the time when the cluster began, the seed, and all fields of the first two hashes
/// with their values.
const SCRIPT: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local text = string.format('%.0f', now)
redis.call('SET', KEYS[1], text, 'NX')
redis.call('SET', KEYS[2], ARGV[1], 'NX')
local at = 1
local function take()
  at = at + 1
  return ARGV[at]
end
local function tell(key)
  local oldest = tonumber(take())
  for _ = 1, tonumber(take()) do redis.call('HDEL', key, take()) end
  for _ = 1, tonumber(take()) do
    local field = take()
    redis.call('HSET', key, field, text .. ' ' .. take())
  end
  local all = redis.call('HGETALL', key)
  for field = 1, #all, 2 do
    local told = tonumber(string.match(all[field + 1], '^(%d+) '))
    if not told or now - told > oldest then redis.call('HDEL', key, all[field]) end
  end
  return all
end
local sessions, routes = tell(KEYS[3]), tell(KEYS[4])
tell(KEYS[5])
return { text, redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2]), sessions, routes }
";

/// What a gateway tells of its members, by balancer and URL.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The longest of all balancers: what was told longer ago has no live session.
    pub(crate) session_timeout: Duration,
    pub(crate) sessions: HashMap<(String, String), Vec<u8>>,
    pub(crate) routes: Routes,
    /// The members that were discovered, those that have vanished among them.
    pub(crate) members: Arc<ToldMembers>,
}

/// What was heard.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// What ids of sessions are to be hashed with.
    pub(crate) seed: [u64; 2],
    /// For how long the engine has had the sessions.
    pub(crate) since: Duration,
    /// What other gateways have told, by balancer and URL.
    pub(crate) others: HashMap<(String, String), Vec<Other>>,
    /// What all gateways have learned.
    pub(crate) routes: Routes,
}

/// What another gateway has told of a member.
#[derive(Debug)]
pub(crate) struct Other {
    pub(crate) record: Vec<u8>,
    /// How long ago.
    pub(crate) age: Duration,
    /// Whether it is the present.
    pub(crate) fresh: bool,
}

/// The gateway, as the others see it.
pub(crate) trait Exchange: Send + Sync {
    /// What is to be told; `ended` when the gateway ends.
    fn tell(&self, ended: bool) -> Told;

    /// What was heard, or why nothing can be heard.
    fn hear(&self, heard: Result<Heard, String>);

    /// Whether somebody waits for what others say: a member drains, or its route is to be learned.
    fn is_waiting(&self) -> bool;
}

/// Tells and hears until `ended`, and says a last word then.
pub(crate) async fn exchange(
    engine: Arc<Engine>,
    seed: [u64; 2],
    host: impl Exchange,
    ended: CancellationToken,
) {
    let mut part = Part {
        engine: &engine,
        name: format!("{:016x}", random::seed()),
        seed,
        routes: Routes::new(),
        members: Arc::default(),
        members_told: None,
    };
    loop {
        let failed = tokio::select! {
            () = ended.cancelled() => break,
            failed = part.keep_on(&host) => failed,
        };
        host.hear(Err(failed.to_string()));
        tokio::select! {
            () = ended.cancelled() => break,
            () = sleep(WHILE_WAITING) => {}
        }
    }
    let last = async {
        let mut commands = engine.commands().await?;
        part.once(&mut commands, host.tell(true)).await
    };
    if let Ok(Err(error)) = timeout(LAST, last).await {
        tracing::debug!(%error, "other gateways do not know that this one has ended");
    }
}

/// A gateway's part in the exchange.
struct Part<'e> {
    engine: &'e Engine,
    name: String,
    seed: [u64; 2],
    /// The routes that this gateway has told.
    routes: Routes,
    /// The members that it has told.
    members: Arc<ToldMembers>,
    /// When it told all of them over this connection.
    members_told: Option<Instant>,
}

impl Part<'_> {
    async fn keep_on(&mut self, host: &impl Exchange) -> Failure {
        let mut commands = match self.engine.commands().await {
            Ok(commands) => commands,
            Err(failure) => return failure,
        };
        self.members_told = None;
        loop {
            match self.once(&mut commands, host.tell(false)).await {
                Ok(heard) => {
                    self.seed = heard.seed;
                    host.hear(Ok(heard));
                }
                Err(failure) => return failure,
            }
            sleep(match host.is_waiting() {
                true => WHILE_WAITING,
                false => OTHERWISE,
            })
            .await;
        }
    }

    async fn once(&mut self, commands: &mut Commands<'_>, told: Told) -> Result<Heard, Failure> {
        let script = Script::new(SCRIPT);
        let mut call = script.prepare_invoke();
        for key in ["born", "seed", "sessions", ROUTES, MEMBERS] {
            call.key(self.engine.key(key));
        }
        let sessions_kept = told.session_timeout.max(SESSIONS_KEPT).as_millis();
        let sessions_kept = u64::try_from(sessions_kept).unwrap_or(u64::MAX);
        // No session of this gateway is over before it ends.
        call.arg(seed_text(self.seed)).arg(sessions_kept).arg(0);
        call.arg(told.sessions.len());
        for ((balancer, url), record) in told.sessions {
            call.arg(format!("{} {balancer} {url}", self.name));
            call.arg(record);
        }
        tell(&mut call, ROUTES_KEPT, &self.routes, &told.routes);
        let due = self
            .members_told
            .is_none_or(|at| at.elapsed() >= MEMBERS_AGAIN);
        let tells_members = due || self.members != told.members;
        match tells_members {
            true => tell(&mut call, sessions_kept, &self.members, &told.members),
            false => tell(&mut call, sessions_kept, &NONE, &NONE),
        }
        type Found = (u64, u64, String, Fields, Fields);
        let (now, born, text, sessions, learned): Found = commands.call(&call).await?;
        (self.routes, self.members) = (told.routes, told.members);
        if tells_members {
            self.members_told = Some(Instant::now());
        }
        Ok(Heard {
            seed: seed(&text).ok_or(Failure::Foreign(text, "seed"))?,
            since: Duration::from_millis(now.saturating_sub(born)),
            others: self.others(now, &sessions),
            routes: of_members(&learned),
        })
    }

    /// What others have told of their sessions.
    fn others(&self, now: u64, sessions: &Fields) -> HashMap<(String, String), Vec<Other>> {
        let mut others: HashMap<_, Vec<Other>> = HashMap::new();
        for (field, value) in sessions {
            let parts = field.split_once(' ');
            let parts = parts.and_then(|(gateway, member)| Some((gateway, of_member(member)?)));
            let (Some((gateway, member)), Some((at, record))) = (parts, stamped(value)) else {
                continue;
            };
            if gateway == self.name {
                continue;
            }
            let age = now.saturating_sub(at);
            others.entry(member).or_default().push(Other {
                record: record.to_vec(),
                age: Duration::from_millis(age),
                fresh: age <= FRESH,
            });
        }
        others
    }
}

/// Nothing of any member.
const NONE: BTreeMap<(String, String), String> = BTreeMap::new();

/// Adds what is told of members, where something else was told before: it is kept for so many milliseconds.
fn tell(
    call: &mut ScriptInvocation<'_>,
    kept: u64,
    before: &BTreeMap<(String, String), String>,
    now: &BTreeMap<(String, String), String>,
) {
    let over = before.keys().filter(|it| !now.contains_key(*it));
    let over: Vec<_> = over.collect();
    call.arg(kept).arg(over.len());
    for (balancer, url) in over {
        call.arg(format!("{balancer} {url}"));
    }
    call.arg(now.len());
    for ((balancer, url), text) in now {
        call.arg(format!("{balancer} {url}")).arg(text);
    }
}
