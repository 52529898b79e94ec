//! Balancers.

use std::collections::HashMap;
use std::time::Duration;

use super::health::{count, statuses};
use super::{Builder, Need};
use crate::defaults;
use crate::field::{Field, Named, Scalar};
use crate::file;
use crate::model::{Balancer, Discover, LbMethod, Member, Scheme, Sticky, StickyNames, StickyRule};
use crate::report::Place;
use crate::value::BalancerName;

/// The balancers of a file, as far as they could be read.
pub(super) struct Balancers {
    /// Those with a readable name.
    pub(super) known: Vec<Known>,
    /// Whether `balancers` could be read, so that a name that is not known does not exist.
    pub(super) complete: bool,
}

/// A balancer of the file.
pub(super) struct Known {
    pub(super) name: String,
    /// Where its name stands.
    pub(super) place: Place,
    /// Whether it says what it is sticky by, if only that it is not.
    pub(super) names_session: bool,
    /// `None` when it could not be read.
    pub(super) built: Option<Balancer>,
    /// The places of its members, in the order of `built.members`.
    pub(super) members: Vec<MemberPlaces>,
}

/// Where a member and what the warnings speak of stand.
pub(super) struct MemberPlaces {
    pub(super) member: Place,
    pub(super) route: Option<Place>,
    pub(super) redirect: Option<Place>,
}

type Members = (Vec<Member>, Vec<MemberPlaces>);

impl Builder<'_> {
    pub(super) fn balancers(&self, field: Field<Named<BalancerName, file::Balancer>>) -> Balancers {
        let complete = !matches!(field, Field::Unreadable);
        let entries = field.given().map_or_else(Vec::new, |(_, named)| named.0);
        let mut known = Vec::new();
        let mut all_named = true;
        for (name, balancer) in entries {
            let Some((place, name)) = name.given() else {
                all_named = false;
                // Its own problems are told all the same.
                drop(
                    balancer
                        .given()
                        .map(|(at, balancer)| self.balancer(balancer, at, String::new())),
                );
                continue;
            };
            let name = name.0;
            let mut names_session = false;
            let (built, members) = match balancer.given() {
                Some((at, balancer)) => {
                    names_session = !matches!(balancer.stickysession, Field::Absent);
                    let (built, members) = self.balancer(balancer, at, name.clone());
                    (Some(built), members)
                }
                None => (None, Vec::new()),
            };
            known.push(Known {
                name,
                place,
                names_session,
                built,
                members,
            });
        }
        let complete = complete && all_named;
        Balancers { known, complete }
    }

    fn balancer(
        &self,
        file: file::Balancer,
        place: Place,
        name: String,
    ) -> (Balancer, Vec<MemberPlaces>) {
        let is_discovered = !matches!(&file.discover, Field::Absent);
        let discover = self.discover(file.discover);
        let (members, places) = self.members(file.members, place, is_discovered);
        self.sticky_by_a_word(&file.stickysession);
        let sticky_rule = StickyRule {
            names: match file.stickysession {
                // No problem follows from another one.
                Field::Unreadable => Some(StickyNames::Off),
                names => names.optional(),
            },
            separator: file.stickysessionsep.or(Some(defaults::SEPARATOR)),
        };
        let sticky = sticky_rule.of_members(&members, &discover);
        let lbmethod = self.lbmethod(&file.lbmethod, &file.heartbeat);
        self.session_timeout(&file.session_timeout);
        let cookie = file.sticky_cookie.given();
        let heartbeat = file.heartbeat.given();
        let built = Balancer {
            name,
            lbmethod,
            nofailover: file.nofailover.or(defaults::NOFAILOVER),
            forcerecovery: file.forcerecovery.or(defaults::FORCERECOVERY),
            maxattempts: file.maxattempts.optional().map(count),
            failonstatus: statuses(file.failonstatus),
            failontimeout: file.failontimeout.or(defaults::FAILONTIMEOUT),
            timeout: file.timeout.or(defaults::BALANCER_TIMEOUT),
            slow_start: file.slow_start.or(defaults::SLOW_START),
            drain_timeout: file.drain_timeout.or(defaults::DRAIN_TIMEOUT),
            session_timeout: file.session_timeout.or(defaults::SESSION_TIMEOUT),
            heartbeat: heartbeat.map(|(place, heartbeat)| self.heartbeat(heartbeat, place)),
            sticky_cookie: cookie
                .map(|(place, cookie)| self.sticky_cookie(cookie, place, sticky.as_ref())),
            health_check: file
                .health_check
                .given()
                .map(|(_, check)| self.health_check(check)),
            sticky_rule,
            sticky,
            members,
            discover,
        };
        (built, places)
    }

    /// `is_discovered` is whether the balancer may begin without members.
    fn members(
        &self,
        field: Field<Vec<Field<file::Member>>>,
        balancer: Place,
        is_discovered: bool,
    ) -> Members {
        if is_discovered && field.is_absent() {
            return Members::default();
        }
        let Some((place, items)) = self.required(
            field,
            balancer,
            Need {
                of: "a balancer",
                key: "members",
                example: "[{ url: \"ajp://HOST:8009\", route: JVMROUTE }]",
            },
        ) else {
            return Members::default();
        };
        if items.is_empty() && !is_discovered {
            self.report.error_with_hint(
                place,
                "members: the list is empty",
                "write at least `- { url: ajp://HOST:8009, route: JVMROUTE }`",
            );
        }
        if items.len() > defaults::MOST_MEMBERS {
            self.report.error_with_hint(
                place,
                format!("members: more than {}", defaults::MOST_MEMBERS),
                "share them out among several balancers",
            );
        }
        let members = items.into_iter().filter_map(Field::given);
        self.distinct_members(members)
    }

    /// Builds members, no two of which may have the same url.
    pub(super) fn distinct_members(
        &self,
        members: impl IntoIterator<Item = (Place, file::Member)>,
    ) -> Members {
        let mut built = Members::default();
        let mut urls = HashMap::new();
        for (place, member) in members {
            let places = MemberPlaces {
                member: place,
                route: member.route.place(),
                redirect: member.redirect.place(),
            };
            let Some(member) = self.balancer_member(member, place) else {
                continue;
            };
            let (at, member) = member;
            let url = &member.url;
            let key = (url.scheme, url.host.clone(), url.port, url.path.clone());
            match urls.get(&key) {
                None => {
                    urls.insert(key, at.line);
                }
                Some(line) => self.report.error_with_hint(
                    at,
                    format!("url: {url} is already the member in line {line}"),
                    "each member of a balancer has a url of its own; give it a larger loadfactor instead",
                ),
            }
            built.0.push(member);
            built.1.push(places);
        }
        built
    }

    fn lbmethod(
        &self,
        method: &Scalar<crate::value::Word<LbMethod>>,
        heartbeat: &Field<file::Heartbeat>,
    ) -> LbMethod {
        if let (Field::Given(place, word), true) = (method, heartbeat.is_absent())
            && word.0 == LbMethod::Heartbeat
        {
            self.report.error_with_hint(
                *place,
                "lbmethod: heartbeat needs the load of the members, and nothing tells it",
                "add `heartbeat: { listen: \"239.0.0.1:27999\" }` or `heartbeat: { storage: FILE }`",
            );
        }
        method.value().map_or(defaults::LBMETHOD, |word| word.0)
    }

    fn session_timeout(&self, timeout: &Scalar<crate::value::Period<0>>) {
        if let Field::Given(place, timeout) = timeout
            && timeout.0 == Duration::ZERO
        {
            self.report.error_with_hint(
                *place,
                "session_timeout: with 0 no session would ever count as alive",
                "take Tomcat's session-timeout, or a day if sessions never end",
            );
        }
    }
}

