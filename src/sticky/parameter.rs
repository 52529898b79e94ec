//! Parameters of a path and of a query.

/// The values of a parameter in the segments of a path, in order.
///
/// A segment's parameters begin at its first `;` and are separated by `;`. A value also ends at `?` or `&`, which
/// have no business in a path but end it in httpd.
pub(super) fn in_path<'a>(path: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    path.split('/')
        .flat_map(|segment| segment.split(';').skip(1))
        .filter_map(|parameter| parameter.split(['?', '&']).next())
        .filter_map(move |parameter| value(parameter, name))
}

/// The values of a parameter in a query, in order. Parameters are separated by `&`; a value also ends at `;` or `?`.
pub(super) fn in_query<'a>(query: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    query
        .split(['&', ';', '?'])
        .filter_map(move |parameter| value(parameter, name))
}

/// The value of `parameter` if that is its name. An empty value is none.
fn value<'a>(parameter: &'a str, name: &str) -> Option<&'a str> {
    if name.is_empty() {
        return None;
    }
    let value = parameter.strip_prefix(name)?.strip_prefix('=')?;
    (!value.is_empty()).then_some(value)
}
