//! What a request asks for, and the mapping that decides about it. Nothing is sent, counted or logged here: `ajpgate
//! explain` asks the same function.

use super::locate::Located;
use super::refusal::Refusal;
use super::target::Target;
use crate::client::Client;
use crate::head::RequestHead;
use crate::state::Snapshot;

/// A request whose mapping is known.
#[derive(Debug)]
pub(crate) struct Mapped<'a> {
    pub(crate) target: Target<'a>,
    pub(crate) located: Located<'a>,
}

impl<'a> Mapped<'a> {
    /// Checks the target and finds its mapping, on the path that Tomcat will see.
    ///
    /// # Errors
    /// A target that no server is asked for, that is excluded, or that no mapping takes.
    pub(crate) fn of(
        snapshot: &'a Snapshot,
        head: &'a RequestHead,
        client: &'a Client,
    ) -> Result<Self, Refusal> {
        let target = Target::of(head, client)?;
        if target.path == "*" {
            return Err(Refusal::Options);
        }
        let located = Located::of(snapshot, target.host.text, target.path)?;
        Ok(Self { target, located })
    }
}
