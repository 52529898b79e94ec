//! Changes that follow from what sources of members say, and from the sessions that these members issue.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use ajpgate_config::{Discover, Member, MemberUrl};
use tracing::debug;

use super::{Edit, Why};
use crate::backend::backend;
use crate::discovery::{Found, Reconciled, SourceAnswer, reconcile};
use crate::state::discovered::is_discovered;
use crate::state::editing::EditError;
use crate::state::layers::Layers;
use crate::telemetry::metrics::ConnectCounters;

impl Edit<'_> {
    /// Takes an answer of a source of members, as one change.
    ///
    /// # Errors
    /// The reason; then nothing has changed.
    pub(crate) fn discover(
        &mut self,
        balancer: &str,
        source: &Discover,
        answer: &SourceAnswer,
        now: Instant,
    ) -> Result<Reconciled, EditError> {
        let editing = self.editing();
        let of_file = editing.file.balancer(balancer);
        if !of_file.is_some_and(|it| it.discover.contains(source)) {
            return Ok(Reconciled::default());
        }
        let mut layers = editing.layers.clone();
        let subject = source.subject();
        if matches!(answer, SourceAnswer::Named { .. }) {
            layers.discovered.answered(balancer, &subject);
        }
        let room = layers.room(&editing.file, balancer, &subject);
        let known = layers.discovered.known(balancer, &subject);
        let reconciled = reconcile(known, answer, room);
        if reconciled.members != known {
            let known = places(known.iter().map(|it| &it.url));
            let new = reconciled.members.iter().map(|it| it.url.place());
            for place in new.filter(|place| !known.contains(place)) {
                if let Some(route) = self.shared.heard_routes.of(balancer, &place) {
                    layers.overrides.learn(balancer, &place, &route);
                }
            }
            let members = reconciled.members.clone();
            layers.discovered.set(balancer, source, members);
        } else if layers == editing.layers && !self.can_use_more(balancer) {
            return Ok(reconciled);
        }
        let of_file = self.editing().file.balancer(balancer);
        if of_file.is_some_and(|it| layers.discovered.is_complete(it)) {
            // Learned before a restart, of members that were gone when it started.
            let Layers {
                discovered,
                overrides,
            } = &mut layers;
            overrides.forget_learned(balancer, |place| !discovered.knows(balancer, place));
        }
        self.note_gone(balancer, layers, now)?;
        Ok(reconciled)
    }

    /// Whether a discovered member of a balancer that is left out can be used by now.
    fn can_use_more(&self, balancer: &str) -> bool {
        self.is_left_out(balancer, |member| {
            let connects = ConnectCounters::nowhere();
            backend(member, self.shared.cores.count(), &connects).is_ok()
        })
    }

    /// Whether a discovered member of a balancer is left out because a file of it cannot be used.
    pub(crate) fn leaves_out_discovered(&self, balancer: &str) -> bool {
        self.is_left_out(balancer, |_| true)
    }

    /// Whether such a discovered member of a balancer is left out.
    fn is_left_out(&self, balancer: &str, is_such: impl Fn(&Member) -> bool) -> bool {
        let snapshot = self.snapshot();
        let balancer = snapshot.balancer(balancer);
        let mut left_out = balancer.into_iter().flat_map(|it| it.left_out());
        left_out.any(|member| is_discovered(member) && is_such(member))
    }

    /// Runs these layers, and notes which changed members of a balancer are gone. Of too many, those that are gone for longest
    /// lose their changes: on all gateways of a cluster. Where that cannot be done now, the next member that goes is as good.
    fn note_gone(
        &mut self,
        balancer: &str,
        mut layers: Layers,
        now: Instant,
    ) -> Result<(), EditError> {
        let too_many = layers.note_gone(&self.editing().file, balancer);
        self.run_here(layers.clone(), Why::Seen, now, || Ok(()))?;
        if too_many {
            layers.overrides.forget_gone(balancer);
            if let Err(error) = self.run(layers, now, || Ok(())) {
                debug!(balancer, %error, "changes of members that are gone are kept for now");
            }
        }
        Ok(())
    }

    /// What is known from a source of members.
    pub(crate) fn discovered(&mut self, balancer: &str, source: &Discover) -> Vec<Found> {
        let discovered = &self.editing().layers.discovered;
        discovered.known(balancer, &source.subject()).to_vec()
    }

    /// Notes the routes that members were seen to have: url and route.
    ///
    /// # Errors
    /// The reason; then nothing has changed.
    pub(crate) fn learn(
        &mut self,
        balancer: &str,
        learned: &[(Arc<str>, Arc<str>)],
        now: Instant,
    ) -> Result<(), EditError> {
        let mut layers = self.editing().layers.clone();
        layers.learn(balancer, learned);
        self.run_here(layers, Why::Seen, now, || Ok(()))
    }

    /// Removes members that no source names any more.
    ///
    /// # Errors
    /// The reason; then nothing has changed.
    pub(crate) fn forget_vanished(
        &mut self,
        balancer: &str,
        gone: &[MemberUrl],
        now: Instant,
    ) -> Result<(), EditError> {
        if gone.is_empty() {
            return Ok(());
        }
        let mut layers = self.editing().layers.clone();
        layers.discovered.forget(balancer, gone);
        let places = places(gone);
        let overrides = &mut layers.overrides;
        overrides.forget_learned(balancer, |place| places.contains(place));
        self.shared.heard_routes.forget(balancer, &places);
        self.note_gone(balancer, layers, now)
    }
}

fn places<'u>(urls: impl IntoIterator<Item = &'u MemberUrl>) -> HashSet<String> {
    urls.into_iter().map(MemberUrl::place).collect()
}