impl Balancer {
    /// The balancer of a mapping that names a backend's URL in place of a balancer: this one member, no stickiness, and
    /// the defaults of every other key. Its name is the URL.
    #[must_use]
    pub fn of_one(member: Member) -> Self {
        Self {
            name: member.url.text.clone(),
            lbmethod: defaults::LBMETHOD,
            sticky_rule: StickyRule {
                names: Some(StickyNames::Off),
                separator: Some(defaults::SEPARATOR),
            },
            sticky: None,
            nofailover: defaults::NOFAILOVER,
            forcerecovery: defaults::FORCERECOVERY,
            maxattempts: None,
            failonstatus: Vec::new(),
            failontimeout: defaults::FAILONTIMEOUT,
            timeout: defaults::BALANCER_TIMEOUT,
            slow_start: defaults::SLOW_START,
            drain_timeout: defaults::DRAIN_TIMEOUT,
            session_timeout: defaults::SESSION_TIMEOUT,
            heartbeat: None,
            sticky_cookie: None,
            health_check: None,
            members: vec![member],
            discover: Vec::new(),
        }
    }
}

impl StickyRule {
    /// How a balancer with this rule, these members and these sources finds a session; `None`: it is not sticky.
    #[must_use]
    pub fn of_members(&self, members: &[Member], discover: &[Discover]) -> Option<Sticky> {
        let separator = self.separator;
        match &self.names {
            Some(StickyNames::Off) => None,
            Some(StickyNames::Names { cookie, parameter }) => Some(Sticky {
                cookie: cookie.clone(),
                parameter: parameter.clone(),
                separator,
            }),
            None => members
                .iter()
                .map(|member| member.url.scheme)
                .chain(discover.iter().filter_map(Discover::scheme))
                .any(|scheme| scheme == Scheme::Ajp)
                .then(|| Sticky {
                    cookie: defaults::SESSION_COOKIE.to_owned(),
                    parameter: defaults::SESSION_PARAMETER.to_owned(),
                    separator,
                }),
        }
    }
}
