//! What is known of a request, and the tokens that name it: in access-log formats, in header values and in conditions.

use crate::fault::{Fault, one_of, quoted};
use crate::nearest::nearest;
use crate::tls_fact::TlsFact;
use crate::tokens::Token;
use crate::variable::Variable;

/// Something that is known of a request, or is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// `%a`: the client's address, behind trusted proxies too.
    ClientAddress,
    /// `%u`: the user that the gateway has authenticated.
    User,
    /// `%{NAME}e`
    Variable(Variable),
    /// `%{NAME}i`: a field of the request, as the client sent it; the name is in lower case.
    RequestHeader(String),
    /// `%{NAME}C`: a cookie of the request; its name is compared without case.
    Cookie(String),
    /// `%{SSL_…}x`: what TLS has agreed with the client.
    Tls(TlsFact),
}

impl Fact {
    /// The fact that a token names; `None` when the token names something else. Conditions on the status are not looked at.
    pub(crate) fn of(token: &Token) -> Result<Option<Self>, Fault> {
        let fact = match (token.letter.as_str(), token.argument.as_deref()) {
            ("a", None) => Self::ClientAddress,
            ("u", None) => Self::User,
            ("e" | "i" | "C" | "x", None | Some("")) => {
                let written = quoted(&token.written);
                return Err(Fault::new(format!("{written} needs a name"))
                    .hint(format!("write %{{NAME}}{}", token.letter)));
            }
            ("e", Some(name)) => Self::Variable(variable(name)?),
            ("i", Some(name)) => Self::RequestHeader(name.to_ascii_lowercase()),
            ("C", Some(name)) => Self::Cookie(name.to_owned()),
            ("x", Some(name)) => Self::Tls(tls(name)?),
            _ => return Ok(None),
        };
        Ok(Some(fact))
    }
}

fn variable(name: &str) -> Result<Variable, Fault> {
    let known = || Variable::ALL.into_iter().map(Variable::name);
    Variable::from_name(name).ok_or_else(|| {
        let fault = Fault::new(format!("there is no variable {}", quoted(name)));
        match nearest(name, known()) {
            Some(near) => fault.hint(format!("did you mean %{{{near}}}e?")),
            None => fault.hint(format!("the variables are {}", one_of(known()))),
        }
    })
}

fn tls(name: &str) -> Result<TlsFact, Fault> {
    TlsFact::from_name(name).ok_or_else(|| {
        let fault = Fault::new(format!("there is no variable {} of TLS", quoted(name)));
        match nearest(name, TlsFact::names()) {
            Some(near) => fault.hint(format!("did you mean %{{{near}}}x?")),
            None => fault.hint(format!("known are {}", one_of(TlsFact::names()))),
        }
    })
}
