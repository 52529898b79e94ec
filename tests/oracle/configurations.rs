//! The configurations that are compared with mod_proxy_balancer.

use crate::configuration::{Configuration, Weather};

use Weather::{
    Brief, Drops, Failures, Garbage, Holds, OddSessions, Pauses, Silence, Sizes, Statuses,
};

/// All configurations.
pub(crate) fn all() -> Vec<Configuration> {
    [
        methods(),
        tiers(),
        statuses(),
        routes(),
        sessions(),
        attempts(),
        failures(),
    ]
    .concat()
}

/// The schedulers byrequests, bytraffic and bybusyness.
fn methods() -> Vec<Configuration> {
    let new = Configuration::new;
    vec![
        new("70 to 30", "lbmethod=byrequests")
            .member("n1", "loadfactor=70")
            .member("n2", "loadfactor=30"),
        new("two equals", "stickysession=JSESSIONID|jsessionid")
            .member("n1", "")
            .member("n2", "")
            .with(Failures),
        new("three by factor", "lbmethod=byrequests")
            .member("n1", "loadfactor=1")
            .member("n2", "loadfactor=2")
            .member("n3", "loadfactor=1")
            .with(Failures),
        new("five by fractions", "stickysession=JSESSIONID|jsessionid")
            .member("n1", "loadfactor=1")
            .member("n2", "loadfactor=1.5")
            .member("n3", "loadfactor=2.25")
            .member("n4", "loadfactor=3.75")
            .member("n5", "loadfactor=7.1")
            .with(Failures),
        new("bytes", "lbmethod=bytraffic")
            .member("n1", "")
            .member("n2", "loadfactor=2")
            .member("n3", "")
            .with(Sizes),
        new(
            "bytes, sessions and failures",
            "lbmethod=bytraffic stickysession=JSESSIONID|jsessionid",
        )
        .member("n1", "loadfactor=3")
        .member("n2", "loadfactor=1")
        .member("n3", "lbset=1")
        .with(Sizes)
        .with(Failures),
        new("business", "lbmethod=bybusyness")
            .member("n1", "")
            .member("n2", "loadfactor=2")
            .member("n3", "")
            .with(Holds),
        new(
            "business and sessions",
            "lbmethod=bybusyness stickysession=JSESSIONID|jsessionid",
        )
        .member("n1", "loadfactor=4")
        .member("n2", "loadfactor=2")
        .member("n3", "")
        .member("n4", "")
        .member("n5", "status=drain")
        .with(Holds),
    ]
}

/// Sets, hot standbys and hot spares.
fn tiers() -> Vec<Configuration> {
    let new = Configuration::new;
    vec![
        new("three sets", "stickysession=JSESSIONID|jsessionid")
            .member("n1", "lbset=1 loadfactor=2")
            .member("n2", "lbset=0")
            .member("n3", "lbset=0 loadfactor=3")
            .member("n4", "lbset=1")
            .member("n5", "lbset=7")
            .with(Failures),
        new("a hot standby", "stickysession=JSESSIONID|jsessionid")
            .member("n1", "status=hot_standby")
            .member("n2", "")
            .member("n3", "")
            .with(Failures),
        new("a standby in each set", "")
            .member("n1", "lbset=0")
            .member("n2", "lbset=0 status=hot_standby")
            .member("n3", "lbset=1")
            .member("n4", "lbset=1 status=hot_standby")
            .with(Failures),
        new("hot spares", "stickysession=JSESSIONID|jsessionid")
            .member("n1", "loadfactor=2")
            .member("n2", "")
            .member("n3", "status=disabled")
            .member("n4", "status=hot_spare")
            .member("n5", "status=hot_spare,hot_standby")
            .with(Failures),
        new("a spare for a drain", "stickysession=JSESSIONID|jsessionid")
            .member("n1", "status=drain")
            .member("n2", "")
            .member("n3", "status=hot_spare")
            .member("n4", "status=hot_standby,drain")
            .with(Failures),
    ]
}

/// Statuses that an operator sets.
fn statuses() -> Vec<Configuration> {
    let new = Configuration::new;
    vec![
        new(
            "disabled and stopped",
            "stickysession=JSESSIONID|jsessionid",
        )
        .member("n1", "status=disabled")
        .member("n2", "")
        .member("n3", "status=stopped redirect=n4")
        .member("n4", "")
        .with(Failures),
        new("draining", "stickysession=JSESSIONID|jsessionid")
            .member("n1", "status=drain")
            .member("n2", "loadfactor=2")
            .member("n3", "status=drain")
            .with(Failures),
        new("errors are ignored", "stickysession=JSESSIONID|jsessionid")
            .member("n1", "status=ignore_errors")
            .member("n2", "")
            .member("n3", "")
            .with(Brief),
        new("out of service", "stickysession=JSESSIONID|jsessionid")
            .member("n1", "status=stopped")
            .member("n2", "status=disabled")
            .member("n3", "status=drain")
            .with(Failures),
    ]
}

