//! A connection to the engine.
//!
//! Nothing is waited for without a limit: a look-up, a connect, a TLS handshake and each answer have one. A connection that
//! has failed in any way is given up, and a new one is opened: after a fail-over the engine's name may lead elsewhere.

use std::collections::HashMap;
use std::time::Duration;

use ::redis::aio::{MultiplexedConnection, PubSub, PubSubStream};
use ::redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisError, Script};
use ajpgate_config::{Cluster, Secret};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tracing::warn;

use super::fields::{Fields, MEMBERS, ROUTES, Routes, ToldMembers, of_members};
use super::machine::{Cell, Cells, Version, Writes};
use crate::backend::{ConnectError, Tls, TlsError, connect};
use crate::telemetry::WarnLimit;

/// Limit of a look-up, and of each attempt to connect.
const CONNECT: Duration = Duration::from_secs(1);

/// Limit of TLS, login and subscription.
const GREETING: Duration = Duration::from_secs(2);

/// Limit of an answer.
const ANSWER: Duration = Duration::from_millis(1_500);

/// How long `alive` lasts, in milliseconds.
const ALIVE: u64 = 60_000;

/// Writes cells where the revision is the one that is expected. Arguments: the expected revision, the channel, then for each
/// cell its key, its version or nothing for the new revision, and its value or nothing for a cell that is removed. Returns the
/// new revision, or nothing.
///
/// The new revision is the engine's clock, or more: than the old one, and than each version. All are below 2^53, which
/// Lua's numbers can hold.
const WRITE: &str = r"
local revision = redis.call('GET', KEYS[1]) or '0'
if revision ~= ARGV[1] then return false end
local time = redis.call('TIME')
local new = math.max(time[1] * 1000000 + time[2], revision + 1)
for at = 3, #ARGV, 3 do
  if ARGV[at + 1] ~= '' then new = math.max(new, tonumber(ARGV[at + 1])) end
end
new = string.format('%.0f', new)
for at = 3, #ARGV, 3 do
  local version = ARGV[at + 1]
  if version == '' then version = new end
  if ARGV[at + 2] == '' then
    redis.call('HDEL', KEYS[2], ARGV[at])
  else
    redis.call('HSET', KEYS[2], ARGV[at], version .. ' ' .. ARGV[at + 2])
  end
end
redis.call('SET', KEYS[1], new)
redis.call('PUBLISH', ARGV[2], new)
return new
";

/// Why the engine cannot be used. Its text has no password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Connect(#[from] ConnectError),
    #[error("{0}")]
    Tls(#[from] TlsError),
    #[error("no answer within {} ms", .0.as_millis())]
    Silent(Duration),
    #[error("{0}")]
    Engine(#[from] RedisError),
    #[error("the connection for notices has ended")]
    NoNotices,
    #[error("{0:?} is no {1}: another program has written it")]
    Foreign(String, &'static str),
}

/// Where the engine is, and what this cluster has in it.
#[derive(Debug)]
pub(crate) struct Engine {
    config: Cluster,
    tls: Option<Tls>,
    /// Limits the warnings about what others have written.
    foreign: WarnLimit,
}

/// What a gateway has to know before it serves.
#[derive(Debug)]
pub(crate) struct First {
    pub(crate) revision: Version,
    pub(crate) cells: Cells,
    /// What was learned.
    pub(crate) routes: Routes,
    /// The members that were discovered.
    pub(crate) members: ToldMembers,
    /// What ids of sessions are hashed with.
    pub(crate) seed: [u64; 2],
}

impl Engine {
    /// # Errors
    /// When a file of `tls` cannot be used.
    pub(crate) fn new(config: &Cluster) -> Result<Self, TlsError> {
        let tls = config.url.secure;
        let tls = tls.then(|| Tls::new(&config.url.host, config.tls.as_ref(), b""));
        Ok(Self {
            config: config.clone(),
            tls: tls.transpose()?,
            foreign: WarnLimit::per_minute(),
        })
    }

    /// Reads what there is, once.
    ///
    /// # Errors
    /// When the engine cannot be reached or does not answer.
    pub(crate) async fn first(&self) -> Result<First, Failure> {
        let mut commands = self.commands().await?;
        let seed = commands.seed().await?;
        let (revision, cells) = commands.read().await?;
        Ok(First {
            revision,
            cells,
            routes: commands.told(ROUTES).await?,
            members: commands.told(MEMBERS).await?,
            seed,
        })
    }

    pub(super) fn key(&self, name: &str) -> String {
        format!("ajpgate:{{{}}}:{name}", self.config.name)
    }

    /// Notices go to all databases, so its number is part of the name.
    fn channel(&self) -> String {
        self.key(&self.config.url.database.to_string())
    }

    /// A connection for commands.
    pub(super) async fn commands(&self) -> Result<Commands<'_>, Failure> {
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(ANSWER));
        let login = self.login();
        let stream = self.stream().await?;
        let opened = MultiplexedConnection::new_with_config(&login, stream, config);
        let (connection, driver) = within(GREETING, opened).await?;
        Ok(Commands {
            engine: self,
            connection,
            driver: tokio::spawn(driver),
        })
    }

    /// A connection for notices: numbers of revisions.
    pub(super) async fn notices(&self) -> Result<PubSubStream, Failure> {
        let stream = self.stream().await?;
        let login = self.login();
        let subscribed = async {
            let mut notices = PubSub::new(&login, stream).await?;
            notices.subscribe(self.channel()).await?;
            Ok(notices.into_on_message())
        };
        within(GREETING, subscribed).await
    }

    fn login(&self) -> RedisConnectionInfo {
        let url = &self.config.url;
        let mut login = RedisConnectionInfo::default()
            .set_db(url.database.into())
            .set_skip_set_lib_name();
        if let Some(user) = &url.user {
            login = login.set_username(user);
        }
        match &url.password {
            Some(password) => login.set_password(Secret::expose(password)),
            None => login,
        }
    }

    async fn stream(&self) -> Result<Box<dyn Stream>, Failure> {
        let url = &self.config.url;
        let stream = connect(&url.host, url.port, CONNECT).await?;
        let Some(tls) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let stream = timeout(GREETING, tls.connect(stream)).await;
        Ok(Box::new(stream.map_err(|_| Failure::Silent(GREETING))??))
    }
}

