//! The sessions that each gateway has seen: every gateway tells its own, and hears those of the others.
//!
//! A gateway that tells nothing any more counts as it spoke last, until the `session_timeout` of its sessions is over: it may
//! have ended, or it may serve them still and be cut off.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use redis::Script;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::redis::{Commands, Engine, Failure, seed, seed_text};
use crate::random;

/// From one exchange to the next while a member drains.
const WHILE_DRAINING: Duration = Duration::from_millis(400);

/// From one exchange to the next while none does.
const OTHERWISE: Duration = Duration::from_secs(2);

/// How old what is heard of a gateway may be for it to count as the present, in milliseconds: longer than the two intervals
/// between which a drain becomes known, so that nobody decides on what was told before it.
const FRESH: u64 = 1_500;

/// How long the last words of a gateway that ends may take.
const LAST: Duration = Duration::from_secs(1);

/// How long sessions are kept of gateways that nobody hears any more, in milliseconds: a day.
const KEPT: u64 = 24 * 60 * 60 * 1_000;

/// Tells, and hears. Arguments: a seed, the oldest to be kept in milliseconds, then for each member its field and the record.
/// Returns the time, the time when this began, the seed, and all fields with their records.
const SCRIPT: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local text = string.format('%.0f', now)
redis.call('SET', KEYS[2], text, 'NX')
redis.call('SET', KEYS[3], ARGV[1], 'NX')
for at = 3, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[at], text .. ' ' .. ARGV[at + 1])
end
local all = redis.call('HGETALL', KEYS[1])
for at = 2, #all, 2 do
  local told = tonumber(string.match(all[at], '^(%d+) '))
  if not told or now - told > tonumber(ARGV[2]) then redis.call('HDEL', KEYS[1], all[at - 1]) end
end
return { text, redis.call('GET', KEYS[2]), redis.call('GET', KEYS[3]), all }
";

/// What a gateway tells of its members: records by balancer and URL.
pub(crate) type Told = HashMap<(String, String), Vec<u8>>;

/// What was heard.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// What ids of sessions are to be hashed with.
    pub(crate) seed: [u64; 2],
    /// For how long the engine has had the sessions.
    pub(crate) since: Duration,
    /// What other gateways have told, by balancer and URL.
    pub(crate) others: HashMap<(String, String), Vec<Other>>,
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

    /// What was heard; `None`: nothing can be heard.
    fn hear(&self, heard: Option<Heard>);

    /// Whether a member drains.
    fn is_draining(&self) -> bool;
}

/// Tells and hears until `ended`, and says a last word then.
pub(crate) async fn exchange(
    engine: Arc<Engine>,
    mut seed: [u64; 2],
    host: impl Exchange,
    ended: CancellationToken,
) {
    let name = format!("{:016x}", random::seed());
    loop {
        let failed = tokio::select! {
            () = ended.cancelled() => break,
            failed = keep_on(&engine, &name, &mut seed, &host) => failed,
        };
        tracing::debug!(error = %failed, "sessions cannot be exchanged");
        host.hear(None);
        tokio::select! {
            () = ended.cancelled() => break,
            () = sleep(WHILE_DRAINING) => {}
        }
    }
    let last = async {
        let mut commands = engine.commands().await?;
        once(&engine, &mut commands, &name, seed, host.tell(true)).await
    };
    if let Ok(Err(error)) = timeout(LAST, last).await {
        tracing::debug!(%error, "other gateways do not know that this one has ended");
    }
}

async fn keep_on(
    engine: &Engine,
    name: &str,
    seed: &mut [u64; 2],
    host: &impl Exchange,
) -> Failure {
    let mut commands = match engine.commands().await {
        Ok(commands) => commands,
        Err(failure) => return failure,
    };
    loop {
        match once(engine, &mut commands, name, *seed, host.tell(false)).await {
            Ok(heard) => {
                *seed = heard.seed;
                host.hear(Some(heard));
            }
            Err(failure) => return failure,
        }
        sleep(match host.is_draining() {
            true => WHILE_DRAINING,
            false => OTHERWISE,
        })
        .await;
    }
}

async fn once(
    engine: &Engine,
    commands: &mut Commands<'_>,
    name: &str,
    own_seed: [u64; 2],
    told: Told,
) -> Result<Heard, Failure> {
    let script = Script::new(SCRIPT);
    let mut call = script.prepare_invoke();
    for key in ["sessions", "born", "seed"] {
        call.key(engine.key(key));
    }
    call.arg(seed_text(own_seed)).arg(KEPT);
    for ((balancer, url), record) in told {
        call.arg(format!("{name} {balancer} {url}")).arg(record);
    }
    type Found = (u64, u64, String, Vec<(String, Vec<u8>)>);
    let (now, born, text, all): Found = commands.call(&call).await?;
    let mut others: HashMap<_, Vec<Other>> = HashMap::new();
    for (field, value) in all {
        let mut parts = field.splitn(3, ' ');
        let (Some(gateway), Some(balancer), Some(url)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let Some((at, record)) = stamped(&value) else {
            continue;
        };
        if gateway == name {
            continue;
        }
        let age = now.saturating_sub(at);
        let of = others.entry((balancer.to_owned(), url.to_owned()));
        of.or_default().push(Other {
            record: record.to_vec(),
            age: Duration::from_millis(age),
            fresh: age <= FRESH,
        });
    }
    Ok(Heard {
        seed: seed(&text).ok_or(Failure::Foreign(text))?,
        since: Duration::from_millis(now.saturating_sub(born)),
        others,
    })
}

/// A time in milliseconds, and what was told then.
fn stamped(value: &[u8]) -> Option<(u64, &[u8])> {
    let blank = value.iter().position(|byte| *byte == b' ')?;
    let (time, record) = value.split_at_checked(blank)?;
    let time = str::from_utf8(time).ok()?.parse().ok()?;
    Some((time, record.get(1..)?))
}
