//! The configuration of ajpgate: reads YAML text into a validated model and reports every problem with its line.
//!
//! ```
//! use std::path::Path;
//!
//! let text = "
//! listeners:
//!   - bind: 0.0.0.0:8080
//! balancers:
//!   tomcats:
//!     members:
//!       - { url: 'ajp://10.0.0.11:8009', route: node1, max: ${POOL:-50} }
//! proxy_pass:
//!   - { path: /, to: 'balancer://tomcat/' }
//! ";
//! # let text = &text.replace("${POOL:-50}", "'${POOL:-50}'");
//! let problems = ajpgate_config::parse(text, Path::new("ajpgate.yaml"), &|_| None).unwrap_err();
//! let lines: Vec<String> = problems.headlines().collect();
//! assert_eq!(lines, ["ajpgate.yaml:9:20: to: there is no balancer \"tomcat\""]);
//! ```
//!
//! From text to model: `parse` and `places` read the text, `node` is the tree of it, `environment` fills in `${…}`,
//! `read` makes the structs of `file` from the tree, `build` checks rules about several values and fills in the
//! [`defaults`].

mod build;
mod change;
pub mod convert;
pub mod defaults;
mod document;
mod environment;
mod fact;
mod fault;
mod field;
mod file;
mod files;
mod include;
mod input;
mod json;
mod load;
pub mod log_format;
mod member_files;
pub mod model;
mod nearest;
mod node;
mod pages;
mod parse;
mod pattern;
mod places;
mod problem;
mod read;
mod report;
mod schema;
mod starts;
mod strict;
pub mod template;
mod text;
mod tls_fact;
mod tokens;
mod unknown_key;
mod value;
mod variable;
mod when;

pub use change::{
    api_schemas, balancer_change_from_json, member_change_from_json, member_from_json,
    parse_balancer_change, parse_member_change,
};
pub use document::MAX_FILE_SIZE;
pub use fact::Fact;
pub use input::{Input, InputError, fingerprint, read_file};
pub use load::{Examined, Loaded, examine, load, load_admin, parse, parse_member, parse_source};
pub use log_format::LogFormat;
pub use member_files::{ListedMember, parse_members};
pub use model::*;
pub use pattern::{CapturePart, CaptureText, PathPattern};
pub use problem::{Problem, Problems, Severity};
pub use schema::schema;
pub use template::{Piece, Template};
pub use tls_fact::TlsFact;
pub use value::{Pattern, is_route, place_of};
pub use variable::Variable;
pub use when::When;
