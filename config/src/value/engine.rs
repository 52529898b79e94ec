//! The URL of a Valkey or Redis. Messages never quote it, because it may hold a password.

use schemars::{Schema, json_schema};

use super::control::no_control_characters;
use super::secret::Password;
use super::url::host_and_port;
use crate::fault::Fault;
use crate::field::Kind;
use crate::model::{EngineUrl as Url, Secret};

/// The port of a URL that names none.
const PORT: u16 = 6379;

/// `url` of `cluster`.
pub(crate) enum EngineUrl {}

impl Kind for EngineUrl {
    type Value = Url;

    fn read(text: &str) -> Result<Url, Fault> {
        let form = "write redis://HOST:6379/0, or rediss:// for TLS";
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(Fault::new("is not the url of an engine").hint(form));
        };
        let secure = match scheme {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(Fault::new("is not the url of a Valkey or Redis").hint(form)),
        };
        if rest.contains(['?', '#']) {
            return Err(Fault::new("the url has no place for a query or fragment")
                .hint("`tls` is a key of its own; in a password write ? as %3F and # as %23"));
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if path.contains('@') {
            return Err(Fault::new("user and password end before the first slash")
                .hint("in a password write / as %2F, : as %3A and @ as %40"));
        }
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, authority),
        };
        let (user, password) = login.map_or(Ok((None, None)), credentials)?;
        let (host, port) = host_and_port(place)?;
        Ok(Url {
            secure,
            user,
            password,
            host,
            port: port.unwrap_or(PORT),
            database: database(path)?,
        })
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^(redis|valkey)s?://([^/?#]*@)?[^/?#@]+(/[0-9]*)?$" })
    }
}

/// `user:password`, `:password` or, as some write it, `user`.
fn credentials(login: &str) -> Result<(Option<String>, Option<Secret>), Fault> {
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (user, Some(decoded(password)?)),
        None => (login, None),
    };
    let user = decoded(user)?;
    no_control_characters(&user)?;
    let password = password.filter(|it| !it.is_empty());
    let password = password.map(|it| Password::read(&it)).transpose()?;
    if password.is_none() && !user.is_empty() {
        return Err(Fault::new("there is a user and no password")
            .hint("write redis://:PASSWORD@HOST for the default user"));
    }
    Ok(((!user.is_empty()).then_some(user), password))
}

/// Percent-encoding undone (RFC 3986 section 2.1).
fn decoded(text: &str) -> Result<String, Fault> {
    let bad = || Fault::new("user or password has a % that is no escape").hint("write % as %25");
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let value = digit().zip(digit()).map(|(high, low)| high * 16 + low);
        let value = value.and_then(|value| u8::try_from(value).ok());
        bytes.push(value.ok_or_else(bad)?);
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

fn database(path: &str) -> Result<u16, Fault> {
    let path = path.strip_suffix('/').unwrap_or(path);
    match path.parse() {
        _ if path.is_empty() => Ok(0),
        Ok(number) if path.bytes().all(|b| b.is_ascii_digit()) => Ok(number),
        _ => Err(
            Fault::new("what follows the host is no number of a database")
                .hint("write redis://HOST:6379/0"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Url, Fault> {
        EngineUrl::read(text)
    }

    #[test]
    fn an_engine_has_host_port_database_and_perhaps_a_login() {
        let url = read("redis://10.0.0.9:6380/3").unwrap();
        assert_eq!(url.to_string(), "redis://10.0.0.9:6380/3");
        assert_eq!((url.secure, url.database), (false, 3));
        let url = read("rediss://u:p%40s%2Fs@engine").unwrap();
        assert_eq!(url.to_string(), "rediss://engine:6379/0");
        assert_eq!(url.user.as_deref(), Some("u"));
        assert_eq!(url.password.as_ref().map(Secret::expose), Some("p@s/s"));
        assert!(!format!("{url:?}").contains("p@s/s"));
        let url = read("valkeys://:secret@[::1]:1/").unwrap();
        assert_eq!(url.to_string(), "rediss://[::1]:1/0");
        assert_eq!(url.user, None);
    }

    #[test]
    fn no_message_quotes_a_password() {
        for bad in [
            "redis://u:hush@h:70000/0",
            "redis://u:hush@h/x",
            "redis://u:hush/y@h/0",
            "redis://u:hush%zz@h/0",
            "redis://u:hush@h/0?timeout=1",
            "http://u:hush@h/0",
            "hush",
            "redis://hush@h",
            "redis://u:hush@",
        ] {
            let fault = read(bad).unwrap_err();
            assert!(!fault.message.contains("hush"), "{bad}: {}", fault.message);
            let hint = fault.hint.unwrap_or_default();
            assert!(!hint.contains("hush"), "{bad}: {hint}");
        }
    }
}
