//! The choice of a member, step by step.
//!
//! Source: `mod_proxy_balancer.c: proxy_balancer_pre_request()`.

use std::sync::Arc;
use std::time::Instant;

use ajpgate_config::LbMethod;

use super::member::Member;
use super::recovery::Health;
use super::route::Lookup;
use super::sets::{self, Scope};
use super::state::Scratch;
use super::{
    Balancer, How, NoMember, Pick, Ticket, Tried, Want, heartbeat, least_latency, method,
    slow_start,
};

impl Balancer {
    /// Chooses a member for a request.
    ///
    /// 1. If all members are in error, forced recovery.
    /// 2. The usable member of the session's route, or of its redirect.
    /// 3. With `nofailover`, no other member if some member has the route.
    /// 4. A member of the domain of the session's member, or of the domain that the route begins with.
    /// 5. The method's choice in the lowest set that has an eligible member, with its spares and standbys.
    ///
    /// # Errors
    ///
    /// The reason why no member gets it. A request that has tried all members changes nothing.
    pub fn pick(&mut self, want: Want<'_>, now: Instant) -> Result<Pick, NoMember> {
        if self.members.is_empty() {
            return Err(NoMember::Empty);
        }
        if self
            .members
            .iter()
            .all(|member| want.tried.contains(member.id))
        {
            return Err(NoMember::Tried);
        }
        if self.ramping {
            self.weigh(now);
        }
        let forced = self.force_recovery(now);
        let route = want
            .route
            .filter(|route| self.settings.sticky && !route.is_empty());
        let (index, how) = match self.choose(route, want.tried, now) {
            Err(reason) if self.lift_probes(reason, route, want.tried) => {
                self.changed();
                self.choose(route, want.tried, now)?
            }
            choice => choice?,
        };
        self.take(index, how, route, want.has_body, forced)
    }

    /// If every member is in error, ends all errors and returns true.
    ///
    /// Source: `mod_proxy_balancer.c: force_recovery()`. As there, a member that is not in error prevents this even when it
    /// is disabled or stopped. Members are visited in order until one is not in error, or its wait is over.
    fn force_recovery(&mut self, now: Instant) -> bool {
        for index in 0..self.members.len() {
            self.end_wait(index, now);
            let member = self.members.get(index);
            if member.is_some_and(|member| !member.recovery.in_error()) {
                return false;
            }
        }
        if self.settings.forcerecovery {
            self.add_pending();
            for member in &mut self.members {
                member.recovery.force();
            }
            self.changed();
        }
        self.settings.forcerecovery
    }

    /// Ends the wait of a member that is in error, if the wait is over at this time.
    pub(super) fn end_wait(&mut self, index: usize, now: Instant) {
        let member = self.members.get(index);
        if !member.is_some_and(|member| member.may_be_tried_again(now)) {
            return;
        }
        self.add_pending();
        if let Some(member) = self.members.get_mut(index) {
            member.recovery.end_wait();
        }
    }

    /// Steps 2 to 5.
    fn choose(
        &mut self,
        route: Option<&str>,
        tried: &Tried,
        now: Instant,
    ) -> Result<(usize, How), NoMember> {
        if let Some(route) = route {
            if let Some(found) = self.session_member(route, tried, now) {
                return Ok(found);
            }
            if !self.settings.nofailover {
                if let Some(index) = self.domain_member(route, tried, now) {
                    return Ok((index, How::Domain));
                }
            } else if self.knows_route(route) {
                return Err(NoMember::RouteForced);
            }
        }
        match self.free_member(tried, now) {
            Some(index) => Ok((index, How::Free)),
            None => Err(self.why_nobody(tried, now)),
        }
    }

    /// Step 2.
    fn session_member(&mut self, route: &str, tried: &Tried, now: Instant) -> Option<(usize, How)> {
        let lookup = Lookup::new(
            &self.members,
            &self.routes,
            tried,
            now,
            &mut self.scratch.dead_ends,
        );
        let index = lookup.find(route)?;
        self.end_wait(index, now);
        let how = if self.members.get(index)?.has_route(route) {
            How::Sticky
        } else {
            How::Redirect
        };
        self.count_sticky(index);
        Some((index, how))
    }