/// TCP, or TLS over it.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

async fn within<T>(
    limit: Duration,
    future: impl Future<Output = Result<T, RedisError>>,
) -> Result<T, Failure> {
    let done = timeout(limit, future).await;
    Ok(done.map_err(|_| Failure::Silent(limit))??)
}

/// A connection for commands. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Commands<'a> {
    engine: &'a Engine,
    connection: MultiplexedConnection,
    driver: tokio::task::JoinHandle<()>,
}

impl Drop for Commands<'_> {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Commands<'_> {
    /// The revision. Fails where the engine cannot be written to, as after a fail-over.
    pub(super) async fn look(&mut self) -> Result<Version, Failure> {
        let mut both = ::redis::pipe();
        both.cmd("SET").arg(self.engine.key("alive"));
        both.arg(1).arg("PX").arg(ALIVE).ignore();
        both.get(self.engine.key("revision"));
        let asked = both.query_async(&mut self.connection);
        let (revision,) = within(ANSWER, asked).await?;
        version(revision)
    }

    /// Revision and cells.
    pub(super) async fn read(&mut self) -> Result<(Version, Cells), Failure> {
        let mut both = ::redis::pipe();
        both.atomic().get(self.engine.key("revision"));
        both.hgetall(self.engine.key("state"));
        let asked = both.query_async(&mut self.connection);
        let (revision, state): (_, HashMap<String, String>) = within(ANSWER, asked).await?;
        let (mut cells, mut foreign) = (Cells::new(), Vec::new());
        for (key, text) in state {
            match cell(&text) {
                Some(cell) => drop(cells.insert(key, cell)),
                None => foreign.push(key),
            }
        }
        if let Some(key) = foreign.iter().min()
            && let Some(left_out) = self.engine.foreign.due(())
        {
            warn!(
                key,
                count = foreign.len(),
                left_out = left_out.field(),
                "what the cluster's engine has cannot be used: another program has written it"
            );
        }
        Ok((version(revision)?, cells))
    }

    /// Writes these where the revision is the expected one. Returns the new one; `None` when it was another.
    pub(super) async fn write(
        &mut self,
        expected: Version,
        writes: Writes,
    ) -> Result<Option<Version>, Failure> {
        let cells = writes.into_iter();
        let cells = cells.map(|(key, value)| (key, String::new(), text(value.as_deref())));
        self.write_cells(expected, cells).await
    }

