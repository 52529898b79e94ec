//! `$1` in targets (`server/util.c: ap_pregsub()`), and `%1` and `%{NAME}` in those of mod_rewrite.

use regex::Captures;

/// What the groups of an expression have captured, the whole first.
#[derive(Debug, Clone, Default)]
pub(super) struct Captured(Vec<String>);

impl Captured {
    pub(super) fn of(captures: &Captures<'_>) -> Self {
        let group = |it: Option<regex::Match<'_>>| it.map_or("", |it| it.as_str()).to_owned();
        Self(captures.iter().map(group).collect())
    }

    pub(super) fn group(&self, letter: char) -> &str {
        let group = letter.to_digit(10).and_then(|it| usize::try_from(it).ok());
        let text = group.and_then(|group| self.0.get(group));
        text.map_or("", String::as_str)
    }
}

/// A text with `$0` to `$9` filled in; `\` makes the next letter plain.
pub(super) fn filled(text: &str, captured: &Captured) -> String {
    let mut filled = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek().copied()) {
            ('\\', Some(next)) if matches!(next, '$' | '\\') => {
                letters.next();
                filled.push(next);
            }
            ('$', Some(digit)) if digit.is_ascii_digit() => {
                letters.next();
                filled.push_str(captured.group(digit));
            }
            _ => filled.push(letter),
        }
    }
    filled
}

/// A text of mod_rewrite: `$1` of the rule, `%1` of the last condition, and variables (`modules/mappers/mod_rewrite.c: do_expand()`).
///
/// # Errors
///
/// The name of a variable, or of a map, that is not known.
pub(super) fn expanded(
    text: &str,
    rule: &Captured,
    condition: &Captured,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['$', '%', '\\']) {
        let (before, behind) = rest.split_at_checked(at).unwrap_or((rest, ""));
        filled.push_str(before);
        let mut letters = behind.chars();
        let mark = letters.next().unwrap_or_default();
        let after = letters.as_str();
        match (mark, letters.next()) {
            ('\\', Some(next)) => {
                filled.push(next);
                rest = letters.as_str();
            }
            ('$', Some(digit)) if digit.is_ascii_digit() => {
                filled.push_str(rule.group(digit));
                rest = letters.as_str();
            }
            ('%', Some(digit)) if digit.is_ascii_digit() => {
                filled.push_str(condition.group(digit));
                rest = letters.as_str();
            }
            (mark, Some('{')) => {
                let (name, behind) = letters.as_str().split_once('}').unwrap_or_default();
                let value = (mark == '%').then(|| variable(name)).flatten();
                filled.push_str(&value.ok_or_else(|| format!("{mark}{{{name}}}"))?);
                rest = behind;
            }
            _ => {
                filled.push(mark);
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_and_variables_are_filled_in() {
        let captured = |texts: [&str; 2]| Captured(texts.map(str::to_owned).to_vec());
        let (rule, condition) = (captured(["/a/b", "b"]), captured(["x", "y"]));
        assert_eq!(filled(r"/n/$1\$1$9$", &rule), "/n/b$1$");
        let variable = |name: &str| (name == "HTTP_HOST").then(|| "h".to_owned());
        let expand = |text: &str| expanded(text, &rule, &condition, &variable);
        assert_eq!(
            expand(r"https://%{HTTP_HOST}/$1/%1\%1$"),
            Ok("https://h/b/y%1$".to_owned())
        );
        assert_eq!(expand("%{HTTP_COOKIE}"), Err("%{HTTP_COOKIE}".to_owned()));
        assert_eq!(expand("${map:$1}"), Err("${map:$1}".to_owned()));
    }
}