    /// Step 4 (mod_jk, `jk_lb_worker.c: find_bysession_route(), find_best_bydomain()`).
    ///
    /// Within the domain, sets and method decide. The choice is counted as a sticky one, so that free requests make up for
    /// it.
    fn domain_member(&mut self, route: &str, tried: &Tried, now: Instant) -> Option<usize> {
        if !self.routes.have_domains() {
            return None;
        }
        self.add_pending();
        let prefix = route.split_once('.').map_or(route, |(prefix, _)| prefix);
        let known = self.knows_route(route);
        let eligible = &mut self.scratch.eligible;
        let members = &self.members;
        let scope = Scope::all(self.settings.method, tried, now);
        let mut in_domain = |domain: &str| {
            !domain.is_empty()
                && sets::eligible(members, &scope.domain(domain), eligible).is_some()
                && !eligible.is_empty()
        };
        let found = if known {
            members
                .iter()
                .filter(|member| member.has_route(route))
                .any(|member| in_domain(&member.domain))
        } else {
            in_domain(prefix)
        };
        let index = found.then(|| self.best(now))??;
        self.end_wait(index, now);
        self.count_sticky(index);
        Some(index)
    }

    /// Step 5.
    fn free_member(&mut self, tried: &Tried, now: Instant) -> Option<usize> {
        self.find_eligible(tried, now)?;
        let index = self.best(now)?;
        self.count_free(index);
        Some(index)
    }

    /// The method's choice among the eligible members.
    fn best(&mut self, now: Instant) -> Option<usize> {
        let Scratch {
            eligible,
            turns,
            admitted,
            ..
        } = &mut self.scratch;
        let (method, members, eligible) = (self.settings.method, &mut self.members, &*eligible);
        let ramped = method != LbMethod::ByRequests && self.ramping;
        let among = match ramped {
            true => slow_start::admitted(members, eligible, admitted),
            false => eligible,
        };
        let choices = self.pending.of_eligible();
        let by_scan = |members: &[Member]| method::best(method, members, among, choices);
        let best = match method {
            LbMethod::Heartbeat => heartbeat::draw(members, among, &mut self.random, now),
            LbMethod::LeastLatency => {
                least_latency::better_of_two(members, among, &mut self.random, now)
            }
            LbMethod::ByRequests if self.pending.eligible.is_some() => {
                let next = turns.next(members, eligible, choices);
                next.or_else(|| by_scan(members))
            }
            LbMethod::ByRequests
            | LbMethod::ByTraffic
            | LbMethod::ByBusyness
            | LbMethod::Sessions => by_scan(members),
        }?;
        if ramped {
            slow_start::pay(members, eligible, best);
        }
        Some(best)
    }

    /// Lets requests go to members that are being probed if no other member can take the request. Returns whether there
    /// were any.
    ///
    /// A probe keeps other requests away from its member because other members can take them. Without other members these
    /// requests would get 503 although httpd, which has no probes, would send them. Nothing is done without
    /// `forcerecovery`.
    fn lift_probes(&mut self, reason: NoMember, route: Option<&str>, tried: &Tried) -> bool {
        let mut lifted = false;
        if self.settings.forcerecovery {
            for member in &mut self.members {
                let wanted = match reason {
                    NoMember::RouteForced => false,
                    _ => member.takes_new_requests(),
                };
                let own = member.is_allowed() && route.is_some_and(|route| member.has_route(route));
                if member.recovery.health() == Health::Probing
                    && (wanted || own)
                    && !member.check_failed
                    && !tried.contains(member.id)
                {
                    member.recovery.force();
                    lifted = true;
                }
            }
        }
        lifted
    }

    fn why_nobody(&self, tried: &Tried, now: Instant) -> NoMember {
        let mut candidates = self
            .members
            .iter()
            .filter(|member| member.takes_new_requests())
            .peekable();
        if candidates.peek().is_none() {
            return NoMember::OutOfService;
        }
        let mut reason = NoMember::Tried;
        for member in candidates.filter(|member| !tried.contains(member.id)) {
            if !member.is_usable() {
                return NoMember::InError;
            }
            reason = match self.settings.method {
                LbMethod::Heartbeat if member.slots(now) == 0 => NoMember::NoSlots,
                _ if reason == NoMember::NoSlots => reason,
                _ => NoMember::OutOfService,
            };
        }
        reason
    }

    fn take(
        &mut self,
        index: usize,
        how: How,
        route: Option<&str>,
        has_body: bool,
        forced: bool,
    ) -> Result<Pick, NoMember> {
        let route_changed = match how {
            How::Free => self.settings.sticky,
            How::Sticky | How::Redirect | How::Domain => route != self.route_at(index),
        };
        let member = self.members.get_mut(index).ok_or(NoMember::Empty)?;
        member.elected = member.elected.saturating_add(1);
        member.busy = member.busy.saturating_add(1);
        Ok(Pick {
            member: member.id,
            route: Arc::clone(&member.route),
            draining: member.status.drain,
            how,
            route_changed,
            probe: !has_body && member.recovery.picked(),
            forced,
            ticket: Ticket {
                member: member.id,
                generation: member.recovery.generation(),
            },
        })
    }

    fn route_at(&self, index: usize) -> Option<&str> {
        self.members.get(index).map(|member| &*member.route)
    }
}
