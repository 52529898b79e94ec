//! GET and HEAD: a file, a directory, or a hint that it is one.

use std::time::Duration;

use http::StatusCode;
use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderValue, LAST_MODIFIED,
    LOCATION, VARY,
};
use jiff::Timestamp;

use super::answer::{Answer, AnswerBody};
use super::data::DataSettings;
use super::download::{Extent, Transfer};
use super::entry::Format;
use super::moment;
use super::order::{Act, Order};
use super::path::Kind;
use super::range::{Wanted, wanted};
use super::reply::Reply;
use super::stop::Stop;
use super::transport::FtpTransport;

/// What a server has said of a file beforehand.
#[derive(Debug, Default)]
struct Facts {
    size: Option<u64>,
    modified: Option<Timestamp>,
    /// SIZE has said that there is no such file; of a directory it says so too.
    missing: bool,
    /// MDTM has said so.
    dateless: bool,
}

impl FtpTransport {
    /// Finds out what the path names, and begins to fetch it.
    pub(super) async fn fetch(
        &mut self,
        order: &Order<'_>,
        data: &DataSettings,
        limit: Duration,
    ) -> Result<Answer, Stop> {
        let path = order.path.on_server(self.session.home.as_deref());
        if order.path.slash || order.path.kind == Kind::Directory {
            return self.list(order, &path, data, limit).await;
        }
        self.set_kind(order.path.kind, limit).await?;
        let facts = self.facts(order, &path, limit).await?;
        if facts.size.is_none()
            && (facts.missing || facts.dateless)
            && self.is_directory(&path, limit).await?
        {
            return redirect(order);
        }
        let head = order.act == Act::Head;
        // What neither command knows a server is not asked to send.
        if facts.dateless && (facts.missing || head && facts.size.is_none()) {
            return Err(Stop::Status(StatusCode::NOT_FOUND));
        }
        if let (Some(modified), Some(since)) = (facts.modified, order.if_modified_since)
            && moment::of_http_date(since.as_bytes()).is_some_and(|since| modified <= since)
        {
            return Ok(described(
                Answer::empty(StatusCode::NOT_MODIFIED),
                order,
                &facts,
            ));
        }
        let part = match (order.range, facts.size) {
            (Some(range), Some(size)) if !head && is_current(order, &facts) => {
                wanted(range.as_bytes(), size)
            }
            _ => Wanted::Whole,
        };
        if let (Wanted::Outside, Some(size)) = (part, facts.size) {
            let answer = Answer::status(StatusCode::RANGE_NOT_SATISFIABLE);
            let unsatisfied = format!("bytes */{size}");
            return Ok(answer.with(CONTENT_RANGE, value(&unsatisfied)?));
        }
        if head && (facts.size.is_some() || facts.modified.is_some()) {
            let answer = described(Answer::empty(StatusCode::OK), order, &facts);
            return Ok(match facts.size {
                Some(size) => answer.with(CONTENT_LENGTH, size.into()),
                None => answer,
            });
        }
        self.retrieve(order, &path, (&facts, part), data, limit)
            .await
    }

    /// SIZE and MDTM (RFC 3659). A server that does not know them, or says nothing of use, is asked for the file all the
    /// same.
    async fn facts(
        &mut self,
        order: &Order<'_>,
        path: &[u8],
        limit: Duration,
    ) -> Result<Facts, Stop> {
        let mut facts = Facts::default();
        let control = self.control();
        // Of a file whose line ends may change no size is known.
        if order.path.kind == Kind::Image {
            let reply = control.ask("SIZE", path, limit).await?;
            match reply.code {
                213 => facts.size = size_of(&reply),
                550 => facts.missing = true,
                530 => return Err(Stop::of(&reply)),
                _ => {}
            }
        }
        let reply = control.ask("MDTM", path, limit).await?;
        match reply.code {
            213 => facts.modified = moment::of_digits(&reply.last),
            550 => facts.dateless = true,
            530 => return Err(Stop::of(&reply)),
            _ => {}
        }
        Ok(facts)
    }

    /// Whether one can go there.
    async fn is_directory(&mut self, path: &[u8], limit: Duration) -> Result<bool, Stop> {
        let reply = self.control().ask("CWD", path, limit).await?;
        let there = matches!(reply.code, 200..=299);
        // Where names are relative they mean something else now.
        self.session.moved |= there && self.session.home.is_none();
        Ok(there)
    }

