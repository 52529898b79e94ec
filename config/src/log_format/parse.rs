//! LogFormat strings to tokens.

use schemars::{Schema, json_schema};

use super::format::{Item, LogFormat, Note, Port, Token, Unit};
use super::time;
use crate::fact::Fact;
use crate::fault::{Fault, one_of, quoted};
use crate::field::Kind;
use crate::nearest::nearest;
use crate::tls_fact::{TlsFact, is_of_mod_ssl};
use crate::tokens::{self, Part};

/// `combined`, `common`, `json`, `off`, or a LogFormat string.
pub(crate) enum FormatText {}

const WORDS: [&str; 4] = ["combined", "common", "json", "off"];

impl Kind for FormatText {
    type Value = LogFormat;

    fn read(text: &str) -> Result<LogFormat, Fault> {
        match text {
            "off" | "Off" | "false" => Ok(LogFormat::Off),
            "json" => Ok(LogFormat::Json),
            "common" => line(LogFormat::COMMON),
            "combined" => line(LogFormat::COMBINED),
            _ if text.contains('%') => line(text),
            _ => {
                let fault = Fault::new(format!("{} is not a format", quoted(text)));
                Err(match nearest(text, WORDS) {
                    Some(near) => fault.hint(format!("did you mean `{near}`?")),
                    None => fault.hint(format!(
                        "write {} or a LogFormat string with %… tokens",
                        one_of(WORDS)
                    )),
                })
            }
        }
    }

    fn schema() -> Schema {
        json_schema!({ "anyOf": [
            { "type": "string", "enum": WORDS },
            { "type": "string", "pattern": "%" },
        ]})
    }
}

impl LogFormat {
    /// The default: [`COMBINED`](Self::COMBINED) as tokens.
    #[must_use]
    pub fn combined() -> Self {
        line(Self::COMBINED).unwrap_or(Self::Off)
    }
}

/// A LogFormat string.
pub(super) fn line(text: &str) -> Result<LogFormat, Fault> {
    let mut items = Vec::new();
    for part in tokens::parts(text)? {
        items.push(match part {
            Part::Text(text) => Item::Text(unescaped(&text)),
            Part::Token(found) => Item::Token {
                token: token(&found).map_err(|fault| fault.at(found.at))?,
                condition: found.condition,
            },
        });
    }
    Ok(LogFormat::Line(items))
}

/// Backslashes as mod_log_config reads them: `\n`, `\r`, `\t`, and before any other character nothing but a guard.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some(c) => plain.push(c),
            None => plain.push('\\'),
        }
    }
    plain
}

/// Letters for which httpd does not look at what stands in the braces.
const IGNORING: [&str; 22] = [
    "A", "b", "B", "D", "f", "F", "H", "k", "l", "m", "q", "r", "R", "s", "u", "U", "v", "V", "X",
    "I", "O", "S",
];

fn token(found: &tokens::Token) -> Result<Token, Fault> {
    match Fact::of(found) {
        Ok(Some(fact)) => return Ok(Token::Fact(fact)),
        // The access log takes variables that the gateway does not have.
        Err(fault) if !is_foreign_variable(found) => return Err(fault),
        Ok(None) | Err(_) => {}
    }
    let argument = found.argument.as_deref();
    let ignored = |argument: &&str| match found.letter.as_str() {
        "a" | "h" | "L" => *argument != "c",
        letter => IGNORING.contains(&letter),
    };
    let argument = argument.filter(|argument| !ignored(argument));
    let token = match (found.letter.as_str(), argument) {
        ("a" | "h", None) => Token::Fact(Fact::ClientAddress),
        ("u", None) => Token::Fact(Fact::User),
        ("x", Some("HTTPS")) => Token::Https,
        ("x", Some(_)) | ("F", None) => Token::NotHere(found.written.clone()),
        ("a" | "h", Some("c")) => Token::PeerAddress,
        ("A", None) => Token::LocalAddress,
        ("b", None) => Token::BodyBytes { dash: true },
        ("B", None) => Token::BodyBytes { dash: false },
        ("D", None) | ("T", Some("us")) => Token::Duration(Unit::Microseconds),
        ("T", Some("ms")) => Token::Duration(Unit::Milliseconds),
        ("T", None | Some("s")) => Token::Duration(Unit::Seconds),
        ("f", None) => Token::FileName,
        ("H", None) => Token::Protocol,
        ("k", None) => Token::KeepAliveRequests,
        ("l", None) => Token::Identity,
        ("L", None) => Token::RequestLogId,
        ("L", Some("c")) => Token::ConnectionLogId,
        ("m", None) => Token::Method,
        ("p", None | Some("canonical")) => Token::Port(Port::Canonical),
        ("p", Some("local")) => Token::Port(Port::Local),
        ("p", Some("remote")) => Token::Port(Port::Remote),
        ("P", None | Some("pid")) => Token::ProcessId,
        ("P", Some("tid")) => Token::ThreadId,
        ("P", Some("hextid")) => Token::HexThreadId,
        ("q", None) => Token::Query,
        ("r", None) => Token::RequestLine,
        ("R", None) => Token::Handler,
        ("s", None) => Token::Status,
        ("t", format) => time::token(format)?,
        ("U", None) => Token::Path,
        ("v", None) => Token::ServerName,
        ("V", None) => Token::HostName,
        ("X", None) => Token::ConnectionStatus,
        ("I", None) => Token::BytesReceived,
        ("O", None) => Token::BytesSent,
        ("S", None) => Token::BytesTransferred,
        ("c", Some(name)) => of_mod_ssl(name, found)?,
        ("^ti" | "^to", Some(name)) if !name.is_empty() => Token::NotHere(found.written.clone()),
        ("^FB" | "^FU", None) => Token::NotHere(found.written.clone()),
        ("e", Some(name)) => Token::Environment(name.to_owned()),
        ("n", Some(name)) if !name.is_empty() => Token::Note(note(name)?),
        ("o", Some(name)) if !name.is_empty() => Token::ResponseHeader(name.to_ascii_lowercase()),
        _ => return Err(no_token(found)),
    };
    Ok(token)
}

