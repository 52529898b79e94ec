//! Parameters of a path and of a query.

/// The values of a parameter in the segments of a path, in order.
///
/// The parameters of a segment begin at its first `;` and are separated by `;`. A value also ends at `?` or `&`: these
/// end it in httpd (`mod_proxy_balancer.c: get_path_param()`).
pub(super) fn in_path<'a>(path: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    // Most paths have no parameters.
    let from = memchr::memchr(b';', path.as_bytes()).unwrap_or(path.len());
    let with_parameters = path.get(from..).unwrap_or_default();
    with_parameters
        .split('/')
        .flat_map(|segment| segment.split(';').skip(1))
        .filter_map(|parameter| parameter.split(['?', '&']).next())
        .filter_map(move |parameter| value(parameter, name))
}

/// The values of a parameter in a query, in order.
///
/// Parameters are separated by `&` only: what looks like a session id inside the value of another parameter
/// (`next=/a;jsessionid=…`, `next=/a?jsessionid=…`) is text of that value. The value of the parameter itself ends at
/// `&`, `;` or `?`.
pub(super) fn in_query<'a>(query: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    query
        .split('&')
        .filter_map(|parameter| parameter.split([';', '?']).next())
        .filter_map(move |parameter| value(parameter, name))
}

/// The value of `parameter` when `name` is its whole name. `None` for an empty value.
fn value<'a>(parameter: &'a str, name: &str) -> Option<&'a str> {
    if name.is_empty() {
        return None;
    }
    let value = parameter.strip_prefix(name)?.strip_prefix('=')?;
    (!value.is_empty()).then_some(value)
}
