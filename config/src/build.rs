//! Builds the model from the file: fills in defaults, and checks everything that concerns more than one value.
//!
//! Building goes on after a problem, with some value in place of the bad one: the model is only handed out when
//! there was none. A problem is never derived from a value that could not be read.

mod access;
mod admin;
mod answers;
mod asks_itself;
mod balancer;
mod cluster;
mod discover;
mod exclusion;
mod files;
mod headers;
mod health;
mod identity;
mod listener;
mod listener_tls;
mod mapping;
mod member;
mod plain;
mod redirect;
mod traces;
mod trust;
mod unguarded;
mod warnings;

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::defaults;
use crate::field::{Either, Field, Scalar};
use crate::file::{self, File};
use crate::log_format::LogFormat;
use crate::model::{AccessLog, Admin, Config, Discover, Include, Limits, Log, Member, Sink};
use crate::report::{Place, Report};
use crate::value::FileName;

/// Builds the model of a file. The model may be used only when the report has no error.
pub(crate) fn build(file: File, include: Include, place: Place, report: &Report) -> Built {
    let around = Around::of(&file);
    let builder = Builder { report, around };
    let listeners = builder.listeners(file.listeners, &file.trusted_proxies, place);
    builder.trust_in_everybody(&file.trusted_proxies);
    let balancers = builder.balancers(file.balancers);
    let mappings = builder.mappings(file.proxy_pass, &balancers);
    let admin = builder.admin(file.admin, &listeners, place);
    builder.asks_itself(&mappings, &listeners);
    builder.same_account(&listeners, admin.as_ref());
    builder.warn(&balancers, &mappings, place);
    let numbers = Numbers {
        mappings: mappings.iter().map(|mapping| mapping.number).collect(),
    };
    let config = Config {
        listeners: listeners
            .into_iter()
            .map(|(_, listener)| listener)
            .collect(),
        balancers: balancers
            .known
            .into_iter()
            .filter_map(|known| known.built)
            .collect(),
        mappings: mappings.into_iter().map(|mapping| mapping.built).collect(),
        response_headers: builder.header_rules(file.response_headers),
        error_pages: builder.error_pages(file.error_pages),
        error_override: builder.error_override(file.error_override),
        include,
        trusted_proxies: list(file.trusted_proxies),
        limits: builder.limits(file.limits),
        access_log: builder.access_log(file.access_log),
        log: log(file.log),
        traces: builder.traces(file.traces),
        admin: admin.map(|(_, admin)| admin),
        cluster: builder.cluster(file.cluster),
        watch: file.watch.or(defaults::WATCH),
        shutdown_timeout: file.shutdown_timeout.or(defaults::SHUTDOWN_TIMEOUT),
        shutdown_delay: file.shutdown_delay.or(defaults::SHUTDOWN_DELAY),
        threads: size(whole(file.runtime).threads.or(defaults::THREADS)),
    };
    Built { config, numbers }
}

/// The model of a file.
pub(crate) struct Built {
    pub(crate) config: Config,
    pub(crate) numbers: Numbers,
}

/// Where the items of the model's lists stand in the lists of the file, from which unreadable ones were left out.
pub(crate) struct Numbers {
    /// Of each mapping, from 0.
    mappings: Vec<usize>,
}

impl Numbers {
    /// The path of a key in the file, for one in the model: `proxy_pass[1].files` becomes `proxy_pass[2].files`.
    pub(crate) fn in_the_file<'a>(&self, path: &'a str) -> Cow<'a, str> {
        let renumbered = || {
            let (number, rest) = path.strip_prefix("proxy_pass[")?.split_once(']')?;
            let number = self.mappings.get(number.parse::<usize>().ok()?)?;
            Some(format!("proxy_pass[{number}]{rest}"))
        };
        renumbered().map_or(Cow::Borrowed(path), Cow::Owned)
    }
}

/// Builds a member outside a balancer; `None` when its url is missing or unreadable.
pub(crate) fn build_member(member: file::Member, place: Place, report: &Report) -> Option<Member> {
    let around = Around::default();
    let builder = Builder { report, around };
    builder
        .balancer_member(member, place)
        .map(|(_, member)| member)
}

/// Builds a source of members that stands alone.
pub(crate) fn build_source(
    source: file::Discover,
    place: Place,
    report: &Report,
) -> Option<Discover> {
    let around = Around::default();
    let builder = Builder { report, around };
    builder.source(source, place)
}

/// Builds the members of a list that stands in a file of its own.
pub(crate) fn build_members(
    members: Field<Vec<Field<file::Member>>>,
    report: &Report,
) -> Vec<Member> {
    let around = Around::default();
    let builder = Builder { report, around };
    builder.distinct_members(list_of(members)).0
}

/// Builds the admin listener without the rest of the file; `None`: there is none.
pub(crate) fn build_admin(file: File, place: Place, report: &Report) -> Option<Admin> {
    let around = Around::default();
    let builder = Builder { report, around };
    let admin = builder.admin(file.admin, &[], place);
    admin.map(|(_, admin)| admin)
}

/// A key that a map must have.
#[derive(Clone, Copy)]
struct Need {
    /// The map, as messages name it.
    of: &'static str,
    key: &'static str,
    /// A value that the key could have, for the hint.
    example: &'static str,
}

/// Builds the parts of the model; the methods stand in the files of the parts.
struct Builder<'a> {
    report: &'a Report,
    around: Around,
}

/// What a mapping needs to know of the rest of the file.
#[derive(Default)]
struct Around {
    /// Whether a listener asks clients for certificates.
    asks_for_certificates: bool,
    /// Whether listeners that ask have different `client_ca`.
    has_several_authorities: bool,
    /// Whether there are no trusted proxies.
    trusts_nobody: bool,
}