/// Why a token means nothing.
fn no_token(found: &tokens::Token) -> Fault {
    let written = quoted(&found.written);
    match (found.letter.as_str(), found.argument.as_deref()) {
        ("n" | "o" | "^ti" | "^to", None | Some("")) => {
            Fault::new(format!("{written} needs a name"))
                .hint(format!("write %{{NAME}}{}", found.letter))
        }
        (letter, Some(argument)) => match choices(letter) {
            Some([]) => Fault::new(format!("{written} takes nothing in braces"))
                .hint(format!("write %{letter}")),
            Some(known) => Fault::new(format!("{written} has an unknown {}", quoted(argument)))
                .hint(format!("known are {}", one_of(known.iter().copied()))),
            None => unknown(letter, &written),
        },
        (letter, None) => unknown(letter, &written),
    }
}

/// What may stand in the braces of a letter; `None` for an unknown letter.
fn choices(letter: &str) -> Option<&'static [&'static str]> {
    Some(match letter {
        "p" => &["canonical", "local", "remote"],
        "P" => &["pid", "tid", "hextid"],
        "c" => &OF_MOD_SSL,
        "T" => &["s", "ms", "us"],
        "^FB" | "^FU" => &[],
        _ => return None,
    })
}

fn unknown(letter: &str, written: &str) -> Fault {
    let fault = Fault::new(format!("{written} is an unknown token"));
    match letter {
        "c" => fault.hint("write %{version}c, or a variable of mod_ssl: %{SSL_PROTOCOL}x"),
        "w" => fault.hint("the member is %{JK_LB_LAST_NAME}n or %{BALANCER_WORKER_NAME}e"),
        _ if letter.starts_with('^') => {
            fault.hint("known are %{NAME}^ti, %{NAME}^to, %^FB and %^FU; %D is the duration of the whole request")
        }
        _ => fault.hint("write %% for a percent sign"),
    }
}

/// What mod_ssl gives of `%{…}c` (its `ssl_engine_vars.c`), the older form of `%{SSL_…}x`.
const OF_MOD_SSL: [&str; 8] = [
    "version",
    "cipher",
    "subjectdn",
    "clientcert",
    "issuerdn",
    "cacert",
    "errcode",
    "errstr",
];

fn of_mod_ssl(name: &str, found: &tokens::Token) -> Result<Token, Fault> {
    let fact = match name {
        "version" => TlsFact::Protocol,
        "cipher" => TlsFact::Cipher,
        "subjectdn" | "clientcert" => TlsFact::Subject,
        "issuerdn" | "cacert" => TlsFact::Issuer,
        "errcode" | "errstr" => return Ok(Token::NotHere(found.written.clone())),
        _ => return Err(no_token(found)),
    };
    Ok(Token::Fact(Fact::Tls(fact)))
}

/// Whether a token names a variable that the gateway does not have, and none that is misspelt.
fn is_foreign_variable(token: &tokens::Token) -> bool {
    let name = token.argument.as_deref().unwrap_or_default();
    match token.letter.as_str() {
        "e" => !name.is_empty() && !name.starts_with("BALANCER_"),
        "x" => is_of_mod_ssl(name),
        _ => false,
    }
}

fn note(name: &str) -> Result<Note, Fault> {
    const LB: [&str; 9] = [
        "NAME",
        "VALUE",
        "ACCESSED",
        "READ",
        "TRANSFERRED",
        "ERRORS",
        "BUSY",
        "ACTIVATION",
        "STATE",
    ];
    const KEPT: [&str; 5] = [
        "JK_WORKER_NAME",
        "JK_WORKER_ROUTE",
        "JK_LB_FIRST_NAME",
        "JK_LB_LAST_NAME",
        "JK_REQUEST_DURATION",
    ];
    let of_mod_jk = || {
        let part = name
            .strip_prefix("JK_LB_FIRST_")
            .or_else(|| name.strip_prefix("JK_LB_LAST_"));
        name == "JK_WORKER_TYPE" || part.is_some_and(|part| LB.contains(&part))
    };
    match name {
        "JK_WORKER_NAME" => Ok(Note::WorkerName),
        "JK_WORKER_ROUTE" => Ok(Note::WorkerRoute),
        "JK_LB_FIRST_NAME" => Ok(Note::FirstName),
        "JK_LB_LAST_NAME" => Ok(Note::LastName),
        "JK_REQUEST_DURATION" => Ok(Note::RequestDuration),
        _ if !name.starts_with("JK_") || of_mod_jk() => Ok(Note::Other(name.to_owned())),
        _ => Err(misspelt("note", name, KEPT)),
    }
}

fn misspelt<const N: usize>(what: &str, name: &str, known: [&'static str; N]) -> Fault {
    let fault = Fault::new(format!("there is no {what} {}", quoted(name)));
    match nearest(name, known) {
        Some(near) => fault.hint(format!("did you mean {near}?")),
        None => fault.hint(format!("known are {}", one_of(known))),
    }
}
