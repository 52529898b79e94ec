//! Urls of `ProxyPass` and redirects, written as a `to` can have them.

use std::borrow::Cow;

/// What stands for itself in the path of a url that is sent on; `$` is looked at before.
const OF_PATHS: &str = "/-._~!&'()*+,=:@%";

/// What has no place in the url of a redirect.
const OF_NO_LOCATION: &str = "\"<>^`{|}\\";

/// The url that requests are sent to. Letters that no url has are escaped, as `proxy_util.c: ap_proxy_canonenc_ex()` does.
/// `has_groups`: `$1` stands for what a group of an expression has found, else for itself.
///
/// # Errors
///
/// Why it cannot be written.
pub(super) fn sent(url: &str, has_groups: bool) -> Result<String, String> {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(host..).unwrap_or_default();
    let end = end.find(['/', '$', '?', '#', '\\']);
    let end = end.map_or(url.len(), |at| host + at);
    let (address, rest) = url.split_at_checked(end).unwrap_or((url, ""));
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    if path.contains(';') {
        return Err(
            "the path of its target has a parameter (;), and no target has one here".to_owned(),
        );
    }
    if path.split('/').any(|name| matches!(name, "." | "..")) {
        return Err("the path of its target has a dot segment".to_owned());
    }
    let path = written(path, has_groups, |it| {
        it.is_ascii_alphanumeric() || OF_PATHS.contains(it)
    });
    let query = query.map(|query| {
        let query = written(query, has_groups, in_query);
        format!("?{query}")
    });
    Ok(format!("{address}{path}{}", query.unwrap_or_default()))
}

/// Writes the url of a section about what is sent on as the urls are written that it is compared with. A folder stays.
pub(super) fn as_sent(url: &mut String) {
    if url.contains("://")
        && let Ok(written) = sent(&without_query(&as_http(url)), false)
    {
        *url = written;
    }
}

/// The url of a backend for WebSocket (`ws`, `wss`), as the HTTP that it begins with: members that speak HTTP take upgrades.
pub(super) fn as_http(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Cow::Borrowed(url);
    };
    match &*scheme.to_ascii_lowercase() {
        "ws" => Cow::Owned(format!("http://{rest}")),
        "wss" => Cow::Owned(format!("https://{rest}")),
        _ => Cow::Borrowed(url),
    }
}

/// Where a redirect leads. Letters that no URL has are escaped.
pub(super) fn location(url: &str, has_groups: bool) -> String {
    written(url, has_groups, |it| {
        it.is_ascii_graphic() && !OF_NO_LOCATION.contains(it)
    })
}

/// The target of a `ProxyPass`, in which no query begins: httpd sends `?` as a letter of the path.
pub(super) fn without_query(url: &str) -> String {
    url.replace('?', "%3F")
}

fn in_query(letter: char) -> bool {
    letter.is_ascii_graphic() && !OF_NO_LOCATION.contains(letter) && letter != '#'
}

fn written(text: &str, has_groups: bool, is_plain: impl Fn(char) -> bool) -> String {
    let mut found = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied();
        match letter {
            // As `util.c: ap_pregsub()`: these two lose their backslash.
            '\\' if has_groups && next == Some('$') => {
                letters.next();
                found.push_str("\\$");
            }
            '\\' if has_groups && next == Some('\\') => {
                letters.next();
                found.push_str("%5C");
            }
            '$' if !has_groups && next.is_some_and(|it| it.is_ascii_digit()) => {
                found.push_str("\\$");
            }
            '$' => found.push('$'),
            _ if is_plain(letter) => found.push(letter),
            _ => {
                let mut bytes = [0; 4];
                for byte in letter.encode_utf8(&mut bytes).bytes() {
                    found.push_str(&format!("%{byte:02X}"));
                }
            }
        }
    }
    found
}

/// Whether what a group finds begins with a slash wherever its expression finds something, as far as its letters tell.
pub(super) fn begins_with_slash(pattern: &str, group: usize) -> bool {
    let mut at = 0;
    let mut count = 0;
    let bytes = pattern.as_bytes();
    if group == 0 {
        return pattern.starts_with('^');
    }
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'(' if bytes.get(at + 1) != Some(&b'?') => {
                count += 1;
                if count == group {
                    let inside = pattern.get(at + 1..).unwrap_or_default();
                    return inside.starts_with('/') || pattern.get(..at) == Some("^");
                }
            }
            _ => {}
        }
        at += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_no_url_has_are_escaped() {
        for (url, has_groups, expected) in [
            ("ajp://h/a b", false, "ajp://h/a%20b"),
            (
                "ajp://h/é|{x}^<x>#f",
                false,
                "ajp://h/%C3%A9%7C%7Bx%7D%5E%3Cx%3E%23f",
            ),
            ("ajp://h/a$1", false, r"ajp://h/a\$1"),
            ("ajp://h/a$1", true, "ajp://h/a$1"),
            (r"ajp://h/a\$1\\2\x", true, r"ajp://h/a\$1%5C2%5Cx"),
            (r"ajp://h/a\x", false, "ajp://h/a%5Cx"),
            ("balancer://b$0", true, "balancer://b$0"),
            ("http://h/a?b=c d", false, "http://h/a?b=c%20d"),
            ("http://h/a%20b", false, "http://h/a%20b"),
        ] {
            assert_eq!(sent(url, has_groups).as_deref(), Ok(expected), "{url}");
        }
        for url in ["ajp://h/a;v=1", "ajp://h/.", "ajp://h/a/../b"] {
            assert!(sent(url, false).is_err(), "{url}");
        }
        assert_eq!(
            location("http://h/{x}?a=$1#f", true),
            "http://h/%7Bx%7D?a=$1#f"
        );
        assert_eq!(location("/a$1", false), r"/a\$1");
    }

    #[test]
    fn groups_that_begin_with_a_slash() {
        for (pattern, group, expected) in [
            ("^(.*)$", 1, true),
            ("^/rm(.*)$", 1, false),
            ("^/rm(/.*)$", 1, true),
            (r"^/\((a)(/.*)$", 2, true),
            (r"^/(?:a)(/.*)$", 1, true),
            ("^/a", 0, true),
            ("a", 0, false),
            ("^/a", 1, false),
        ] {
            assert_eq!(begins_with_slash(pattern, group), expected, "{pattern}");
        }
    }
}
