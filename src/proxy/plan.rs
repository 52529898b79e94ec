//! What the head of a request says about where it is sent. Nothing is sent, counted or logged here: `ajpgate explain`
//! makes the same plan.

use std::borrow::Cow;

use super::destination::Destination;
use super::locate::Located;
use super::mapped::Mapped;
use super::redirect::joined;
use super::refusal::Refusal;
use super::session::Wanted;
use super::target::Target;
use crate::client::Client;
use crate::head::RequestHead;
use crate::mount::{Front, Normal};
use crate::state::{LiveMapping, LiveMember, LiveTarget, Snapshot};

/// Where a request is sent, as far as its head says.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) target: Target<'a>,
    /// The path that the mapping was decided on.
    pub(crate) normal: &'a Normal<'a>,
    pub(crate) mapping: &'a LiveMapping,
    pub(crate) to: &'a LiveTarget,
    located: &'a Located<'a>,
    /// The query that the backend gets.
    pub(crate) query: Option<Cow<'a, str>>,
    /// Where COPY and MOVE lead.
    pub(crate) destination: Option<Box<Destination<'a>>>,
}

impl<'a> Plan<'a> {
    /// The plan for a mapping that sends its requests to `to`.
    ///
    /// # Errors
    /// A Destination that does not fit.
    pub(crate) fn new(
        snapshot: &'a Snapshot,
        mapped: &'a Mapped<'a>,
        to: &'a LiveTarget,
        head: &'a RequestHead,
        client: &'a Client,
    ) -> Result<Self, Refusal> {
        let Mapped { target, located } = mapped;
        Ok(Self {
            destination: Destination::of(snapshot, head, target, to, client)?,
            query: joined(located.own_query(), target.query),
            located,
            target: *target,
            normal: &located.normal,
            mapping: located.mapping,
            to,
        })
    }

    /// What the backend sees in place of the mapping's path: empty or `/app`.
    pub(crate) fn back<'m>(&'m self, member: &'m LiveMember) -> Cow<'m, str> {
        self.to.back(member)
    }

    /// The part of the path sent that a client must not leave: empty or `/app`.
    pub(crate) fn root<'m>(&'m self, member: &'m LiveMember) -> Cow<'m, str> {
        let back = self.back(member);
        match &self.located.made {
            Some(made) if made.path.is_some() => Cow::Owned(format!("{back}{}", made.folder)),
            _ => back,
        }
    }

    /// The part of the client's path and the part of the path sent that stand for each other, when the member sees `back`.
    pub(crate) fn undone<'m>(&'m self, back: &'m str) -> (&'m Front, Cow<'m, str>) {
        match self.located.filled() {
            Some(filled) => (&filled.front, Cow::Owned(format!("{back}{}", filled.back))),
            None => (&self.mapping.front, Cow::Borrowed(back)),
        }
    }

    /// The path that the backend gets.
    pub(crate) fn path_sent(&self, back: &str) -> Cow<'_, str> {
        self.located.path_sent(back)
    }

    /// What the backend gets as `Destination` of COPY and MOVE.
    pub(crate) fn destination_sent(&self, member: &LiveMember) -> Option<String> {
        let destination = self.destination.as_ref()?;
        destination.sent(member, self.host_sent(member))
    }

    /// What the backend gets as Host.
    pub(crate) fn host_sent<'h>(&'h self, member: &'h LiveMember) -> &'h str {
        if self.mapping.preserve_host {
            self.target.host.text
        } else {
            &member.authority
        }
    }

    /// Finds the session that the request names.
    pub(crate) fn session(&self, head: &'a RequestHead) -> Wanted<'a> {
        Wanted::of(&self.to.balancer, &self.target, head)
    }
}
