//! One line for each request, written by a thread of its own.
//!
//! A request never waits for a disk: a line that finds the queue full is dropped and counted
//! (`access_log_dropped_total`).

mod clock;
mod entry;
mod fields;
mod json;
mod line;
mod out;
mod queue;
mod writer;

use std::io;

use ajpgate_config::log_format::{Item, Token};
use ajpgate_config::{AccessLog as Settings, LogFormat};

pub(crate) use self::entry::{AfterResponse, Entry};
use self::writer::Writer;
use crate::telemetry::metrics::Counter;

/// The log of one gateway.
#[derive(Debug)]
pub(crate) struct AccessLog {
    format: LogFormat,
    response_fields: Vec<String>,
    writer: Option<Writer>,
}

impl AccessLog {
    /// Opens the file and starts the writer, unless the log is off.
    pub(crate) fn open(settings: &Settings, dropped: Counter) -> io::Result<Self> {
        let writer = match settings.format {
            LogFormat::Off => None,
            _ => Some(Writer::start(&settings.sink, dropped)?),
        };
        let format = settings.format.clone();
        Ok(Self {
            response_fields: response_fields(&format),
            format,
            writer,
        })
    }

    /// Fields of answers that lines hold.
    pub(crate) fn response_fields(&self) -> &[String] {
        &self.response_fields
    }

    /// Hands a line to the writer.
    pub(crate) fn write(&self, entry: &Entry<'_>) {
        let Some(writer) = &self.writer else { return };
        let line = match &self.format {
            LogFormat::Off => return,
            LogFormat::Json => json::format(entry),
            LogFormat::Line(items) => line::format(items, entry),
        };
        writer.write(&line);
    }

    /// Opens the file anew, as tools that rotate logs expect it of a reload.
    pub(crate) fn reopen(&self) {
        if let Some(writer) = &self.writer {
            writer.reopen();
        }
    }

    /// Writes what is queued and ends the writer.
    pub(crate) async fn close(&self) {
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }
}

fn response_fields(format: &LogFormat) -> Vec<String> {
    let LogFormat::Line(items) = format else {
        return Vec::new();
    };
    let mut fields = Vec::new();
    for item in items {
        if let Item::Token {
            token: Token::ResponseHeader(name),
            ..
        } = item
            && !fields
                .iter()
                .any(|known: &String| known.eq_ignore_ascii_case(name))
        {
            fields.push(name.clone());
        }
    }
    fields
}
