//! Who the user of a request is: `auth` of a mapping.
//!
//! [`Identity::by_head`] says what follows from the head of a request alone, and `ajpgate explain` asks it too. A password
//! is looked up by [`Identity::look_up`], and checked by [`LogIn::verify`] in threads of its own. The server of `forward` is asked by the request path, which
//! reads its answer with [`Identity::told`].
//!
//! | file | what it has |
//! |---|---|
//! | `user` | the user: the value that everything behind is told |
//! | `certificate` | the user that a verified certificate names |
//! | `reading` | the user that header fields name |
//! | `credentials` | `Authorization: Basic` |
//! | `htpasswd`, `users` | a file of users, and what changes of it while the gateway runs |
//! | `good`, `under_way`, `hashing` | passwords that were found right; checks that requests share; threads for them |

mod certificate;
mod credentials;
mod good;
mod hashing;
mod htpasswd;
mod reading;
mod under_way;
mod user;
mod users;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use ajpgate_config as config;

use self::certificate::name_in;
pub(crate) use self::credentials::Credentials;
use self::credentials::Sent;
pub(crate) use self::hashing::{Busy, Hashing};
use self::reading::user_in;
use self::user::Kind;
pub(crate) use self::user::User;
use self::users::Check;
pub(crate) use self::users::{LiveUsers, UsersError, read};
use crate::client::{Client, Trusted};
use crate::head::Fields;

/// `auth` of a mapping, with its file of users.
#[derive(Debug)]
pub(crate) struct Identity {
    settings: config::Identity,
    /// The users of `basic`.
    users: Option<Arc<LiveUsers>>,
    /// What a client is told that has no right password (RFC 7617 section 2).
    challenge: String,
}

/// What the head of a request says about its user.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ByHead {
    /// This user.
    Known(User),
    /// Perhaps this one: the password has to be checked.
    Password(Credentials),
    /// The server of `forward` has to be asked.
    Ask,
    /// Nobody, and the request goes on without a user.
    Nobody,
    /// Nobody, and the request does not go on.
    Refused(NoUser),
}

/// Why a request without a user does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoUser {
    #[error("no user with this password")]
    WrongPassword,
    #[error("no name and password")]
    NoPassword,
    #[error("no user is known")]
    Unknown,
}

impl Identity {
    /// `users` are those of the file that `basic` names.
    pub(crate) fn new(settings: &config::Identity, users: Option<Arc<LiveUsers>>) -> Self {
        let realm = settings.basic.as_ref().map(|basic| &*basic.realm);
        Self {
            challenge: challenge(realm.unwrap_or_default()),
            settings: settings.clone(),
            users,
        }
    }

    pub(crate) const fn settings(&self) -> &config::Identity {
        &self.settings
    }

    /// The value of `WWW-Authenticate`, which goes with 401.
    pub(crate) fn challenge(&self) -> &str {
        &self.challenge
    }

    /// Whether members get the Authorization field of a client.
    pub(crate) fn passes_authorization(&self) -> bool {
        let basic = self.settings.basic.as_ref();
        basic.is_none_or(|basic| basic.pass)
    }

    /// What the head of a request says. The kinds are asked in their order, and the first that knows the client counts.
    /// `trusted` are those who may say who their user is.
    pub(crate) fn by_head(&self, fields: &Fields, client: &Client, trusted: &Trusted) -> ByHead {
        let config::Identity {
            client_certificate,
            header,
            basic,
            forward,
            required,
            ..
        } = &self.settings;
        let certificate = || of_certificate((*client_certificate)?, client);
        let of_proxy = || {
            let header = header.as_ref().filter(|_| is_told(client, trusted))?;
            user_in(fields, &header.user, &header.attributes, Kind::Header)
        };
        if let Some(user) = certificate().or_else(of_proxy) {
            return ByHead::Known(user);
        }
        if basic.is_some() {
            match Sent::of(fields) {
                Sent::Credentials(credentials) => return ByHead::Password(credentials),
                Sent::Broken => return ByHead::Refused(NoUser::WrongPassword),
                Sent::Nothing => {}
            }
        }
        match () {
            () if forward.is_some() => ByHead::Ask,
            () if !required => ByHead::Nobody,
            () if basic.is_some() => ByHead::Refused(NoUser::NoPassword),
            () => ByHead::Refused(NoUser::Unknown),
        }
    }

