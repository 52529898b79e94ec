//! A request whose mapping, balancer and session are known: what stays the same in all its attempts.

use std::sync::Arc;

use super::plan::Plan;
use super::session::Wanted;
use crate::client::{Believed, Client};
use crate::connection_state::ConnectionState;
use crate::facts::Facts;
use crate::head::RequestHead;
use crate::headers::Nominated;
use crate::identity::User;
use crate::state::LiveBalancer;
use crate::variables::Variables;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct RoutedRequest<'a> {
    pub(crate) head: &'a RequestHead,
    pub(crate) plan: &'a Plan<'a>,
    /// The session that the request names.
    pub(crate) wanted: &'a Wanted<'a>,
    pub(crate) client: &'a Client,
    pub(crate) nominated: &'a Nominated<'a>,
    /// The client's connection.
    pub(crate) connection: &'a Arc<ConnectionState>,
    /// Who the user is.
    pub(crate) user: Option<&'a User>,
    /// Who may write the fields that say who a user is.
    pub(crate) believed: Believed<'a>,
    /// The protocol that the client asks to switch to.
    pub(crate) upgrade: Option<&'a str>,
}

impl RoutedRequest<'_> {
    /// What is known of the request, with the variables of this moment.
    pub(super) fn facts<'f>(&'f self, variables: &'f Variables) -> Facts<'f> {
        Facts {
            head: Some(self.head),
            client: self.client,
            variables,
            user: self.user.map(|user| &*user.name),
            believed: Some(self.believed),
        }
    }

    pub(super) fn balancer(&self) -> &Arc<LiveBalancer> {
        &self.plan.to.balancer
    }
}
