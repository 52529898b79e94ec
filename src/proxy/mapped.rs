//! What a request asks for, and the mapping that decides about it. Nothing is sent, counted or logged here: `ajpgate
//! explain` asks the same function.

use ajpgate_config::Redirect;
use http::StatusCode;

use super::local::Local;
use super::locate::Located;
use super::redirect::{self, Redirected};
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
        let located = Located::of(snapshot, target.site(client), target.path)?;
        Ok(Self { target, located })
    }
}

impl Mapped<'_> {
    /// Where a redirect leads: the value of `Location`.
    pub(crate) fn redirect(&self, redirect: &Redirect, client: &Client) -> String {
        let Self { target, located } = self;
        let local = match client.local.is_ipv6() {
            true => format!("[{}]", client.local_ip),
            false => client.local_ip.clone().into(),
        };
        redirect::location(
            redirect,
            &Redirected {
                host: match target.host.name {
                    "" => &local,
                    name => name,
                },
                path: target.path,
                normal: &located.normal,
                query: target.query,
                front: &located.mapping.front,
                made: located.filled().map(|filled| filled.path.as_str()),
                own_query: located.own_query(),
                fragment: located.fragment(),
            },
        )
    }

    /// The answer of a redirect.
    pub(super) fn redirected(&self, to: &Redirect, client: &Client) -> Local {
        let status = StatusCode::from_u16(to.status).unwrap_or(StatusCode::PERMANENT_REDIRECT);
        Local::new(status).with("Location", &self.redirect(to, client))
    }
}
