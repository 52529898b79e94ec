//! The request path: one request from its head to its answer's last byte.
//!
//! [`handle`] is the whole of it, top down; the other files are its steps.

mod answer_body;
mod ask;
mod attempt;
mod attempts;
mod destination;
mod enter;
mod files;
mod finish;
mod for_member;
mod handle;
mod interim;
mod local;
mod locate;
mod mapped;
mod member_answer;
mod own_cookie;
mod plan;
mod record;
mod redirect;
mod refusal;
mod reverse;
mod route_check;
mod routed;
mod rules;
mod session;
mod target;
mod tracked;
mod upgrade;
mod verdict;

pub(crate) use self::handle::handle;
pub(crate) use self::locate::Located;
pub(crate) use self::mapped::Mapped;
pub(crate) use self::plan::Plan;
pub(crate) use self::record::{Came, refused};
pub(crate) use self::refusal::Refusal;
pub(crate) use self::session::{Session, Wanted};
pub(crate) use self::tracked::Tracked;
