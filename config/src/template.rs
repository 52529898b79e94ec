//! Values with tokens in them: `request_headers`, `response_headers`, `request_attributes`.

use schemars::{Schema, json_schema};

use crate::fact::Fact;
use crate::fault::{Fault, quoted};
use crate::field::Kind;
use crate::tokens::{self, Part};

/// A text in which facts of a request are filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// A part of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text as it stands.
    Text(String),
    /// The fact's value; nothing when it is not known.
    Fact(Fact),
    /// `$0` to `$9`: what a group of the rule's regular expression has found, 0 being all of it.
    Group(usize),
}

impl Template {
    /// The parts in order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The same with the `$0` to `$9` in its texts taken for groups, as `util.c: ap_pregsub()` takes them:
    /// `\` before any character is that character, and any other `$` is a dollar sign. What a token stands for is filled in as
    /// it is.
    #[must_use]
    pub fn with_groups(self) -> Self {
        let pieces = self.pieces.into_iter().flat_map(|piece| match piece {
            Piece::Text(text) => groups(&text),
            other => vec![other],
        });
        Self {
            pieces: pieces.collect(),
        }
    }
}

/// A text with its groups.
fn groups(text: &str) -> Vec<Piece> {
    let (mut pieces, mut plain) = (Vec::new(), String::new());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let digit = chars.peek().and_then(|next| next.to_digit(10));
        match (c, digit) {
            ('$', Some(digit)) => {
                chars.next();
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Group(usize::try_from(digit).unwrap_or_default()));
            }
            ('\\', _) => plain.push(chars.next().unwrap_or(c)),
            _ => plain.push(c),
        }
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    pieces
}

/// A header value or attribute value: text, tokens of [`Fact`], and `%%` for a percent sign.
pub(crate) enum TemplateText {}

impl Kind for TemplateText {
    type Value = Template;

    fn read(text: &str) -> Result<Template, Fault> {
        if let Some(at) = text.chars().position(|c| c.is_control() && c != '\t') {
            return Err(Fault::new("contains a control character")
                .hint("a value is one line")
                .at(at));
        }
        let mut pieces = Vec::new();
        for part in tokens::parts(text)? {
            pieces.push(match part {
                Part::Text(text) => Piece::Text(text),
                Part::Token(token) => {
                    Piece::Fact(fact(&token).map_err(|fault| fault.at(token.at))?)
                }
            });
        }
        Ok(Template { pieces })
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string" })
    }
}

fn fact(token: &tokens::Token) -> Result<Fact, Fault> {
    let fact = match token.condition {
        None => Fact::of(token)?,
        Some(_) => None,
    };
    fact.ok_or_else(|| {
        Fault::new(format!("{} means nothing here", quoted(&token.written))).hint(
            "values take %{VARIABLE}e, %{FIELD}i, %{COOKIE}C, %{SSL_…}x, %a, %u, and %% for a percent sign",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variable::Variable;

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    fn read(source: &str) -> Result<Vec<Piece>, Fault> {
        TemplateText::read(source).map(|template| template.pieces)
    }

    #[test]
    fn pieces_in_order() {
        assert_eq!(read(""), Ok(vec![]));
        assert_eq!(read("100%%"), Ok(vec![text("100%")]));
        assert_eq!(
            read("ROUTEID=.%{BALANCER_WORKER_ROUTE}e; path=/"),
            Ok(vec![
                text("ROUTEID=."),
                Piece::Fact(Fact::Variable(Variable::WorkerRoute)),
                text("; path=/"),
            ])
        );
        assert_eq!(
            read("%a %u %{X-Tenant}i"),
            Ok(vec![
                Piece::Fact(Fact::ClientAddress),
                text(" "),
                Piece::Fact(Fact::User),
                text(" "),
                Piece::Fact(Fact::RequestHeader("x-tenant".to_owned())),
            ])
        );
    }

    #[test]
    fn groups_are_found_as_httpd_finds_them() {
        for (source, expected) in [
            (
                "$1; SameSite=Lax",
                vec![Piece::Group(1), text("; SameSite=Lax")],
            ),
            ("$10", vec![Piece::Group(1), text("0")]),
            (r"\$1 \\ \a", vec![text(r"$1 \ a")]),
            ("$ $x $", vec![text("$ $x $")]),
            (r"a\", vec![text(r"a\")]),
            (
                "%{X}i$2",
                vec![
                    Piece::Fact(Fact::RequestHeader("x".to_owned())),
                    Piece::Group(2),
                ],
            ),
        ] {
            let template = TemplateText::read(source).expect(source).with_groups();
            assert_eq!(template.pieces, expected, "{source}");
        }
    }

    #[test]
    fn what_is_not_a_fact() {
        for (source, message, at) in [
            ("a%", "a percent sign stands alone", 1),
            (
                "%{BALANCER_NAM}e",
                "there is no variable \"BALANCER_NAM\"",
                0,
            ),
            ("x %{Host}o", "\"%{Host}o\" means nothing here", 2),
            ("x %i", "\"%i\" needs a name", 2),
            (
                "x %{SSL_CIPHR}x",
                "there is no variable \"SSL_CIPHR\" of TLS",
                2,
            ),
            ("%404{Host}i", "\"%404{Host}i\" means nothing here", 0),
            ("%D", "\"%D\" means nothing here", 0),
            ("%{BALANCER_NAME", "`{` is not closed", 1),
            ("a\nb", "contains a control character", 1),
        ] {
            let fault = TemplateText::read(source).expect_err(source);
            assert_eq!((&*fault.message, fault.at), (message, Some(at)), "{source}");
        }
    }
}
