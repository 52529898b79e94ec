//! The configuration of ajpgate: YAML text to a validated model, every problem with its line.

pub mod log_format;
pub mod model;
pub mod template;

pub use log_format::LogFormat;
pub use model::*;
pub use template::{Piece, Template};