    /// REST and RETR.
    async fn retrieve(
        &mut self,
        order: &Order<'_>,
        path: &[u8],
        (facts, mut part): (&Facts, Wanted),
        data: &DataSettings,
        limit: Duration,
    ) -> Result<Answer, Stop> {
        let opened = self.open_data(data, limit).await?;
        if let Wanted::Part(first @ 1.., _) = part {
            let reply = self
                .control()
                .ask("REST", first.to_string().as_bytes(), limit)
                .await?;
            if reply.code != 350 {
                part = Wanted::Whole;
            }
        }
        let reply = self.control().begin("RETR", path, limit).await?;
        let begun = reply.is_preliminary();
        if !begun && !matches!(reply.code, 226 | 250) {
            if reply.code == 550 && self.is_directory(path, limit).await? {
                return redirect(order);
            }
            return Err(Stop::of(&reply));
        }
        let stream = opened.connected(data.tls.as_deref(), limit).await?;
        let (status, length, extent) = match (part, facts.size) {
            (Wanted::Part(first, last), Some(size)) => {
                let length = last.saturating_sub(first).saturating_add(1);
                let extent = match last.saturating_add(1) < size {
                    true => Extent::Middle,
                    false => Extent::Tail,
                };
                (StatusCode::PARTIAL_CONTENT, Some(length), extent)
            }
            (_, size) => (StatusCode::OK, size, Extent::Whole),
        };
        let mut answer = described(Answer::empty(status), order, facts);
        if let Some(length) = length {
            answer.headers.insert(CONTENT_LENGTH, length.into());
        }
        if let (Wanted::Part(first, last), Some(size)) = (part, facts.size) {
            let range = format!("bytes {first}-{last}/{size}");
            answer.headers.insert(CONTENT_RANGE, value(&range)?);
        }
        answer.body = AnswerBody::File(Transfer::new(stream, length, extent, !begun));
        Ok(answer)
    }

    /// CWD, and MLSD or LIST of where that leads: an argument of LIST would be taken for options and patterns by some
    /// servers.
    async fn list(
        &mut self,
        order: &Order<'_>,
        path: &[u8],
        data: &DataSettings,
        limit: Duration,
    ) -> Result<Answer, Stop> {
        if !path.is_empty() {
            self.session.moved |= self.session.home.is_none();
            let reply = self.control().ask("CWD", path, limit).await?;
            Stop::unless_positive(reply)?;
        }
        if !order.path.slash {
            return redirect(order);
        }
        let answer = Answer::empty(StatusCode::OK).with(VARY, HeaderValue::from_static("accept"));
        let mut answer = answer.with(CONTENT_TYPE, super::page::content_type(order.json));
        if order.act == Act::Head {
            return Ok(answer);
        }
        self.set_kind(Kind::Image, limit).await?;
        loop {
            let (verb, format) = match self.session.no_mlsd {
                false => ("MLSD", Format::Mlsd),
                true => ("LIST", Format::List),
            };
            let opened = self.open_data(data, limit).await?;
            let reply = self.control().begin(verb, b"", limit).await?;
            let begun = reply.is_preliminary();
            if !begun && !matches!(reply.code, 226 | 250) {
                if format == Format::Mlsd && reply.is_unknown_command() {
                    self.session.no_mlsd = true;
                    continue;
                }
                return Err(Stop::of(&reply));
            }
            let stream = opened.connected(data.tls.as_deref(), limit).await?;
            answer.body =
                AnswerBody::Listing(Transfer::new(stream, None, Extent::Whole, !begun), format);
            return Ok(answer);
        }
    }
}

/// Adds what is known of a file.
fn described(answer: Answer, order: &Order<'_>, facts: &Facts) -> Answer {
    let name = String::from_utf8_lossy(order.path.name());
    let kind = mime_guess::from_path(&*name).first_raw();
    let kind = HeaderValue::from_static(kind.unwrap_or("application/octet-stream"));
    let mut answer = answer.with(CONTENT_TYPE, kind);
    let modified = facts.modified.and_then(moment::http_date);
    if let Some(modified) = modified.and_then(|date| HeaderValue::try_from(date).ok()) {
        answer = answer.with(LAST_MODIFIED, modified);
    }
    match facts.size {
        Some(_) => answer.with(ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        None => answer,
    }
}

/// Whether a part of the file that a client has seen is a part of the file there is (RFC 9110 section 13.1.5): only its
/// date can be known to it.
fn is_current(order: &Order<'_>, facts: &Facts) -> bool {
    order.if_range.is_none_or(|seen| {
        let seen = moment::of_http_date(seen.as_bytes());
        seen.is_some() && seen == facts.modified
    })
}

/// With a slash behind it a directory's names are relative to it.
fn redirect(order: &Order<'_>) -> Result<Answer, Stop> {
    let mut to = order.path.as_directory();
    if let Some(query) = order.query {
        to = format!("{to}?{query}");
    }
    let answer = Answer::status(StatusCode::MOVED_PERMANENTLY);
    Ok(answer.with(LOCATION, value(&to)?))
}

/// SIZE's number. What is none, or cannot be one, counts as nothing said.
fn size_of(reply: &Reply) -> Option<u64> {
    let text = std::str::from_utf8(&reply.last).ok()?.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Lengths of HTTP have 19 digits at most here.
    text.parse()
        .ok()
        .filter(|size| digits && *size < u64::pow(10, 19))
}

fn value(text: &str) -> Result<HeaderValue, Stop> {
    HeaderValue::from_str(text).map_err(|_| Stop::Status(StatusCode::BAD_REQUEST))
}
