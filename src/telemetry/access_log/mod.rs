//! One line for each request, written by a thread of its own.
//!
//! A request never waits for a disk: a line that finds the queue full is dropped and counted
//! (`access_log_dropped_total`).

mod json;
mod line;
mod writer;

use std::io;
use std::time::Duration;

use ajpgate_config::log_format::{Item, Token};
use ajpgate_config::{AccessLog as Settings, LogFormat};
use http::header::{HeaderName, HeaderValue};
use http::request::Parts;
use metrics::Counter;

use self::writer::Writer;
use crate::peer::Peer;
use crate::telemetry::metrics::StickyResult;
use crate::variables::Variables;

/// A request that is over, as far as a log may want to know.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    /// `None` when it was refused before it was a request.
    pub(crate) parts: Option<&'a Parts>,
    pub(crate) peer: &'a Peer,
    pub(crate) status: u16,
    /// Bytes of the answer's body.
    pub(crate) sent: u64,
    /// Bytes of the answer's head.
    pub(crate) head_sent: u64,
    /// Bytes that the client sent, the request's head included.
    pub(crate) received: u64,
    pub(crate) duration: Duration,
    pub(crate) variables: &'a Variables,
    pub(crate) sticky: Option<StickyResult>,
    pub(crate) balancer: Option<&'a str>,
    /// URL of the member that answered.
    pub(crate) member: Option<&'a str>,
    /// URL of the member of the first try.
    pub(crate) first_member: Option<&'a str>,
    pub(crate) attempts: u32,
    /// Fields of the answer that [`AccessLog::response_fields`] names.
    pub(crate) response: &'a [(HeaderName, HeaderValue)],
    pub(crate) after: AfterResponse,
    /// Requests on this connection so far, this one included.
    pub(crate) requests: u32,
}

/// What became of the connection (`%X`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterResponse {
    /// Broken off before the answer was complete.
    Aborted,
    /// It may serve another request.
    KeepAlive,
    /// It is closed.
    Close,
}

/// The log of one gateway.
#[derive(Debug)]
pub(crate) struct AccessLog {
    format: LogFormat,
    response_fields: Vec<HeaderName>,
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
    pub(crate) fn response_fields(&self) -> &[HeaderName] {
        &self.response_fields
    }

    /// Whether anything is written.
    pub(crate) const fn is_on(&self) -> bool {
        self.writer.is_some()
    }

    /// Hands a line to the writer.
    pub(crate) fn write(&self, entry: &Entry<'_>) {
        let Some(writer) = &self.writer else { return };
        let line = match &self.format {
            LogFormat::Off => return,
            LogFormat::Json => json::format(entry),
            LogFormat::Line(items) => line::format(items, entry),
        };
        writer.write(line);
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

fn response_fields(format: &LogFormat) -> Vec<HeaderName> {
    let LogFormat::Line(items) = format else {
        return Vec::new();
    };
    let mut fields = Vec::new();
    for item in items {
        if let Item::Token {
            token: Token::ResponseHeader(name),
            ..
        } = item
            && let Ok(name) = HeaderName::try_from(name.as_str())
            && !fields.contains(&name)
        {
            fields.push(name);
        }
    }
    fields
}