    /// Writes these with their versions, and removes the `forgotten` ones, where the revision is the expected one.
    pub(super) async fn give_back(
        &mut self,
        expected: Version,
        cells: Cells,
        forgotten: Vec<String>,
    ) -> Result<(), Failure> {
        let given = cells.into_iter().map(|(key, cell)| {
            let text = text(cell.value.as_deref());
            (key, cell.version.to_string(), text)
        });
        let removed = forgotten.into_iter();
        let removed = removed.map(|key| (key, String::new(), String::new()));
        let cells = given.chain(removed);
        self.write_cells(expected, cells).await.map(drop)
    }

    async fn write_cells(
        &mut self,
        expected: Version,
        cells: impl Iterator<Item = (String, String, String)>,
    ) -> Result<Option<Version>, Failure> {
        let script = Script::new(WRITE);
        let mut call = script.prepare_invoke();
        call.key(self.engine.key("revision"))
            .key(self.engine.key("state"));
        call.arg(expected).arg(self.engine.channel());
        for (key, version, text) in cells {
            call.arg(key).arg(version).arg(text);
        }
        let written = call.invoke_async::<Option<String>>(&mut self.connection);
        let written = within(ANSWER, written).await?;
        written.map(|text| version(Some(text))).transpose()
    }

    /// What ids are hashed with. Who asks first decides it.
    async fn seed(&mut self) -> Result<[u64; 2], Failure> {
        let proposed = [crate::random::seed(), crate::random::seed()];
        let mut both = ::redis::pipe();
        let key = self.engine.key("seed");
        both.cmd("SET").arg(&key).arg(seed_text(proposed));
        both.arg("NX").ignore().get(key);
        let asked = both.query_async(&mut self.connection);
        let (text,): (String,) = within(ANSWER, asked).await?;
        seed(&text).ok_or(Failure::Foreign(text, "seed"))
    }

    /// What gateways have told of members under this key.
    async fn told(&mut self, key: &str) -> Result<Routes, Failure> {
        let key = self.engine.key(key);
        let asked = ::redis::cmd("HGETALL").arg(key).to_owned();
        let fields: Fields = within(ANSWER, asked.query_async(&mut self.connection)).await?;
        Ok(of_members(&fields))
    }

    /// Calls a script.
    pub(super) async fn call<T: ::redis::FromRedisValue>(
        &mut self,
        call: &::redis::ScriptInvocation<'_>,
    ) -> Result<T, Failure> {
        within(ANSWER, call.invoke_async(&mut self.connection)).await
    }
}

/// A seed as 32 digits.
pub(super) fn seed_text([one, two]: [u64; 2]) -> String {
    format!("{one:016x}{two:016x}")
}

pub(super) fn seed(text: &str) -> Option<[u64; 2]> {
    let (one, two) = text.split_at_checked(16)?;
    let part = |text| u64::from_str_radix(text, 16).ok();
    Some([part(one)?, part(two)?])
}

fn version(text: Option<String>) -> Result<Version, Failure> {
    let Some(text) = text else { return Ok(0) };
    number(&text).ok_or_else(|| Failure::Foreign(text, "revision"))
}

/// A version in digits. The scripts of the engine count in floating point numbers: from 2^53 on the next one may be the same.
fn number(digits: &str) -> Option<Version> {
    let number = digits.parse().ok()?;
    (number < 1 << 53).then_some(number)
}

/// The value of a cell as the engine has it.
fn text(value: Option<&str>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("={value}"))
}

/// A cell as the engine has it: `1764536400000000 =3`.
fn cell(text: &str) -> Option<Cell> {
    let (version, value) = text.split_once(' ')?;
    let value = match value.strip_prefix('=') {
        Some(value) => Some(value.to_owned()),
        None if value == "-" => None,
        None => return None,
    };
    let version = number(version)?;
    Some(Cell { version, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_and_seeds_are_read_as_they_were_written() {
        for value in [None, Some(""), Some("-"), Some("\"a b\"")] {
            let expected = Cell {
                version: 7,
                value: value.map(str::to_owned),
            };
            assert_eq!(cell(&format!("7 {}", text(value))), Some(expected));
        }
        for foreign in ["", "7", "7 x", "x =1", "-1 =1", "=1"] {
            assert_eq!(cell(foreign), None, "{foreign:?}");
        }
        let (last, beyond) = ("9007199254740991", "9007199254740992");
        assert_eq!(version(Some(last.to_owned())).ok(), Some((1 << 53) - 1));
        assert!(version(Some(beyond.to_owned())).is_err());
        assert_eq!(cell(&format!("{beyond} =1")), None);
        assert_eq!(seed(&seed_text([1, u64::MAX])), Some([1, u64::MAX]));
        assert_eq!(seed("é"), None);
    }
}
