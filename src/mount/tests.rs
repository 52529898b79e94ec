//! Tables and properties of paths.

mod normal;
mod properties;
mod rewrite;
mod table;

use super::*;
