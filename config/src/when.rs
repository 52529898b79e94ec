//! `when`: under which condition a header rule counts.

use schemars::{Schema, json_schema};

use crate::fact::Fact;
use crate::fault::{Fault, one_of, quoted};
use crate::field::Kind;
use crate::nearest::nearest;
use crate::tokens::{self, Part};
use crate::variable::Variable;

/// A condition: a fact of the request is known, or is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    /// What has to be known.
    pub fact: Fact,
    /// Whether it must not be known: `!` before it, as in httpd's `env=!NAME`.
    pub negated: bool,
}

/// A variable, or one token such as `%{X-Debug}i`; `!` before it turns the condition round.
pub(crate) enum Condition {}

impl Kind for Condition {
    type Value = When;

    fn read(text: &str) -> Result<When, Fault> {
        let (negated, wanted) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let fact = match wanted.contains('%') {
            true => token(wanted)?,
            false => Fact::Variable(variable(wanted)?),
        };
        Ok(When { fact, negated })
    }

    fn schema() -> Schema {
        let plain = Variable::ALL.map(Variable::name);
        let negated = plain.map(|name| format!("!{name}"));
        let words: Vec<_> = plain
            .into_iter()
            .map(str::to_owned)
            .chain(negated)
            .collect();
        json_schema!({ "anyOf": [
            { "type": "string", "enum": words },
            { "type": "string", "pattern": "^!?%" },
        ]})
    }
}

const HINT: &str = "write the name of a variable, or one token like \"%{X-Debug}i\"";

fn token(text: &str) -> Result<Fact, Fault> {
    let parts = tokens::parts(text)?;
    let [Part::Token(token)] = parts.as_slice() else {
        return Err(Fault::new(format!("{} is not one token", quoted(text))).hint(HINT));
    };
    let fact = match token.condition {
        None => Fact::of(token)?,
        Some(_) => None,
    };
    fact.ok_or_else(|| {
        Fault::new(format!("{} means nothing here", quoted(&token.written))).hint(HINT)
    })
}

fn variable(name: &str) -> Result<Variable, Fault> {
    let names = || Variable::ALL.into_iter().map(Variable::name);
    Variable::from_name(name).ok_or_else(|| {
        let fault = Fault::new(format!("{} is not {}", quoted(name), one_of(names())));
        match nearest(name, names()) {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault.hint(HINT),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_tokens_are_conditions() {
        for (text, fact, negated) in [
            ("HTTPS", Fact::Variable(Variable::Https), false),
            (
                "!BALANCER_ROUTE_CHANGED",
                Fact::Variable(Variable::RouteChanged),
                true,
            ),
            (
                "%{X-Debug}i",
                Fact::RequestHeader("x-debug".to_owned()),
                false,
            ),
            ("!%{seen}C", Fact::Cookie("seen".to_owned()), true),
            ("%u", Fact::User, false),
        ] {
            assert_eq!(Condition::read(text), Ok(When { fact, negated }), "{text}");
        }
    }

    #[test]
    fn what_is_no_condition() {
        for (text, message) in [
            ("%{X}i%{Y}i", "\"%{X}i%{Y}i\" is not one token"),
            ("x%{X}i", "\"x%{X}i\" is not one token"),
            ("%D", "\"%D\" means nothing here"),
            ("%404{X}i", "\"%404{X}i\" means nothing here"),
            ("%{SSL_CIFER}x", "there is no variable \"SSL_CIFER\" of TLS"),
        ] {
            let fault = Condition::read(text).expect_err(text);
            assert_eq!(fault.message, message, "{text}");
        }
        let fault = Condition::read("HTTP").expect_err("HTTP");
        assert_eq!(fault.hint.as_deref(), Some("did you mean `HTTPS`?"));
    }
}
