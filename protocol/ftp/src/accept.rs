//! `Accept` (RFC 9110 section 12.5.1): whether a listing is wanted as JSON.

use std::cmp::Reverse;

/// Whether the value of `Accept` names `application/json`, and prefers it to `text/html`: by a higher `q`, or at the same
/// `q` by standing first. A wildcard is no wish for JSON.
#[must_use]
pub fn prefers_json(accept: &[u8]) -> bool {
    let Ok(accept) = std::str::from_utf8(accept) else {
        return false;
    };
    match (
        weight(accept, "application/json"),
        weight(accept, "text/html"),
    ) {
        (Some(json), Some(html)) => json > html,
        (json, _) => json.is_some(),
    }
}

/// `q` and place of a media type; `None` when it is absent or unwanted (`q=0`).
fn weight(accept: &str, media_type: &str) -> Option<(f32, Reverse<usize>)> {
    accept.split(',').enumerate().find_map(|(place, range)| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next()?;
        if !name.eq_ignore_ascii_case(media_type) {
            return None;
        }
        let q = parts.find_map(|part| part.strip_prefix("q="));
        let q: f32 = q.unwrap_or("1").parse().unwrap_or(0.0);
        (q > 0.0).then_some((q, Reverse(place)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_sent_to_clients_that_prefer_it() {
        for (accept, json) in [
            ("application/json", true),
            ("APPLICATION/JSON; q=0.5, */*", true),
            ("application/json, text/html", true),
            ("text/html;q=0.8, application/json;q=0.9", true),
            ("text/html, application/json", false),
            ("text/html, application/json;q=0.9", false),
            ("application/json;q=0, text/plain", false),
            ("application/json;q=x", false),
            ("application/json;q=NaN", false),
            ("*/*", false),
            ("application/jsonx", false),
            ("", false),
        ] {
            assert_eq!(prefers_json(accept.as_bytes()), json, "{accept}");
        }
    }
}
