//! Words of a fixed list.

use schemars::{Schema, json_schema};

use crate::fault::{Fault, one_of, quoted};
use crate::field::Kind;
use crate::model::{
    CertificateName, ClientAuth, EncodedSlash, HealthMethod, LbMethod, Level, RatePer, RouteRule,
    SameSite, Scheme, TlsVersion,
};
use crate::nearest::nearest;

/// A value that is chosen by a word.
pub(crate) trait Keyword: Copy + 'static {
    /// All words, in the order of the manual.
    fn words() -> Vec<(&'static str, Self)>;
}

/// Words that are read as `off`.
const NO: [&str; 4] = ["false", "no", "none", "disabled"];

/// A scalar that is one of the words of `T`.
pub(crate) struct Word<T>(std::marker::PhantomData<T>);

impl<T: Keyword> Kind for Word<T> {
    type Value = T;

    fn read(text: &str) -> Result<T, Fault> {
        let words = T::words();
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Ok(*value);
        }
        let known = || words.iter().map(|(word, _)| *word);
        let fault = Fault::new(format!("{} is not {}", quoted(text), one_of(known())));
        let off = known().find(|word| *word == "off" && NO.contains(&text));
        Err(match nearest(text, known()).or(off) {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault.hint("write one of these"),
        })
    }

    fn schema() -> Schema {
        let words: Vec<_> = T::words().into_iter().map(|(word, _)| word).collect();
        json_schema!({ "type": "string", "enum": words })
    }
}

/// `true` or `false`.
pub(crate) enum Switch {}

impl Kind for Switch {
    type Value = bool;

    fn read(text: &str) -> Result<bool, Fault> {
        let meant = match text {
            "true" | "True" | "TRUE" => return Ok(true),
            "false" | "False" | "FALSE" => return Ok(false),
            _ => match text.to_ascii_lowercase().as_str() {
                "on" | "yes" | "1" => "write true",
                "off" | "no" | "0" => "write false",
                _ => "write true or false",
            },
        };
        Err(Fault::new(format!("{} is neither true nor false", quoted(text))).hint(meant))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "boolean" })
    }
}

/// `off` in place of a map of keys.
pub(crate) enum Off {}

impl Kind for Off {
    type Value = ();

    fn read(text: &str) -> Result<(), Fault> {
        match text {
            "off" | "Off" | "false" | "False" | "FALSE" => Ok(()),
            _ => Err(
                Fault::new(format!("{} is neither off nor a map of keys", quoted(text)))
                    .hint("write `off` for none"),
            ),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "enum": ["off", false] })
    }
}

/// A flag of `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flag {
    Disabled,
    Stopped,
    HotStandby,
    HotSpare,
    Drain,
    IgnoreErrors,
}

impl Keyword for Flag {
    fn words() -> Vec<(&'static str, Self)> {
        vec![
            ("disabled", Self::Disabled),
            ("stopped", Self::Stopped),
            ("hot_standby", Self::HotStandby),
            ("hot_spare", Self::HotSpare),
            ("drain", Self::Drain),
            ("ignore_errors", Self::IgnoreErrors),
        ]
    }
}

/// `tls.verify` of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verify {
    Full,
    Off,
}

impl Keyword for Verify {
    fn words() -> Vec<(&'static str, Self)> {
        vec![("full", Self::Full), ("off", Self::Off)]
    }
}

impl Keyword for RouteRule {
    fn words() -> Vec<(&'static str, Self)> {
        vec![
            ("learn", Self::Learn),
            ("label", Self::Label),
            ("address", Self::Address),
        ]
    }
}

impl Keyword for Scheme {
    fn words() -> Vec<(&'static str, Self)> {
        [Self::Ajp, Self::Http, Self::Https, Self::Ftp, Self::Ftps]
            .into_iter()
            .map(|scheme| (scheme.name(), scheme))
            .collect()
    }
}

impl Keyword for LbMethod {
    fn words() -> Vec<(&'static str, Self)> {
        Self::ALL
            .into_iter()
            .map(|method| (method.name(), method))
            .collect()
    }
}

impl Keyword for ClientAuth {
    fn words() -> Vec<(&'static str, Self)> {
        vec![
            ("none", Self::None),
            ("optional", Self::Optional),
            ("required", Self::Required),
        ]
    }
}

impl Keyword for TlsVersion {
    fn words() -> Vec<(&'static str, Self)> {
        vec![("1.2", Self::Tls12), ("1.3", Self::Tls13)]
    }
}

impl Keyword for CertificateName {
    fn words() -> Vec<(&'static str, Self)> {
        vec![
            ("CN", Self::CommonName),
            ("DN", Self::DistinguishedName),
            ("email", Self::Email),
            ("upn", Self::PrincipalName),
        ]
    }
}

impl Keyword for RatePer {
    fn words() -> Vec<(&'static str, Self)> {
        vec![
            ("client", Self::Client),
            ("user", Self::User),
            ("mapping", Self::Mapping),
        ]
    }
}

impl Keyword for EncodedSlash {
    fn words() -> Vec<(&'static str, Self)> {
        vec![("refuse", Self::Refuse), ("pass", Self::Pass)]
    }
}

impl Keyword for SameSite {
    fn words() -> Vec<(&'static str, Self)> {
        vec![
            ("strict", Self::Strict),
            ("lax", Self::Lax),
            ("none", Self::None),
        ]
    }
}

impl Keyword for HealthMethod {
    fn words() -> Vec<(&'static str, Self)> {
        vec![
            ("cping", Self::Cping),
            ("tcp", Self::Tcp),
            ("options", Self::Options),
            ("head", Self::Head),
            ("get", Self::Get),
        ]
    }
}

impl Keyword for Level {
    fn words() -> Vec<(&'static str, Self)> {
        vec![
            ("error", Self::Error),
            ("warn", Self::Warn),
            ("info", Self::Info),
            ("debug", Self::Debug),
            ("trace", Self::Trace),
        ]
    }
}
