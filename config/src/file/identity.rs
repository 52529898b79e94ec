//! `auth` of a mapping: how the gateway learns who the user is.

use schemars::JsonSchema;
use serde::Deserialize;

use super::member::MemberTls;
use crate::field::{Checked, Field, Named, Scalar};
use crate::model::CertificateName;
use crate::value::{
    AttributeName, AuthUrl, FieldName, FileName, Period, Realm, Switch, UserName, Word,
};

/// Who the user is. Several kinds are tried in this order, the first that knows the client counts: `client_certificate`,
/// `header`, `basic`, `forward`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "mapping.auth", default, deny_unknown_fields)]
#[schemars(extend("anyOf" = [
    { "required": ["basic"] }, { "required": ["forward"] }, { "required": ["client_certificate"] }, { "required": ["header"] }
]))]
pub(crate) struct Identity {
    /// Name and password (RFC 7617).
    pub(crate) basic: Field<Basic>,
    /// A server is asked for each request.
    pub(crate) forward: Field<ForwardAuth>,
    /// The client's certificate, on listeners with `client_auth`.
    pub(crate) client_certificate: Field<CertificateUser>,
    /// A header field of a trusted proxy.
    pub(crate) header: Field<HeaderUser>,
    /// Whether only known users are let in.
    #[schemars(extend("default" = true))]
    pub(crate) required: Scalar<Switch>,
}

/// Users with passwords.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "mapping.auth.basic", default, deny_unknown_fields)]
#[schemars(extend("required" = ["users"]))]
pub(crate) struct Basic {
    /// What browsers show when they ask for a password.
    #[schemars(extend("default" = "ajpgate"))]
    pub(crate) realm: Scalar<Realm>,
    /// File of names and hashes, as `htpasswd -B` writes it: bcrypt, SHA-512 or SHA-256 crypt.
    pub(crate) users: Scalar<FileName>,
    /// The users of the file who come in; all of them where it is absent.
    pub(crate) only: Field<Vec<Scalar<UserName>>>,
    /// Whether backends get the Authorization field.
    #[schemars(extend("default" = false))]
    pub(crate) pass: Scalar<Switch>,
}

/// A server that says who the user is.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "mapping.auth.forward", default, deny_unknown_fields)]
#[schemars(extend("required" = ["url"]))]
pub(crate) struct ForwardAuth {
    /// Its http or https url. A 2xx answer lets the request in; any other answer is the client's.
    pub(crate) url: Scalar<AuthUrl>,
    /// How long its answer may take, up to the end of its head.
    #[schemars(extend("default" = "5s"))]
    pub(crate) timeout: Scalar<Period<1>>,
    /// The field of its answer that names the user.
    #[schemars(extend("default" = "X-Auth-Request-User"))]
    pub(crate) user: Scalar<FieldName>,
    /// Request attributes, each with the field of its answer that has the value.
    #[schemars(extend("default" = {}))]
    pub(crate) attributes: Field<Named<AttributeName, Checked<FieldName>>>,
    /// TLS towards an https url.
    pub(crate) tls: Field<MemberTls>,
}

/// The user that a certificate names.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(
    rename = "mapping.auth.client_certificate",
    default,
    deny_unknown_fields
)]
pub(crate) struct CertificateUser {
    /// CN, DN, email (rfc822Name) or upn.
    #[schemars(extend("default" = "CN"))]
    pub(crate) user: Scalar<Word<CertificateName>>,
}

/// The user that a trusted proxy names.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename = "mapping.auth.header", default, deny_unknown_fields)]
pub(crate) struct HeaderUser {
    /// The field that names the user.
    #[schemars(extend("default" = "X-Remote-User"))]
    pub(crate) user: Scalar<FieldName>,
    /// Request attributes, each with the field that has the value.
    #[schemars(extend("default" = {}))]
    pub(crate) attributes: Field<Named<AttributeName, Checked<FieldName>>>,
}
