//! A request whose mapping, balancer and session are known: what stays the same in all its attempts.

use std::sync::Arc;

use super::plan::Plan;
use super::session::Wanted;
use crate::client::Client;
use crate::connection_state::ConnectionState;
use crate::facts::Facts;
use crate::head::RequestHead;
use crate::headers::Passing;
use crate::identity::User;
use crate::state::{LiveBalancer, Snapshot};
use crate::variables::Variables;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct RoutedRequest<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) head: &'a RequestHead,
    pub(crate) plan: &'a Plan<'a>,
    /// The session that the request names.
    pub(crate) wanted: &'a Wanted<'a>,
    /// Which of the client's fields go on.
    pub(crate) passing: Passing<'a>,
    /// The client's connection.
    pub(crate) connection: &'a Arc<ConnectionState>,
    /// Who the user is.
    pub(crate) user: Option<&'a User>,
    /// The protocol that the client asks to switch to.
    pub(crate) upgrade: Option<&'a str>,
}

impl<'a> RoutedRequest<'a> {
    pub(super) const fn client(&self) -> &'a Client {
        self.passing.client
    }

    /// What is known of the request, with the variables of this moment.
    pub(super) fn facts<'f>(&'f self, variables: &'f Variables) -> Facts<'f> {
        Facts {
            head: Some(self.head),
            client: self.client(),
            variables,
            user: self.user.map(|user| &*user.name),
            believed: Some(self.passing.believed),
        }
    }

    pub(super) fn balancer(&self) -> &Arc<LiveBalancer> {
        &self.plan.to.balancer
    }
}
