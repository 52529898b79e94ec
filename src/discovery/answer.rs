//! What a source says, and who hears it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ajpgate_config::{ListedMember, LoadFactor, MemberUrl, Standing};

/// What a source has heard.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SourceAnswer {
    /// These members, and at least one.
    Named {
        found: Vec<Found>,
        /// Parts of the question that were not answered, each with the reason: what is known of them stays.
        unheard: BTreeMap<String, String>,
    },
    /// Nobody. It changes nothing.
    Empty,
    /// It could not be asked, for this reason. It changes nothing.
    Failed(String),
}

impl SourceAnswer {
    /// An answer from what was found, and from the parts of the question that have failed, each with the reason.
    pub(crate) fn of(found: Vec<Found>, failed: Vec<(String, String)>) -> Self {
        match (found.is_empty(), failed.first()) {
            (true, None) => Self::Empty,
            (true, Some((_, why))) => Self::Failed(why.clone()),
            (false, _) => Self::Named {
                found,
                unheard: failed.into_iter().collect(),
            },
        }
    }
}

/// A member that a source names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    /// What it is known by.
    pub(crate) url: MemberUrl,
    /// All of its keys, where the source has them; else they are those of `member` of the source.
    pub(crate) member: Option<Arc<ListedMember>>,
    /// Its route, where the source knows it.
    pub(crate) route: Option<String>,
    /// Its weight, where the source says it.
    pub(crate) loadfactor: Option<LoadFactor>,
    /// Its tier, where the source says it.
    pub(crate) lbset: Option<u8>,
    pub(crate) standing: Standing,
    /// The part of the question that it answers; see the module.
    pub(crate) part: String,
}

impl Found {
    /// A member whose keys the source has.
    pub(crate) fn whole(member: ListedMember, part: &str) -> Self {
        Self {
            url: member.member.url.clone(),
            route: None,
            loadfactor: None,
            lbset: None,
            standing: Standing::Ready,
            part: part.to_owned(),
            member: Some(Arc::new(member)),
        }
    }
}

/// Who hears what a source says.
pub(crate) trait Listener: Send + Sync {
    /// The members that are known from this source.
    fn known(&self) -> impl Future<Output = Vec<Found>> + Send;

    /// Takes an answer. Returns whether all of it counts now: one that could not be applied, or not wholly, is to be told again.
    fn hear(&self, answer: SourceAnswer) -> impl Future<Output = bool> + Send;
}
