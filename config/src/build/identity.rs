//! `auth` of a mapping.

use super::{Builder, Need, list, whole};
use crate::defaults;
use crate::field::{Checked, Field, Named};
use crate::file;
use crate::model::{
    Basic, CertificateName, ForwardAuth, HeaderUser, Identity, USER_FIELD, UserAttribute,
};
use crate::report::Place;
use crate::template::TemplateText;
use crate::value::{AttributeName, FieldName};

/// Fields that carry the message itself or the client's credentials, or that every client sends. A user or an attribute cannot
/// come from them: a field of a user is taken off the requests of all clients.
const NO_USERS: [&str; 24] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "authorization",
    "cache-control",
    "content-encoding",
    "content-type",
    "cookie",
    "destination",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "location",
    "origin",
    "pragma",
    "range",
    "referer",
    "set-cookie",
    "user-agent",
    "www-authenticate",
];

/// Fields that the gateway writes itself: who the client is, and what a request is given on its way. Those of one connection are
/// no names that can be given here (`FieldName`).
const OWN: [&str; 9] = [
    "expect",
    "forwarded",
    "trailer",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
];

/// Most attributes of a user: each is a request attribute of the same packet.
const MOST_ATTRIBUTES: usize = 32;

impl Builder<'_> {
    /// Warns of a key that changes nothing.
    fn required_beside_forward(&self, auth: &file::Identity) {
        if let (Field::Given(place, Checked(false)), false) =
            (&auth.required, auth.forward.is_absent())
        {
            self.report.warning(
                *place,
                "required: has no effect beside `forward`: its server decides who comes in",
                "let the server answer 200 without a user for those who may go on without one; any answer but 2xx is the client's",
            );
        }
    }

    /// `place` is that of the map. `None` when it could not be read, or names no kind.
    pub(super) fn identity(&self, auth: file::Identity, place: Place) -> Option<Identity> {
        let kinds = [
            auth.basic.is_absent(),
            auth.forward.is_absent(),
            auth.client_certificate.is_absent(),
            auth.header.is_absent(),
        ];
        if kinds.into_iter().all(|absent| absent) {
            self.report.error_with_hint(
                place,
                "auth: it is not said how users are known",
                "write one or more of `basic`, `forward`, `client_certificate` and `header`",
            );
            return None;
        }
        let certificate = auth.client_certificate.place();
        if let (Some(place), false) = (certificate, self.around.asks_for_certificates) {
            self.report.error_with_hint(
                place,
                "client_certificate: no listener asks clients for certificates",
                "write `client_auth: optional` or `client_auth: required` with `client_ca` in the `tls` of a listener",
            );
        }
        if let (Some(place), true) = (certificate, self.around.has_several_authorities) {
            self.report.warning(
                place,
                "client_certificate: users are named by certificates of every listener's `client_ca`, and these differ",
                "make sure that no two of the authorities issue certificates for the same name",
            );
        }
        let header = auth.header.place();
        if let (Some(place), true) = (header, self.around.trusts_nobody) {
            self.report.error_with_hint(
                place,
                "header: nobody may say who the user is without `trusted_proxies`",
                "name the proxies that know the users: `trusted_proxies: [10.0.0.5]`",
            );
        }
        self.required_beside_forward(&auth);
        Some(Identity {
            client_certificate: certificate.map(|_| certificate_name(auth.client_certificate)),
            header: header.map(|_| self.header_user(auth.header)),
            basic: auth
                .basic
                .given()
                .and_then(|(place, basic)| self.basic(basic, place)),
            forward: auth
                .forward
                .given()
                .and_then(|(place, forward)| self.forward_auth(forward, place)),
            required: auth.required.or(defaults::AUTH_REQUIRED),
        })
    }

    fn basic(&self, basic: file::Basic, place: Place) -> Option<Basic> {
        let need = Need {
            of: "basic",
            key: "users",
            example: "users.htpasswd",
        };
        let given = basic.users.place();
        let users = self.required_file(basic.users, place, need);
        let realm = basic.realm.or(defaults::REALM.to_owned());
        let pass = basic.pass.or(defaults::PASS);
        if let Field::Given(place, names) = &basic.only
            && names.is_empty()
        {
            self.report.error_with_hint(
                *place,
                "only: an empty list lets nobody in",
                "name the users who come in, or remove the key",
            );
        }
        let only = match basic.only.is_absent() {
            true => None,
            false => Some(list(basic.only)),
        };
        given?;
        Some(Basic {
            realm,
            users,
            only,
            pass,
        })
    }

    fn header_user(&self, field: Field<file::HeaderUser>) -> HeaderUser {
        let header = whole(field);
        HeaderUser {
            user: self.user_field(header.user, defaults::HEADER_USER),
            attributes: self.attributes(header.attributes),
        }
    }

    fn forward_auth(&self, forward: file::ForwardAuth, place: Place) -> Option<ForwardAuth> {
        let need = Need {
            of: "forward",
            key: "url",
            example: "\"http://127.0.0.1:4180/auth\"",
        };
        let url = self.required(forward.url, place, need);
        let url = url.map(|(_, url)| url.0);
        let timeout = forward.timeout.or(defaults::FORWARD_TIMEOUT);
        let server = file::Member {
            tls: forward.tls,
            ..file::Member::default()
        };
        let server = self.member(server, url.as_ref().map(|target| target.url.clone()));
        let user = self.user_field(forward.user, defaults::FORWARD_USER);
        let attributes = self.attributes(forward.attributes);
        let (mut server, target) = server.zip(url)?;
        server.timeout = timeout;
        server.connectiontimeout = server.connectiontimeout.min(timeout);
        server.acquire = server.acquire.min(timeout);
        Some(ForwardAuth {
            server: Box::new(server),
            path: target.path,
            query: target.query,
            timeout,
            user,
            attributes,
        })
    }

    fn user_field(&self, field: Field<Checked<FieldName>>, default: &str) -> String {
        if let Field::Given(place, name) = &field {
            self.field_of_user(*place, &name.0);
        }
        field.or(default.to_owned())
    }

    fn field_of_user(&self, place: Place, name: &str) {
        if NO_USERS.contains(&name) {
            self.report.error_with_hint(
                place,
                format!("{name}: this field does not say who the user is"),
                "name the field in which the other program writes it",
            );
        }
        if OWN.contains(&name) {
            self.report.error_with_hint(
                place,
                format!("{name}: the gateway writes this field itself"),
                "name another field; who the client is stands in the fields of the gateway anyway",
            );
        }
    }

    fn attributes(
        &self,
        field: Field<Named<AttributeName, Checked<FieldName>>>,
    ) -> Vec<UserAttribute> {
        let Some((place, entries)) = field.given() else {
            return Vec::new();
        };
        if entries.0.len() > MOST_ATTRIBUTES {
            self.report.error_with_hint(
                place,
                format!("attributes: more than {MOST_ATTRIBUTES}"),
                "keep those that the application reads",
            );
        }
        let mut attributes = Vec::new();
        for (name, field) in entries.0 {
            if let Field::Given(place, field) = &field {
                self.field_of_user(*place, &field.0);
                if field.0.eq_ignore_ascii_case(USER_FIELD) {
                    self.report.error_with_hint(
                        *place,
                        format!("{USER_FIELD}: members get the name of the user in this field"),
                        "name another field; `user` says which one names the user",
                    );
                }
            }
            if let Some((name, field)) = name.optional().zip(field.optional()) {
                attributes.push(UserAttribute { name, field });
            }
        }
        attributes
    }

    /// Reports request attributes that have the name of an attribute of the user: a value that the client has chosen could
    /// take its place.
    pub(super) fn attributes_of_users(
        &self,
        identity: &Identity,
        own: &Field<Named<AttributeName, Checked<TemplateText>>>,
    ) {
        let own = own.value().into_iter().flat_map(|own| &own.0);
        for (name, _) in own {
            let Field::Given(place, name) = name else {
                continue;
            };
            let (place, name) = (*place, &name.0);
            if identity.attributes().any(|known| known.name == *name) {
                self.report.error_with_hint(
                    place,
                    format!("request_attributes: {name} is an attribute of `auth`"),
                    "give one of them another name",
                );
            }
        }
    }
}

fn certificate_name(field: Field<file::CertificateUser>) -> CertificateName {
    whole(field).user.or(defaults::CERTIFICATE_NAME)
}
