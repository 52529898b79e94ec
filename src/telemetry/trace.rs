//! The program's own log, on standard error.
//!
//! Where nobody reads it, or the disk behind it is full, lines are lost and the gateway goes on.

use std::fmt::{self, Debug};
use std::io::{self, IsTerminal};

use ajpgate_config::Level;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

use super::standard_error::StandardError;

/// Crates that read packets of others and warn of them, as the beginnings of their targets: the client of DNS.
const LIBRARIES: [&str; 3] = ["hickory_net", "hickory_proto", "hickory_resolver"];

/// Starts logging. A second call changes nothing: the first configuration of a process decides.
pub(crate) fn start(level: Level, json: bool) {
    let level = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(io::stderr().is_terminal())
        // It would report the loss of a line on standard error, and panic because that fails too.
        .log_internal_errors(false)
        .with_writer(|| StandardError);
    let _ = if json {
        let shown = builder.event_format(Json).finish().with(shown(level));
        tracing::subscriber::set_global_default(shown)
    } else {
        let shown = builder.event_format(Text).finish().with(shown(level));
        tracing::subscriber::set_global_default(shown)
    };
}

/// What is logged. Libraries that read packets of others warn of each that is broken, however many come; what follows from that is told
/// by the modules that use them.
fn shown(level: LevelFilter) -> Targets {
    let of_libraries = match level {
        LevelFilter::DEBUG | LevelFilter::TRACE => level,
        level => level.min(LevelFilter::ERROR),
    };
    let libraries = LIBRARIES.iter().map(|library| (*library, of_libraries));
    Targets::new().with_default(level).with_targets(libraries)
}

/// `2026-11-24T12:00:00.123Z WARN ajpgate::proxy: member is out balancer="shop" …`
struct Text;

/// One object per line: `time`, `level`, `target`, `message`, then the event's fields.
struct Json;

fn now() -> impl fmt::Display {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
        .to_string()
}

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        write!(
            writer,
            "{} {:5} {}: ",
            now(),
            metadata.level(),
            metadata.target()
        )?;
        context
            .field_format()
            .format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = JsonFields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let head = [
            ("time", now().to_string()),
            ("level", metadata.level().to_string().to_lowercase()),
            ("target", metadata.target().to_owned()),
            ("message", fields.message),
        ];
        writer.write_char('{')?;
        for (index, (name, value)) in head.into_iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(writer, "{comma}\"{name}\":{}", Value::from(value))?;
        }
        for (name, value) in fields.others {
            write!(writer, ",{}:{value}", Value::from(name))?;
        }
        writeln!(writer, "}}")
    }
}

#[derive(Default)]
struct JsonFields {
    message: String,
    others: Map<String, Value>,
}

impl JsonFields {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        // A field must not hide one of the line's own.
        let name = match field.name() {
            name @ ("time" | "level" | "target") => format!("field_{name}"),
            name => name.to_owned(),
        };
        self.others.insert(name, value.into());
    }
}

impl Visit for JsonFields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            _ => self.insert(field, value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{value:?}");
        match field.name() {
            "message" => self.message = text,
            _ => self.insert(field, text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_packets_are_no_lines_of_the_log_unless_it_is_asked_for() {
        use tracing::Level;
        for (level, of_dns, ours) in [
            (LevelFilter::ERROR, false, false),
            (LevelFilter::WARN, false, true),
            (LevelFilter::INFO, false, true),
            (LevelFilter::DEBUG, true, true),
        ] {
            let shown = shown(level);
            let warns = |target: &str| shown.would_enable(target, &Level::WARN);
            assert_eq!(
                warns("hickory_net::udp::udp_client_stream"),
                of_dns,
                "{level}"
            );
            assert_eq!(warns("ajpgate::proxy"), ours, "{level}");
            assert!(shown.would_enable("hickory_net::udp", &Level::ERROR));
        }
    }
}
