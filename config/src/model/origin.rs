//! Where members come from.

/// Where a member comes from, and what its source says of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Origin {
    /// Who names it.
    pub source: MemberSource,
    /// What the source says of it.
    pub standing: Standing,
    /// Whether its route is learned from the sessions that it issues.
    pub learns_route: bool,
}

/// Who names a member.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberSource {
    /// `members` of the configuration.
    #[default]
    Config,
    /// An operator, while the gateway ran.
    Hand,
    /// `discover`: addresses of a DNS name.
    Dns,
    /// `discover`: SRV records.
    Srv,
    /// `discover`: a list of members in a file.
    File,
    /// `discover`: EndpointSlices of Kubernetes.
    Kubernetes,
}

impl MemberSource {
    /// The word that API, page and metrics show.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Hand => "hand",
            Self::Dns => "dns",
            Self::Srv => "srv",
            Self::File => "file",
            Self::Kubernetes => "kubernetes",
        }
    }
}

/// What the source of a member says of it. Members of the configuration and those added by hand are always ready.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Standing {
    /// It takes requests.
    #[default]
    Ready,
    /// It takes no request.
    NotReady,
    /// It is about to end: it takes requests of its sessions only.
    Ending,
    /// It is about to end, and takes no request any more.
    EndingNotReady,
    /// Its source no longer names it: as `Ending`, and it goes once its sessions have ended.
    Vanished,
    /// Its source no longer names it, and said before that it takes no request: it takes none, and goes once its requests
    /// are done.
    VanishedNotReady,
}

impl Standing {
    /// Whether it gets no new sessions, because it is about to end.
    #[must_use]
    pub const fn drains(self) -> bool {
        matches!(self, Self::Ending | Self::EndingNotReady) || self.has_vanished()
    }

    /// Whether it takes no request at all, also none of its sessions.
    #[must_use]
    pub const fn takes_nothing(self) -> bool {
        matches!(
            self,
            Self::NotReady | Self::EndingNotReady | Self::VanishedNotReady
        )
    }

    /// Whether its source no longer names it.
    #[must_use]
    pub const fn has_vanished(self) -> bool {
        matches!(self, Self::Vanished | Self::VanishedNotReady)
    }

    /// What follows when its source no longer names it.
    #[must_use]
    pub const fn vanished(self) -> Self {
        match self.takes_nothing() {
            true => Self::VanishedNotReady,
            false => Self::Vanished,
        }
    }
}
