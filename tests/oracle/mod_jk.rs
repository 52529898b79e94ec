//! The comparison with mod_jk: the points where ajpgate follows mod_jk, and those where mod_jk and httpd agree.
//!
//! mod_jk schedules by rules of its own, so a request without a usable session is compared only where one member can take
//! it, or where equal members take turns.

use crate::configuration::{Configuration, Weather};
use crate::node::Mode;

/// The configurations.
pub(crate) fn all() -> Vec<Configuration> {
    let new = Configuration::mod_jk;
    let sticky = "stickysession=JSESSIONID|jsessionid";
    vec![
        new("mod_jk: equals take turns", "lbmethod=byrequests")
            .member("n1", "")
            .member("n2", "")
            .member("n3", ""),
        new("mod_jk: idle equals take turns", "lbmethod=bybusyness")
            .member("n1", "")
            .member("n2", ""),
        new("mod_jk: odd sessions", sticky)
            .member("n1", "")
            .member("n2", "loadfactor=2")
            .member("n3", "")
            .with(Weather::OddSessions),
        new("mod_jk: domains", sticky)
            .member("n1", "domain=east")
            .member("n2", "domain=east")
            .member("west.n3", "domain=west")
            .member("west.n4", "domain=west")
            .with(Weather::Failures),
        new("mod_jk: redirects", sticky)
            .member("n1", "redirect=n2")
            .member("n2", "redirect=n3 domain=east")
            .member("n3", "domain=east")
            .member("n4", "")
            .with(Weather::Failures),
        new("mod_jk: activation", sticky)
            .member("n1", "status=drain")
            .member("n2", "status=stopped redirect=n1")
            .member("n3", "")
            .with(Weather::Failures),
        new("mod_jk: disabled", sticky)
            .member("n1", "status=disabled")
            .member("n2", "")
            .member("n3", ""),
    ]
}

/// The worker of a member.
pub(crate) fn worker(world: usize, member: usize) -> String {
    format!("w{world}m{member}")
}

/// Whether both must choose the same member for a request whose session asks for this route.
pub(crate) fn has_no_choice(
    configuration: &Configuration,
    modes: &[Mode],
    session_route: Option<&str>,
) -> bool {
    if configuration.session_names().is_none() {
        return true;
    }
    let Some(wanted) = session_route else {
        return false;
    };
    let works =
        |member: usize| modes[member] == Mode::Up && !configuration.has_status(member, "stopped");
    let at = |wanted: &str| configuration.routes().position(|route| route == wanted);
    let lone_mate = |domain: &str| {
        let mates = (0..configuration.size()).filter(|&mate| {
            let drains = configuration.has_status(mate, "drain");
            configuration.member_key(mate, "domain") == Some(domain) && works(mate) && !drains
        });
        mates.count() == 1
    };
    let Some(home) = at(wanted) else {
        return lone_mate(wanted.split('.').next().unwrap_or(wanted));
    };
    let redirect = configuration.member_key(home, "redirect").and_then(at);
    works(home)
        || match redirect {
            Some(redirect) => works(redirect),
            None => configuration
                .member_key(home, "domain")
                .is_some_and(lone_mate),
        }
}