/// Redirects, shared routes, members without a route.
fn routes() -> Vec<Configuration> {
    let new = Configuration::new;
    vec![
        new(
            "a chain of redirects",
            "stickysession=JSESSIONID|jsessionid",
        )
        .member("n1", "redirect=n2")
        .member("n2", "redirect=n3")
        .member("n3", "redirect=n1")
        .member("n4", "redirect=n8")
        .with(Failures),
        new(
            "redirects to standbys",
            "stickysession=JSESSIONID|jsessionid nofailover=on",
        )
        .member("n1", "redirect=n3")
        .member("n2", "redirect=n4")
        .member("n3", "status=hot_standby")
        .member("n4", "status=disabled redirect=n1")
        .with(Failures),
        new("shared routes", "stickysession=JSESSIONID|jsessionid")
            .member("n1", "status=hot_standby")
            .member("n1", "")
            .member("n2", "loadfactor=2")
            .member("n2", "lbset=1")
            .member("n1", "redirect=n2")
            .with(Failures),
        new(
            "members without a route",
            "stickysession=JSESSIONID|jsessionid",
        )
        .member("", "")
        .member("n2", "")
        .member("", "loadfactor=2")
        .with(Failures),
    ]
}

/// Places of a session in a request.
fn sessions() -> Vec<Configuration> {
    let new = Configuration::new;
    vec![
        new("odd sessions", "stickysession=JSESSIONID|jsessionid")
            .member("n1", "")
            .member("n2", "")
            .member("n3", "")
            .with(OddSessions),
        new("one name", "stickysession=sid")
            .member("n1", "")
            .member("n2", "")
            .with(OddSessions)
            .with(Failures),
        new(
            "values end at semicolons",
            "stickysession=JSESSIONID|jsessionid scolonpathdelim=on",
        )
        .member("n1", "")
        .member("n2", "loadfactor=2")
        .member("n3", "")
        .with(OddSessions)
        .with(Failures),
        new(
            "another separator",
            "stickysession=ROUTE|route stickysessionsep=!",
        )
        .member("n1", "")
        .member("n.2", "")
        .with(OddSessions)
        .with(Failures),
        new(
            "no separator",
            "stickysession=ROUTE|route stickysessionsep=off",
        )
        .member("n1", "")
        .member("n.2", "")
        .member("n3", "")
        .with(OddSessions)
        .with(Failures),
    ]
}

/// Members that are down: whether and how often a request is tried on another member.
fn attempts() -> Vec<Configuration> {
    let new = Configuration::new;
    vec![
        new(
            "no failover",
            "stickysession=JSESSIONID|jsessionid nofailover=on",
        )
        .member("n1", "")
        .member("n2", "redirect=n3")
        .member("n3", "")
        .with(Failures),
        new(
            "no forced recovery",
            "stickysession=JSESSIONID|jsessionid forcerecovery=off",
        )
        .member("n1", "")
        .member("n2", "")
        .member("n3", "")
        .with(Failures),
        new(
            "one more attempt",
            "maxattempts=1 stickysession=JSESSIONID|jsessionid",
        )
        .member("n1", "")
        .member("n2", "")
        .member("n3", "")
        .member("n4", "")
        .with(Failures),
        new(
            "no second attempt",
            "maxattempts=0 stickysession=JSESSIONID|jsessionid",
        )
        .member("n1", "")
        .member("n2", "")
        .member("n3", "")
        .with(Failures),
        new("more attempts than members", "maxattempts=6")
            .member("n1", "")
            .member("n2", "")
            .with(Brief),
        new("a lone member", "stickysession=JSESSIONID|jsessionid")
            .member("n1", "")
            .with(Failures),
    ]
}

/// Other failures of members, and members that are tried again after one.
fn failures() -> Vec<Configuration> {
    let new = Configuration::new;
    vec![
        new(
            "failing statuses",
            "stickysession=JSESSIONID|jsessionid failonstatus=500,503",
        )
        .member("n1", "")
        .member("n2", "")
        .member("n3", "status=ignore_errors")
        .member("n4", "")
        .with(Statuses),
        new("lost connections", "stickysession=JSESSIONID|jsessionid")
            .member("n1", "")
            .member("n2", "")
            .member("n3", "")
            .member("n4", "")
            .with(Drops),
        new("broken answers", "stickysession=JSESSIONID|jsessionid")
            .member("n1", "timeout=1")
            .member("n2", "timeout=1")
            .with(Garbage)
            .with(Silence),
        new(
            "members that come back",
            "stickysession=JSESSIONID|jsessionid",
        )
        .member("n1", "retry=3")
        .member("n2", "retry=3")
        .member("n3", "retry=3")
        .with(Failures)
        .with(Pauses),
        new(
            "members that are retried at once",
            "stickysession=JSESSIONID|jsessionid",
        )
        .member("n1", "retry=0")
        .member("n2", "retry=0")
        .member("n3", "retry=0")
        .with(Brief),
    ]
}
