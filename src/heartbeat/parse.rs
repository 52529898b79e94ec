//! Decoding of reports.

use std::time::Duration;

use super::{Malformed, Report, Stored};

/// The longest datagram, in bytes (`mod_heartmonitor.c: MAX_MSG_LEN`).
pub const LONGEST_DATAGRAM: usize = 1000;

/// The longest line of a storage file, in bytes, including its end (httpd's buffer size).
pub const LONGEST_LINE: usize = 4096;

/// Decodes a datagram: `v=1&ready=75&busy=0`, from Tomcat also with `&port=8009`.
///
/// Keys may stand in any order. Unknown keys are ignored, and the last of equal keys counts. A number with other
/// characters around it is refused; httpd's `atoi` ignores them.
///
/// # Errors
///
/// Why the datagram is not a report.
pub fn datagram(bytes: &[u8]) -> Result<Report, Malformed> {
    if bytes.len() > LONGEST_DATAGRAM {
        return Err(Malformed::TooLong);
    }
    let text = ascii(bytes)?.trim_end_matches(['\0', '\r', '\n']);
    let pairs = Pairs::read(text);
    match pairs.version {
        Some("1") => pairs.report(None),
        _ => Err(Malformed::Version),
    }
}

/// Decodes the lines of a storage file, each with its number from 1 on: `10.0.0.1 &ready=75&busy=0&lastseen=3&port=80`.
///
/// Empty lines and lines that begin with `#` are skipped. A missing number is 0, as in httpd.
pub fn storage(file: &[u8]) -> impl Iterator<Item = (usize, Result<Stored<'_>, Malformed>)> {
    let lines = (1..).zip(file.split(|byte| *byte == b'\n'));
    lines
        .map(|(number, line)| (number, line.strip_suffix(b"\r").unwrap_or(line)))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with(b"#"))
        .map(|(number, line)| (number, stored(line)))
}

fn stored(line: &[u8]) -> Result<Stored<'_>, Malformed> {
    if line.len() >= LONGEST_LINE {
        return Err(Malformed::TooLong);
    }
    let (host, rest) = ascii(line)?.split_once(' ').ok_or(Malformed::NoHost)?;
    if host.is_empty() {
        return Err(Malformed::NoHost);
    }
    let pairs = Pairs::read(rest.trim_end());
    let seconds = pairs.last_seen.map_or(Ok(0), number)?;
    Ok(Stored {
        host,
        report: pairs.report(Some(0))?,
        age: Duration::from_secs(seconds.into()),
    })
}

fn ascii(bytes: &[u8]) -> Result<&str, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed::NotAscii)?;
    text.is_ascii().then_some(text).ok_or(Malformed::NotAscii)
}

/// The values of the known keys.
#[derive(Default)]
struct Pairs<'a> {
    version: Option<&'a str>,
    ready: Option<&'a str>,
    busy: Option<&'a str>,
    port: Option<&'a str>,
    last_seen: Option<&'a str>,
}

impl<'a> Pairs<'a> {
    fn read(text: &'a str) -> Self {
        let mut pairs = Self::default();
        for (key, value) in text.split('&').filter_map(|pair| pair.split_once('=')) {
            let known = match key {
                "v" => &mut pairs.version,
                "ready" => &mut pairs.ready,
                "busy" => &mut pairs.busy,
                "port" => &mut pairs.port,
                "lastseen" => &mut pairs.last_seen,
                _ => continue,
            };
            *known = Some(value);
        }
        pairs
    }

    fn report(&self, missing: Option<u32>) -> Result<Report, Malformed> {
        let count = |text: Option<&str>| match text {
            Some(text) => number(text),
            None => missing.ok_or(Malformed::Number),
        };
        let port = |text: &str| number(text)?.try_into().map_err(|_| Malformed::Port);
        Ok(Report {
            ready: count(self.ready)?,
            busy: count(self.busy)?,
            port: self
                .port
                .map(port)
                .transpose()
                .map_err(|_| Malformed::Port)?,
        })
    }
}

/// A number that consists of digits only.
fn number(text: &str) -> Result<u32, Malformed> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits
        .then(|| text.parse().ok())
        .flatten()
        .ok_or(Malformed::Number)
}
