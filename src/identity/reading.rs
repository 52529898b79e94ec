//! A user who is named by header fields: of a trusted proxy, or of the server that is asked.

use ajpgate_config::UserAttribute;

use super::user::{Attribute, Kind, User, value};
use crate::head::Fields;

/// The user that the field `name` names, and its attributes. Names of fields have to be spelt as they are: a proxy that
/// removes `X-Remote-User` of its clients may let `X_Remote_User` through. `None` without such a field, and where there are
/// several, so that it is not certain who is meant.
pub(crate) fn user_in(
    fields: &Fields,
    name: &str,
    attributes: &[UserAttribute],
    kind: Kind,
) -> Option<User> {
    let mut names = fields.all(name);
    let found = names.next().filter(|_| names.next().is_none())?;
    let mut user = User::new(trimmed(found), kind)?;
    user.attributes = attributes
        .iter()
        .filter_map(|it| attribute(fields, it))
        .collect();
    Some(user)
}

/// The value of a field without the white space around it (RFC 9110 section 5.5): blanks and tabs, and nothing else.
fn trimmed(value: &[u8]) -> &[u8] {
    value.trim_ascii()
}

/// An attribute; several fields of its name are one list (RFC 9110 section 5.3).
fn attribute(fields: &Fields, wanted: &UserAttribute) -> Option<Attribute> {
    let values: Vec<&[u8]> = fields.all(&*wanted.field).collect();
    if values.is_empty() {
        return None;
    }
    Some(Attribute {
        name: wanted.name.clone(),
        field: wanted.field.clone(),
        value: value(trimmed(&values.join(&b", "[..])))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of fields, and who they name.
    type Row = (
        &'static [(&'static str, &'static str)],
        Option<&'static str>,
    );

    #[test]
    fn one_field_names_the_user() {
        let table: &[Row] = &[
            (&[("X-Remote-User", "anna")], Some("anna")),
            (&[("x-remote-user", " anna ")], Some("anna")),
            (&[("X-Remote-User", "\u{a0}anna")], None),
            (&[("X-Remote-User", "anna\u{3000}")], None),
            (&[("X-Remote-User", "")], None),
            (&[("X_Remote_User", "anna")], None),
            (&[("X-Remote-Users", "anna")], None),
            (
                &[("X-Remote-User", "anna"), ("X-Remote-User", "bert")],
                None,
            ),
            (&[("X-Remote-User", ""), ("X-Remote-User", "bert")], None),
            (&[("X-Remote-User", "an\tna")], None),
            (&[], None),
        ];
        for (sent, name) in table {
            let fields = sent
                .iter()
                .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
            let user = user_in(&fields.collect(), "x-remote-user", &[], Kind::Header);
            assert_eq!(user.map(|user| user.name).as_deref(), *name, "{sent:?}");
        }
    }
}