impl Builder<'_> {
    /// A value that must be there; a missing one is reported at the map that needs it.
    fn required<T>(&self, field: Field<T>, parent: Place, need: Need) -> Option<(Place, T)> {
        if field.is_absent() {
            let Need { of, key, example } = need;
            self.report.error_with_hint(
                parent,
                format!("{of} needs `{key}`"),
                format!("write `{key}: {example}`"),
            );
        }
        field.given()
    }

    /// A file name of the configuration is relative to the configuration's folder.
    fn resolve(&self, name: &Path) -> PathBuf {
        self.report.main().folder().join(name)
    }

    fn file(&self, field: Scalar<FileName>) -> Option<PathBuf> {
        field.optional().map(|name| self.resolve(&name))
    }

    /// A file name that must be there.
    fn required_file(&self, field: Scalar<FileName>, parent: Place, need: Need) -> PathBuf {
        self.required(field, parent, need)
            .map(|(_, name)| self.resolve(&name.0))
            .unwrap_or_default()
    }

    fn limits(&self, field: Field<file::Limits>) -> Limits {
        let limits = whole(field);
        if let Field::Given(place, bytes) = &limits.max_header_bytes
            && (1..defaults::LEAST_HEADER_BYTES).contains(&bytes.0)
        {
            self.report.error_with_hint(
                *place,
                format!("max_header_bytes: {} is too small for a request", bytes.0),
                format!("write at least {}", defaults::LEAST_HEADER_BYTES),
            );
        }
        for (key, period) in [
            ("header_timeout", &limits.header_timeout),
            ("idle_timeout", &limits.idle_timeout),
        ] {
            if let Field::Given(place, period) = period
                && period.0.is_zero()
            {
                self.report.warning(
                    *place,
                    format!("{key}: without a limit a silent client holds its connection for ever"),
                    "`max_connections` of them keep everybody else out",
                );
            }
        }
        let none_if_zero = |number: u64| (number > 0).then_some(number);
        let most_bytes = none_if_zero(limits.max_header_bytes.or(defaults::MAX_HEADER_BYTES));
        Limits {
            max_header_bytes: size(most_bytes.unwrap_or(defaults::MOST_HEADER_BYTES)),
            header_timeout: endless_if_zero(limits.header_timeout.or(defaults::HEADER_TIMEOUT)),
            idle_timeout: endless_if_zero(limits.idle_timeout.or(defaults::IDLE_TIMEOUT)),
            max_connections: none_if_zero(limits.max_connections.or(defaults::MAX_CONNECTIONS))
                .map(size),
            max_body: none_if_zero(limits.max_body.or(defaults::MAX_BODY)),
            max_headers: none_if_zero(limits.max_headers.or(defaults::MAX_HEADERS)).map(size),
            max_uri: none_if_zero(limits.max_uri.or(defaults::MAX_URI)).map(size),
            min_body_rate: NonZeroU64::new(limits.min_body_rate.or(defaults::MIN_BODY_RATE)),
            max_connections_per_ip: none_if_zero(
                limits
                    .max_connections_per_ip
                    .or(defaults::MAX_CONNECTIONS_PER_IP),
            )
            .map(size),
            max_streams: none_if_zero(limits.max_streams.or(defaults::MAX_STREAMS))
                .and_then(|most| u32::try_from(most).ok())
                .unwrap_or(defaults::MOST_STREAMS),
        }
    }

    fn access_log(
        &self,
        field: Field<Either<crate::log_format::FormatText, file::AccessLog>>,
    ) -> AccessLog {
        let (sink, format) = match field.given() {
            Some((_, Either::Scalar(format))) => (Sink::Stdout, Some(format)),
            Some((_, Either::Whole(log))) => {
                let sink = log
                    .path
                    .optional()
                    .map_or(Sink::Stdout, |path| self.sink(&path));
                (sink, log.format.optional())
            }
            None => (Sink::Stdout, None),
        };
        AccessLog {
            sink,
            format: format.unwrap_or_else(LogFormat::combined),
        }
    }

    fn sink(&self, path: &Path) -> Sink {
        match path.to_str() {
            Some("stdout") => Sink::Stdout,
            Some("stderr") => Sink::Stderr,
            _ => Sink::File(self.resolve(path)),
        }
    }
}

fn log(field: Field<file::Log>) -> Log {
    let log = whole(field);
    Log {
        level: log.level.or(defaults::LOG_LEVEL),
        json: log.format.or(file::LogShape::Text) == file::LogShape::Json,
    }
}

/// A map of keys; an absent one is one without keys.
fn whole<T: Default>(field: Field<T>) -> T {
    field.given().map(|(_, value)| value).unwrap_or_default()
}

/// The maps of a list that could be read, with their places.
fn list_of<T>(field: Field<Vec<Field<T>>>) -> Vec<(Place, T)> {
    let items = field.given().map_or_else(Vec::new, |(_, items)| items);
    items.into_iter().filter_map(Field::given).collect()
}

/// The items of a list that could be read.
fn list<K: crate::field::Kind>(field: Field<Vec<Scalar<K>>>) -> Vec<K::Value> {
    whole(field)
        .into_iter()
        .filter_map(Scalar::optional)
        .collect()
}

/// A limit on time; 0 is none.
const fn endless_if_zero(time: Duration) -> Duration {
    match time.is_zero() {
        true => defaults::ENDLESS,
        false => time,
    }
}

/// A number whose range fits every `usize` that the gateway runs with.
fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
