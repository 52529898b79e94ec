//! Health checks, sticky cookies and heartbeats: the maps inside a balancer.

use super::{Builder, Need, whole};
use crate::defaults;
use crate::field::{Either, Field, Scalar};
use crate::file;
use crate::model::{HealthCheck, HealthMethod, Heartbeat, SameSite, Sticky, StickyCookie};
use crate::report::Place;

impl Builder<'_> {
    pub(super) fn health_check(&self, check: file::HealthCheck) -> HealthCheck {
        let method = check.method.settled(defaults::HEALTH_METHOD);
        let expect = whole(check.expect);
        let answers = |method| matches!(method, HealthMethod::Head | HealthMethod::Get);
        if let (Some(method), Some(place)) = (method, check.uri.place())
            && !answers(method)
        {
            self.report.warning(
                place,
                "uri: only `method: head` and `method: get` ask for it",
                "remove it, or change the method",
            );
        }
        if let (Some(HealthMethod::Cping | HealthMethod::Tcp), Some(place)) =
            (method, expect.status.place())
        {
            self.report.error_with_hint(
                place,
                "status: this method of check gets no status",
                "use `method: options`, `head` or `get`",
            );
        }
        if let (Some(method), Some(place)) = (method, expect.body.place())
            && method != HealthMethod::Get
        {
            self.report.error_with_hint(
                place,
                "body: this method of check gets no body",
                "use `method: get`",
            );
        }
        HealthCheck {
            method: method.unwrap_or(defaults::HEALTH_METHOD),
            interval: check.interval.or(defaults::HEALTH_INTERVAL),
            passes: count(check.passes.or(defaults::HEALTH_PASSES)),
            fails: count(check.fails.or(defaults::HEALTH_FAILS)),
            uri: check.uri.or(defaults::HEALTH_URI.to_owned()),
            expect_status: statuses(expect.status),
            expect_body: expect.body.optional(),
            mandatory: check.mandatory.or(defaults::HEALTH_MANDATORY),
        }
    }

    /// `session` are the names that the backends' own sessions have, when they are known.
    pub(super) fn sticky_cookie(
        &self,
        cookie: file::StickyCookie,
        place: Place,
        session: Option<&Sticky>,
    ) -> StickyCookie {
        let name = self.required(
            cookie.name,
            place,
            Need {
                of: "a sticky_cookie",
                key: "name",
                example: "ROUTEID",
            },
        );
        if let (Some((place, name)), Some(session)) = (&name, session)
            && name.0 == session.cookie
        {
            self.report.error_with_hint(
                *place,
                format!("name: {:?} is the session cookie of the backends", name.0),
                "the gateway would overwrite their sessions: choose another name",
            );
        }
        let secure = cookie.secure.or(None);
        if let (Field::Given(place, same_site), Some(false)) = (&cookie.same_site, secure)
            && same_site.0 == SameSite::None
        {
            self.report.error_with_hint(
                *place,
                "same_site: browsers drop a cookie with SameSite=None that is not Secure",
                "write `secure: true` or `secure: auto`",
            );
        }
        StickyCookie {
            name: name.map(|(_, name)| name.0).unwrap_or_default(),
            path: cookie.path.or(defaults::COOKIE_PATH.to_owned()),
            secure,
            http_only: cookie.http_only.or(defaults::HTTP_ONLY),
            same_site: cookie.same_site.or(defaults::SAME_SITE),
            max_age: cookie.max_age.or(defaults::MAX_AGE),
        }
    }

    pub(super) fn heartbeat(&self, heartbeat: file::Heartbeat, place: Place) -> Heartbeat {
        if heartbeat.listen.is_absent() && heartbeat.storage.is_absent() {
            self.report.error_with_hint(
                place,
                "heartbeat: nothing tells the load of the members",
                "write `listen: \"239.0.0.1:27999\"` or `storage: FILE`",
            );
        }
        Heartbeat {
            listen: heartbeat.listen.optional(),
            storage: self.file(heartbeat.storage),
        }
    }
}

/// A list of statuses, or one alone.
pub(super) fn statuses(field: Field<file::StatusCodes>) -> Vec<u16> {
    match field.given() {
        Some((_, Either::Scalar(status))) => vec![status],
        Some((_, Either::Whole(items))) => items.into_iter().filter_map(Scalar::optional).collect(),
        None => Vec::new(),
    }
}

/// A number whose range fits.
pub(super) fn count(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
