//! How the paths begin in which a regular expression is found, as far as its letters tell. The answers are on the safe side:
//! an expression that is not understood may be found in every path.

/// The alternatives of an expression, outside of groups.
pub(crate) fn alternatives(pattern: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let (mut depth, mut in_class, mut escaped) = (0_usize, false, false);
    for letter in pattern.chars() {
        let plain = !std::mem::replace(&mut escaped, false);
        match letter {
            '\\' if plain => escaped = true,
            '[' if plain && !in_class => in_class = true,
            ']' if plain => in_class = false,
            '(' if plain && !in_class => depth += 1,
            ')' if plain && !in_class => depth = depth.saturating_sub(1),
            '|' if plain && !in_class && depth == 0 => {
                found.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = found.last_mut() {
            last.push(letter);
        }
    }
    found
}

/// Letters with one of which every path begins in which an expression is found; an empty one stands for every path.
pub(crate) fn starts(pattern: &str) -> Vec<String> {
    let start = |alternative: &String| match alternative.strip_prefix('^') {
        Some(rest) => starts_of(rest),
        None => vec![String::new()],
    };
    alternatives(pattern).iter().flat_map(start).collect()
}

/// The same for one alternative behind its `^`: letters, and behind them perhaps a group of alternatives.
fn starts_of(text: &str) -> Vec<String> {
    let (start, rest) = literal(text);
    let Some(group) = rest.strip_prefix('(') else {
        return vec![start];
    };
    let mut depth = 1_usize;
    let end = group.char_indices().find(|(_, letter)| {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    });
    let Some((inner, behind)) = end.and_then(|(at, _)| group.split_at_checked(at)) else {
        return vec![start];
    };
    let inner = inner.strip_prefix("?:").unwrap_or(inner);
    let optional = behind
        .get(1..)
        .is_some_and(|it| it.starts_with(['?', '*', '{']));
    if inner.contains(['\\', '[']) || inner.starts_with('?') || optional {
        return vec![start];
    }
    let inner = alternatives(inner);
    inner
        .iter()
        .map(|it| format!("{start}{}", literal(it).0))
        .collect()
}

/// The letters that stand for themselves at the start of an expression, and what is behind them.
pub(crate) fn literal(text: &str) -> (String, &str) {
    let (mut found, mut rest) = (String::new(), text);
    loop {
        let mut letters = rest.chars();
        let letter = match letters.next() {
            Some('\\') => letters
                .next()
                .filter(|it| r"\.+*?()|[]{}^$-/".contains(*it)),
            Some(letter) if letter.is_alphanumeric() || "/-_~,:@=!%&' ".contains(letter) => {
                Some(letter)
            }
            _ => None,
        };
        let behind = letters.as_str();
        match letter {
            Some(_) if behind.starts_with(['?', '*', '{']) => return (found, rest),
            Some(letter) => found.push(letter),
            None => return (found, rest),
        }
        rest = behind;
    }
}

/// The only path in which an expression is found; `None` where there may be others.
pub(crate) fn only(pattern: &str) -> Option<String> {
    let (found, rest) = literal(pattern.strip_prefix('^')?);
    (rest == "$").then_some(found)
}

/// Whether an expression may be found in a path or in one below it.
pub(crate) fn may_be_below(pattern: &str, path: &str) -> bool {
    if let Some(only) = only(pattern) {
        return is_below(&only, path);
    }
    let mut starts = starts(pattern).into_iter();
    path == "/" || starts.any(|start| path.starts_with(&start) || is_below(&start, path))
}

/// Whether a path is another, or below it.
pub(crate) fn is_below(path: &str, above: &str) -> bool {
    let rest = path.strip_prefix(above.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_may_be_found_below_a_path_unless_its_letters_say_otherwise() {
        for (pattern, path, expected) in [
            (r"\.(jsp|do)$", "/admin", true),
            ("^/", "/admin", true),
            ("^/admin", "/admin", true),
            ("^/adm", "/admin", true),
            ("^/admin/x$", "/admin", true),
            ("^/admin$", "/admin", true),
            (r"^/admin\.do$", "/admin", false),
            ("^/administration/", "/admin", false),
            ("^/$", "/admin", false),
            ("^/static/", "/admin", false),
            (r"^/static/|\.do$", "/admin", true),
            ("^/(static|admin)/", "/admin", true),
            ("^/(static|images)/", "/admin", false),
            ("^/(static)?", "/admin", true),
            ("(?i)^/STATIC/", "/admin", true),
            ("static", "/admin", true),
            ("^/static/", "/", true),
        ] {
            assert_eq!(may_be_below(pattern, path), expected, "{pattern} {path}");
        }
    }
}
