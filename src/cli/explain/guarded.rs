//! What `explain` says about access and users: as far as the head of the request says it. No password is checked, and no
//! server is asked.

use ajpgate_config::{self as config, Rate, RatePer};
use http::StatusCode;
use serde_json::{Value, json};

use crate::access::Access;
use crate::client::{Client, Trusted};
use crate::head::Fields;
use crate::identity::{ByHead, Identity, NoUser};

/// What a mapping asks of a client, and whether the request comes in.
#[derive(Debug, Default)]
pub(super) struct Guarded {
    /// What is said about the client's address and the rate; `None` where nothing is asked.
    access: Option<String>,
    /// What is said about the user; `None` where nobody asks.
    user: Option<String>,
    /// The user's name, where the head alone says it.
    name: Option<String>,
    /// The answer of a request that does not come in.
    pub(super) stopped: Option<(StatusCode, String)>,
}

impl Guarded {
    pub(super) fn of(
        access: &Access,
        identity: Option<&config::Identity>,
        fields: &Fields,
        client: &Client,
        trusted: &Trusted,
    ) -> Self {
        let mut guarded = Self::default();
        let admitted = access.admits(client.address.ip());
        let rate = access.rate().map(rate_text);
        if let Err(why) = admitted {
            guarded.access = Some(why.to_string());
            guarded.stopped = Some((StatusCode::FORBIDDEN, why.to_string()));
            return guarded;
        }
        if access.asks_for_addresses() {
            guarded.access = Some(format!("{} may come in", client.ip));
        }
        guarded.access = match (guarded.access.take(), rate) {
            (Some(access), Some(rate)) => Some(format!("{access}, {rate}")),
            (access, rate) => access.or(rate),
        };
        if let Some(settings) = identity {
            // Passwords are not checked: no file of users is needed.
            let identity = Identity::new(settings, None);
            guarded.ask(settings, identity.by_head(fields, client, trusted));
        }
        guarded
    }

    fn ask(&mut self, settings: &config::Identity, by_head: ByHead) {
        let kinds = kinds(settings).join(", ");
        let said = match by_head {
            ByHead::Known(user) => {
                let said = format!("{} ({})", user.name, user.kind.auth_type());
                self.name = Some(user.name);
                said
            }
            ByHead::Password(_) => "the password is checked".to_owned(),
            ByHead::Ask => "the server of `forward` is asked".to_owned(),
            ByHead::Nobody => "nobody, and goes on without a user".to_owned(),
            ByHead::Refused(why) => {
                let status = match why {
                    NoUser::NoPassword | NoUser::WrongPassword => StatusCode::UNAUTHORIZED,
                    NoUser::Unknown => StatusCode::FORBIDDEN,
                };
                self.stopped = Some((status, why.to_string()));
                why.to_string()
            }
        };
        self.user = Some(format!("{said}; asked by {kinds}"));
    }

    /// Labels and texts of the lines.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let lines = [("access", &self.access), ("user", &self.user)];
        lines
            .into_iter()
            .filter_map(|(label, text)| Some((label, text.as_deref()?)))
    }

    pub(super) fn json(&self) -> Value {
        json!({ "access": self.access, "user": self.name, "identity": self.user })
    }
}

/// The kinds that are asked, in their order.
fn kinds(settings: &config::Identity) -> Vec<&'static str> {
    let kinds = [
        (settings.client_certificate.is_some(), "client_certificate"),
        (settings.header.is_some(), "header"),
        (settings.basic.is_some(), "basic"),
        (settings.forward.is_some(), "forward"),
    ];
    let kinds = kinds.into_iter().filter(|(asked, _)| *asked);
    kinds.map(|(_, kind)| kind).collect()
}

fn rate_text(rate: &Rate) -> String {
    let unit = match rate.period.as_secs() {
        1 => "s",
        60 => "m",
        _ => "h",
    };
    let per = match rate.per {
        RatePer::Client => "client",
        RatePer::User => "user",
        RatePer::Mapping => "mapping",
    };
    let (requests, burst) = (rate.requests, rate.burst);
    format!("{requests}/{unit} with {burst} at once for each {per}")
}
