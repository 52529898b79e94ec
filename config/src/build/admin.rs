//! The admin listener.

use std::net::SocketAddr;

use super::listener::overlap;
use super::{Builder, Need, list};
use crate::defaults;
use crate::field::{Either, Field};
use crate::file;
use crate::model::{Admin, Auth, Listener};
use crate::report::Place;
use crate::value::Off;

impl Builder<'_> {
    /// The admin listener with its place; `None`: there is none.
    pub(super) fn admin(
        &self,
        field: Field<Either<Off, file::Admin>>,
        listeners: &[(Place, Listener)],
        file: Place,
    ) -> Option<(Place, Admin)> {
        let (whole, admin) = match field {
            Field::Given(_, Either::Scalar(())) => return None,
            Field::Given(place, Either::Whole(admin)) => (place, admin),
            Field::Absent | Field::Unreadable => (file, file::Admin::default()),
        };
        let place = admin.bind.place();
        let bind = admin.bind.settled(defaults::ADMIN_BIND);
        let loopback = bind.is_none_or(|bind| bind.ip().to_canonical().is_loopback());
        if let (Some(place), false, true) = (place, loopback, admin.auth.is_absent()) {
            self.report.error_with_hint(
                place,
                "bind: an admin listener that others can reach needs `auth`",
                "add `auth: { user: admin, password: \"${ADMIN_PASSWORD}\" }`, or bind to 127.0.0.1",
            );
        }
        if let Field::Given(place, networks) = &admin.allow
            && networks.is_empty()
        {
            self.report.error_with_hint(
                *place,
                "allow: an empty list lets nobody in",
                "write `admin: off` for no admin listener, or remove the key for the default",
            );
        }
        let bind = bind.unwrap_or(defaults::ADMIN_BIND);
        self.is_not_taken(bind, place, listeners);
        let allow = match admin.allow.is_absent() {
            true => defaults::admin_allow(loopback).to_vec(),
            false => list(admin.allow),
        };
        let auth = admin
            .auth
            .given()
            .and_then(|(place, auth)| self.auth(auth, place));
        let tls = admin.tls.given();
        let built = Admin {
            bind,
            allow,
            auth,
            tls: tls.map(|(place, tls)| self.listener_tls(tls, place)),
            state_file: self.file(admin.state_file),
        };
        Some((place.unwrap_or(whole), built))
    }

    /// Reports a listener at the address of the admin listener.
    fn is_not_taken(
        &self,
        bind: SocketAddr,
        place: Option<Place>,
        listeners: &[(Place, Listener)],
    ) {
        let taken = listeners
            .iter()
            .find(|(_, other)| overlap(other.bind, bind));
        if let Some((other, listener)) = taken {
            let (line, other_bind) = (other.line, listener.bind);
            let message = match other_bind == bind {
                true => {
                    format!("the admin listener and the listener in line {line} both take {bind}")
                }
                false => format!(
                    "the admin listener at {bind} cannot stand beside {other_bind}, the listener in line {line}: one of them takes the connections of both"
                ),
            };
            self.report.error_with_hint(
                place.unwrap_or(*other),
                message,
                "write `admin: { bind: \"127.0.0.1:PORT\" }` with another port, or `admin: off`",
            );
        }
    }

    fn auth(&self, auth: file::Auth, place: Place) -> Option<Auth> {
        let basic = !auth.user.is_absent() || !auth.password.is_absent();
        match (basic, auth.token.is_absent()) {
            (true, false) => {
                self.report.error_with_hint(
                    place,
                    "auth: `token` stands in place of `user` and `password`",
                    "keep one of the two ways",
                );
                None
            }
            (false, true) => {
                self.report.error_with_hint(
                    place,
                    "auth: nobody is named",
                    "write `user` and `password`, or `token`",
                );
                None
            }
            (false, false) => auth.token.optional().map(Auth::Token),
            (true, true) => {
                let user = self.required(
                    auth.user,
                    place,
                    Need {
                        of: "auth",
                        key: "user",
                        example: "admin",
                    },
                );
                let password = self.required(
                    auth.password,
                    place,
                    Need {
                        of: "auth",
                        key: "password",
                        example: "\"${ADMIN_PASSWORD}\"",
                    },
                );
                let ((_, user), (_, password)) = (user?, password?);
                Some(Auth::Basic {
                    user: user.0,
                    password: password.0,
                })
            }
        }
    }
}
