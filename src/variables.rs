//! The balancer variables of one request, and the values that are made of them.

use std::sync::Arc;

use ajpgate_config::{Piece, Template, Variable};

/// Set as `mod_proxy_balancer.c` sets them: the session's when a route was parsed, the worker's with each
/// attempt, `BALANCER_ROUTE_CHANGED` when the client has to be told where its session is now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables {
    pub(crate) session_sticky: Option<Arc<str>>,
    pub(crate) session_route: Option<Box<str>>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) worker_name: Option<Arc<str>>,
    pub(crate) worker_route: Option<Arc<str>>,
    pub(crate) route_changed: bool,
}

impl Variables {
    /// The value of a variable, `None` when it is unset.
    pub(crate) fn get(&self, variable: Variable) -> Option<&str> {
        match variable {
            Variable::SessionSticky => self.session_sticky.as_deref(),
            Variable::SessionRoute => self.session_route.as_deref(),
            Variable::Name => self.name.as_deref(),
            Variable::WorkerName => self.worker_name.as_deref(),
            Variable::WorkerRoute => self.worker_route.as_deref(),
            Variable::RouteChanged => self.route_changed.then_some("1"),
        }
    }

    /// A template with the values filled in.
    pub(crate) fn render(&self, template: &Template) -> String {
        template
            .pieces()
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.as_str(),
                Piece::Variable(variable) => self.get(*variable).unwrap_or_default(),
            })
            .collect()
    }
}
