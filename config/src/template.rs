//! Values with `%{…}e` in them: `request_headers`, `response_headers`, `request_attributes`.

use schemars::{Schema, json_schema};

use crate::fault::{Fault, one_of, quoted};
use crate::field::Kind;
use crate::nearest::nearest;
use crate::tokens::{self, Part};
use crate::variable::Variable;

/// A text in which balancer variables are filled in for each request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// A part of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text as it stands.
    Text(String),
    /// The variable's value; nothing when it is unset.
    Variable(Variable),
}

impl Template {
    /// The parts in order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }
}

/// A header value or attribute value: text, `%{VARIABLE}e`, and `%%` for a percent sign.
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
                Part::Token(token) => Piece::Variable(variable(&token)?),
            });
        }
        Ok(Template { pieces })
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string" })
    }
}

fn variable(token: &tokens::Token) -> Result<Variable, Fault> {
    let names = || Variable::ALL.into_iter().map(Variable::name);
    let plain = token.condition.is_none();
    let name = match (token.letter.as_str(), &token.argument) {
        ("e", Some(name)) if plain => name,
        _ => {
            return Err(
                Fault::new(format!("{} means nothing here", quoted(&token.written)))
                    .hint("values take %{VARIABLE}e and %%, which is a percent sign")
                    .at(token.at),
            );
        }
    };
    Variable::from_name(name).ok_or_else(|| {
        let fault = Fault::new(format!("there is no variable {}", quoted(name))).at(token.at);
        match nearest(name, names()) {
            Some(near) => fault.hint(format!("did you mean %{{{near}}}e?")),
            None => fault.hint(format!("the variables are {}", one_of(names()))),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    #[test]
    fn pieces_in_order() {
        let read = |source| TemplateText::read(source).map(|template| template.pieces);
        assert_eq!(read(""), Ok(vec![]));
        assert_eq!(read("100%%"), Ok(vec![text("100%")]));
        assert_eq!(
            read("ROUTEID=.%{BALANCER_WORKER_ROUTE}e; path=/"),
            Ok(vec![
                text("ROUTEID=."),
                Piece::Variable(Variable::WorkerRoute),
                text("; path=/"),
            ])
        );
    }

    #[test]
    fn what_is_not_a_variable() {
        for (source, message, at) in [
            ("a%", "a percent sign stands alone", 1),
            (
                "%{BALANCER_NAM}e",
                "there is no variable \"BALANCER_NAM\"",
                0,
            ),
            ("x %{Host}i", "\"%{Host}i\" means nothing here", 2),
            ("%D", "\"%D\" means nothing here", 0),
            ("%{BALANCER_NAME", "`{` is not closed", 1),
            ("a\nb", "contains a control character", 1),
        ] {
            let fault = TemplateText::read(source).expect_err(source);
            assert_eq!((&*fault.message, fault.at), (message, Some(at)), "{source}");
        }
    }
}