    /// What the file of users says about a name and a password, as far as that is known without hashing.
    pub(crate) async fn look_up<'c>(&self, credentials: &'c Credentials) -> LogIn<'c> {
        let check = match &self.users {
            Some(users) => Some(users.check(credentials).await),
            None => None,
        };
        let basic = self.settings.basic.as_ref();
        let only = basic.and_then(|basic| basic.only.as_ref());
        LogIn {
            credentials,
            check,
            is_wanted: only.is_none_or(|only| only.contains(&credentials.user)),
        }
    }

    /// The user that the server of `forward` names in an answer that lets the request in; `None` when it names none.
    ///
    /// # Errors
    /// It names somebody, and it is not certain whom.
    pub(crate) fn told(&self, answer: &Fields) -> Result<Option<User>, BadUser> {
        let Some(forward) = &self.settings.forward else {
            return Ok(None);
        };
        let user = user_in(answer, &forward.user, &forward.attributes, Kind::Forward);
        let mut named = answer.all(&*forward.user);
        match user {
            None if named.any(|value| !value.trim_ascii().is_empty()) => Err(BadUser),
            user => Ok(user),
        }
    }
}

/// A server has named a user whom nobody can tell.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "several fields name the user, or one has no name in UTF-8 of 1 to 1024 bytes without control characters and white space around it"
)]
pub(crate) struct BadUser;

/// A name and a password that the file of users was asked about.
#[derive(Debug)]
pub(crate) struct LogIn<'c> {
    credentials: &'c Credentials,
    /// `None` without a file of users.
    check: Option<Check>,
    /// Whether the user is one of those who come in.
    is_wanted: bool,
}

impl LogIn<'_> {
    /// The user, where the password was found right before; `None` says nothing about it.
    pub(crate) fn remembered(&self) -> Option<User> {
        let check = self.check.as_ref();
        check.filter(|check| check.is_known()).and(self.user())
    }

    /// The user; `None` when there is none with this name and password.
    ///
    /// # Errors
    /// Too many passwords wait to be checked.
    pub(crate) async fn verify(
        self,
        client: IpAddr,
        hashing: &Hashing,
    ) -> Result<Option<User>, Busy> {
        let user = self.user();
        let right = match self.check {
            Some(check) => check.verify(self.credentials, client, hashing).await?,
            None => false,
        };
        Ok(user.filter(|_| right))
    }

    fn user(&self) -> Option<User> {
        let user = User::new(self.credentials.user.as_bytes(), Kind::Basic);
        user.filter(|_| self.is_wanted)
    }
}

/// Whether those who have written the fields of a request may say who its user is.
pub(crate) fn is_told(client: &Client, trusted: &Trusted) -> bool {
    let writer = match &client.said {
        Some(said) => &said.proxy,
        None => client,
    };
    // A proxy that does not name its client passes bytes on: the fields may be the client's own.
    writer.is_named() && trusted.contains(writer.address.ip())
}

/// The user of a certificate that the client has shown to this gateway. It was verified, or there would be no connection.
fn of_certificate(wanted: config::CertificateName, client: &Client) -> Option<User> {
    let leaf = client.tls.as_ref()?.leaf();
    let name = name_in(leaf, wanted)?;
    User::new(name.as_bytes(), Kind::ClientCertificate)
}

/// A challenge with this realm, as a quoted string (RFC 9110 section 5.6.4).
fn challenge(realm: &str) -> String {
    let escaped = realm.replace('\\', "\\\\").replace('"', "\\\"");
    format!("Basic realm=\"{escaped}\", charset=\"UTF-8\"")
}
