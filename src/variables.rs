//! The variables of one request. Only `when` decides by them.

use std::sync::{Arc, OnceLock};

use ajpgate_config::Variable;

use crate::random;

/// Set as `mod_proxy_balancer.c` sets them: the session's when a route was parsed and a member was chosen, the
/// worker's with each attempt, `BALANCER_ROUTE_CHANGED` when the client has to be told where its session is now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables {
    /// The name that the session stood under, whether or not a member was chosen.
    pub(crate) session_sticky: Option<Arc<str>>,
    /// The route that the session asked for, whether or not a member was chosen.
    pub(crate) session_route: Option<Arc<str>>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) worker_name: Option<Arc<str>>,
    pub(crate) worker_route: Option<Arc<str>>,
    pub(crate) route_changed: bool,
    /// Whether the client's scheme is https.
    pub(crate) https: bool,
    /// `TRACE_ID` of a request that the gateway traces.
    pub(crate) trace_id: Option<Box<str>>,
    /// `UNIQUE_ID`, once somebody has asked for it.
    pub(crate) unique_id: OnceLock<Box<str>>,
}

/// What the choice of a member sets.
#[derive(Debug)]
pub(crate) struct MemberVariables<'a> {
    /// `BALANCER_NAME`; `None` for a backend's URL in place of a balancer, which sets no variable, as in httpd.
    pub(crate) balancer: Option<&'a Arc<str>>,
    pub(crate) worker: &'a Arc<str>,
    pub(crate) route: &'a Arc<str>,
    pub(crate) route_changed: bool,
}

impl Variables {
    /// Those that are known of every request: whether the client's scheme is https.
    pub(crate) fn of(https: bool) -> Self {
        Self {
            https,
            ..Self::default()
        }
    }

    /// Sets the variables of the session that a request names: the cookie or parameter that it stands in, and its route.
    pub(crate) fn set_session(&mut self, name: &str, route: &Arc<str>) {
        self.session_sticky = Some(Arc::from(name));
        self.session_route = Some(Arc::clone(route));
    }

    /// Sets the variables of the member that an attempt goes to.
    pub(crate) fn set_member(&mut self, member: &MemberVariables<'_>) {
        if let Some(balancer) = member.balancer {
            self.name = Some(Arc::clone(balancer));
            self.worker_name = Some(Arc::clone(member.worker));
            // Once changed it stays so for later attempts, as in httpd.
            self.route_changed |= member.route_changed;
            self.worker_route = Some(Arc::clone(member.route));
        }
    }

    /// The id of the request: 128 random bits as 32 hexadecimal digits, as nginx's `$request_id`. It is made when somebody asks
    /// for the first time, and stays.
    pub(crate) fn unique_id(&self) -> &str {
        self.unique_id.get_or_init(|| {
            let bits = random::bits128().unwrap_or_default();
            format!("{bits:032x}").into_boxed_str()
        })
    }

    /// The value of a variable, `None` when it is unset.
    ///
    /// Those of the session too are unset until a member was chosen: the 503 of a balancer without a usable
    /// member has none.
    pub(crate) fn get(&self, variable: Variable) -> Option<&str> {
        let chosen = self.worker_name.is_some();
        match variable {
            Variable::SessionSticky => self.session_sticky.as_deref().filter(|_| chosen),
            Variable::SessionRoute => self.session_route.as_deref().filter(|_| chosen),
            Variable::Name => self.name.as_deref(),
            Variable::WorkerName => self.worker_name.as_deref(),
            Variable::WorkerRoute => self.worker_route.as_deref(),
            Variable::RouteChanged => self.route_changed.then_some("1"),
            Variable::Https => self.https.then_some("on"),
            Variable::TraceId => self.trace_id.as_deref(),
            Variable::UniqueId => Some(self.unique_id()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `mod_proxy_balancer.c: proxy_balancer_pre_request()` leaves before it sets any.
    #[test]
    fn nothing_is_set_before_a_member_is_chosen() {
        let mut variables = Variables {
            session_sticky: Some(Arc::from("JSESSIONID")),
            session_route: Some(Arc::from("n2")),
            ..Variables::default()
        };
        for variable in [Variable::SessionSticky, Variable::SessionRoute] {
            assert_eq!(variables.get(variable), None);
        }
        variables.worker_name = Some(Arc::from("ajp://a:1"));
        assert_eq!(variables.get(Variable::SessionSticky), Some("JSESSIONID"));
        assert_eq!(variables.get(Variable::SessionRoute), Some("n2"));
    }
}
