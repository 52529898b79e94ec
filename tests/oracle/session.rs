//! Sessions, and how requests name them.

use crate::configuration::Configuration;
use crate::random::Random;
use crate::request::Request;

/// A route that no member has.
const NOBODY: &str = "n9";
const SESSIONS: usize = 40;

/// The clients of a configuration.
#[derive(Debug)]
pub(crate) struct Sessions<'a> {
    configuration: &'a Configuration,
    routes: Vec<&'static str>,
}

impl<'a> Sessions<'a> {
    /// Clients with the routes of all members, and some other routes.
    pub(crate) fn of(configuration: &'a Configuration) -> Self {
        let routes = configuration.routes().filter(|route| !route.is_empty());
        Self {
            configuration,
            routes: routes.collect(),
        }
    }

    /// A cookie of a session with this route.
    pub(crate) fn cookie_for(&self, route: &str) -> String {
        let (cookie, _) = self.names();
        format!("{cookie}={}", self.id(1, route))
    }

    /// A request that both read alike; one in two has a session where the balancer is sticky.
    pub(crate) fn request(&self, random: &mut Random) -> Request {
        let mut request = Request::get(random.one_of(&["/", "/app/", "/app/page.jsp", "/a/b;v=1"]));
        if random.once_in(2) {
            return request;
        }
        let (cookie, parameter) = self.names();
        let id = self.session(random);
        match random.below(8) {
            0 => request.path = format!("/app/page.jsp;{parameter}={id}"),
            1 => {
                // The parameter comes before the cookie, in both if it has a route.
                let other = self.session(random);
                let id = self.at_home(random);
                request.path = format!("/app/;{parameter}={id}");
                request.cookies = vec![format!("{cookie}={other}")];
            }
            2 => request.cookies = vec![format!("a=1; {cookie}={id}; b={NOBODY}.n1")],
            3 => request.cookies = vec![format!("a=1,{cookie}={id},b=2")],
            4 => request.cookies = vec!["a=1".to_owned(), format!("X{cookie}=s.n1;{cookie} ={id}")],
            _ => request.cookies = vec![format!("{cookie}={id}")],
        }
        request
    }

    /// A request that httpd reads differently, as the rows say.
    pub(crate) fn odd_request(&self, random: &mut Random) -> Request {
        let mut request = Request::get("/app/");
        let (cookie, parameter) = self.names();
        let id = self.at_home(random);
        let other = self.at_home(random);
        match random.below(11) {
            0 => request.path = format!("/app;{parameter}={id}/page.jsp"),
            1 => request.path = format!("/app/;{parameter}={id};v=2"),
            2 => request.path = format!("/app/my{parameter}={id}"),
            3 => request.query = Some(format!("{parameter}={id}")),
            4 => {
                request.path = format!("/app/;{parameter}=s1");
                request.cookies = vec![format!("{cookie}={id}")];
            }
            5 => {
                let nobody = self.id(1, NOBODY);
                request.cookies = vec![format!("{cookie}={nobody}; {cookie}={id}")];
            }
            6 => {
                let nobody = self.id(2, NOBODY);
                request.cookies = vec![format!("{cookie}={nobody}"), format!("{cookie}={other}")];
            }
            7 => request.cookies = vec![format!("{cookie}=\"{id}\"")],
            8 => {
                request.query = Some(format!("next=/a;{parameter}={other}"));
                request.cookies = vec![format!("{cookie}={id}")];
            }
            9 => request.cookies = vec![format!("{cookie}={id} ; a=1")],
            _ => {
                let separator = self.configuration.separator().unwrap_or('.');
                request.cookies = vec![format!("{cookie}=s1{separator}{id}")];
            }
        }
        request
    }

    fn names(&self) -> (&'static str, &'static str) {
        // Without stickiness, sessions must change nothing.
        self.configuration
            .session_names()
            .unwrap_or(("JSESSIONID", "jsessionid"))
    }

    /// A session id, mostly with a member's route.
    fn session(&self, random: &mut Random) -> String {
        match random.below(12) {
            0 => self.id(random.below(SESSIONS), NOBODY),
            1 => self.id(random.below(SESSIONS), ""),
            2 => format!("s{}", random.below(SESSIONS)),
            _ => self.at_home(random),
        }
    }

    fn at_home(&self, random: &mut Random) -> String {
        let route = random.one_of(&self.routes);
        self.id(random.below(SESSIONS), route)
    }

    fn id(&self, number: usize, route: &str) -> String {
        match self.configuration.separator() {
            Some(separator) => format!("s{number}{separator}{route}"),
            None => route.to_owned(),
        }
    }
}
