//! Fields of the engine's hashes that are told anew all the time, each with the time.

use std::collections::BTreeMap;

/// The key of the routes.
pub(super) const ROUTES: &str = "routes";

/// The key of the members that were discovered.
pub(super) const MEMBERS: &str = "members";

/// Fields of a hash, with their values.
pub(super) type Fields = Vec<(String, Vec<u8>)>;

/// Routes that were learned, by balancer and URL.
pub(crate) type Routes = BTreeMap<(String, String), String>;

/// Members that were discovered, by balancer and URL: each with a text that says what it is.
pub(crate) type ToldMembers = BTreeMap<(String, String), String>;

/// What the fields that the engine has say of members, by balancer and URL.
pub(super) fn of_members(fields: &Fields) -> BTreeMap<(String, String), String> {
    let text = |(field, value): &(String, Vec<u8>)| {
        let (_, text) = stamped(value)?;
        Some((of_member(field)?, String::from_utf8(text.to_vec()).ok()?))
    };
    fields.iter().filter_map(text).collect()
}

/// Balancer and URL of a member.
pub(super) fn of_member(field: &str) -> Option<(String, String)> {
    let (balancer, url) = field.split_once(' ')?;
    Some((balancer.to_owned(), url.to_owned()))
}

/// A time in milliseconds, and what was told then.
pub(super) fn stamped(value: &[u8]) -> Option<(u64, &[u8])> {
    let blank = value.iter().position(|byte| *byte == b' ')?;
    let (time, record) = value.split_at_checked(blank)?;
    let time = str::from_utf8(time).ok()?.parse().ok()?;
    Some((time, record.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_read_as_they_were_written_and_others_are_left_out() {
        let fields = [
            ("shop ajp://10.0.0.1:8009", "1764536400000 node1"),
            ("shop ajp://10.0.0.2:8009", "1764536400000"),
            ("shop", "1764536400000 node3"),
            ("shop ajp://10.0.0.4:8009", "soon node4"),
        ];
        let fields = fields.map(|(field, value)| (field.to_owned(), value.as_bytes().to_vec()));
        let member = ("shop".to_owned(), "ajp://10.0.0.1:8009".to_owned());
        let expected = Routes::from([(member, "node1".to_owned())]);
        assert_eq!(of_members(&fields.to_vec()), expected);
    }
}
