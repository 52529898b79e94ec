//! Values with `%{…}e` in them: `request_headers`, `response_headers`, `request_attributes`.

use crate::model::Variable;

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
