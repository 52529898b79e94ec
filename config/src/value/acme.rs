//! Names, addresses and URLs of `acme`.

use std::net::{Ipv4Addr, Ipv6Addr};

use schemars::{Schema, json_schema};

use super::host::{LONGEST_HOST, host_name};
use crate::fault::{Fault, quoted};
use crate::field::Kind;

/// A name that a certificate is wanted for, in small letters and without a final dot.
pub(crate) enum DomainName {}

impl Kind for DomainName {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        if text.contains('*') {
            return Err(Fault::new(format!("{} is a wildcard", quoted(text))).hint(
                "tls-alpn-01 cannot prove wildcards: name each host, or give a certificate of your own",
            ));
        }
        host_name(text)?;
        let name = text.strip_suffix('.').unwrap_or(text);
        match name.parse::<Ipv4Addr>() {
            Ok(_) => Err(Fault::new(format!("{} is an address", quoted(text)))
                .hint("write the name that clients ask for, like shop.example.com")),
            Err(_) => Ok(name.to_ascii_lowercase()),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "maxLength": LONGEST_HOST + 1, "pattern": "^[A-Za-z0-9._-]*[A-Za-z_-][A-Za-z0-9._-]*$" })
    }
}

/// An address of e-mail. The authority judges it; here it must only fit a `mailto:` URL (RFC 8555 section 7.3).
pub(crate) enum Email {}

impl Kind for Email {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"!$'*+-./=^_{}~@".contains(&b);
        let parts = text.split_once('@');
        let whole = parts.is_some_and(|(user, host)| {
            !user.is_empty() && !host.contains('@') && host_name(host).is_ok()
        });
        match whole && text.len() <= LONGEST_HOST && text.bytes().all(plain) {
            true => Ok(text.to_owned()),
            false => Err(
                Fault::new(format!("{} is not an address of e-mail", quoted(text)))
                    .hint("write one like ops@example.com"),
            ),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "maxLength": LONGEST_HOST, "pattern": "^[^@]+@[^@]+$" })
    }
}

/// Longest URL of a directory, in bytes: the name of a folder is made from it.
const LONGEST_URL: usize = 200;

/// The https URL of an authority's directory (RFC 8555 section 7.1.1).
pub(crate) enum AuthorityUrl {}

impl Kind for AuthorityUrl {
    type Value = String;

    fn read(text: &str) -> Result<String, Fault> {
        let bad = |why: &str| Fault::new(format!("{} {why}", quoted(text)));
        let example = "write it as the authority does, like https://ca.example.com/directory";
        let Some(rest) = text.strip_prefix("https://") else {
            return Err(bad("is not an https url").hint(example));
        };
        if text.len() > LONGEST_URL {
            return Err(Fault::new(format!("longer than {LONGEST_URL} bytes")).hint(example));
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?[]!$&'()*+,;=%".contains(&b);
        let (authority, _) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if !text.bytes().all(plain) || !is_authority(authority) {
            return Err(bad("is not a url").hint(example));
        }
        Ok(text.to_owned())
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "maxLength": LONGEST_URL, "pattern": "^https://[^/?#@]+([/?][^#@]*)?$" })
    }
}

/// Whether a text is a host with or without a port.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let Some((address, port)) = rest.split_once(']') else {
                return false;
            };
            if address.parse::<Ipv6Addr>().is_err() {
                return false;
            }
            (
                None,
                port.strip_prefix(':').or(port.is_empty().then_some("443")),
            )
        }
        None => match text.split_once(':') {
            Some((host, port)) => (Some(host), Some(port)),
            None => (Some(text), Some("443")),
        },
    };
    let port = port.and_then(|port| port.parse::<u16>().ok());
    host.is_none_or(|host| host_name(host).is_ok()) && port.is_some_and(|port| port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_host_names() {
        for (text, name) in [
            ("Shop.Example.com", "shop.example.com"),
            ("shop.test.", "shop.test"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(DomainName::read(text).as_deref(), Ok(name));
        }
        for text in [
            "",
            "*.example.com",
            "a.*",
            "10.0.0.1",
            "[::1]",
            "a:443",
            "a b",
            "-a",
            "ö.example",
            "a..b",
            "../x",
        ] {
            assert!(DomainName::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn directories_are_https_urls() {
        for text in [
            "https://ca.example.com/directory",
            "https://ca.example.com",
            "https://ca.example.com:14000/dir?x=1",
            "https://[::1]:14000/dir",
            "https://[::1]/dir",
            "https://127.0.0.1/dir",
        ] {
            assert_eq!(AuthorityUrl::read(text).as_deref(), Ok(text));
        }
        for text in [
            "http://ca.example.com/directory",
            "ca.example.com",
            "https://",
            "https:///dir",
            "https://a@b/dir",
            "https://a/#b",
            "https://a:0/",
            "https://a:x/",
            "https://[::1/",
            "https://[::1]x/",
            "https://a/ b",
            "https://a/\"",
            "https://../x",
        ] {
            assert!(AuthorityUrl::read(text).is_err(), "{text}");
        }
        assert!(AuthorityUrl::read(&format!("https://a/{}", "x".repeat(200))).is_err());
    }

    #[test]
    fn addresses_of_e_mail_fit_a_url() {
        assert!(Email::read("ops+acme@example.com").is_ok());
        for text in [
            "", "ops", "@a", "a@", "a@b@c", "a b@c", "a?b@c", "a,b@c", "a@b c", "a%40b@c",
        ] {
            assert!(Email::read(text).is_err(), "{text}");
        }
    }
}
