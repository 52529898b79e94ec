//! Rules that refuse TRACE.

/// What is said of lines that refuse TRACE.
pub(crate) const TRACE_GOES_ON: &str = "left out: TRACE and TRACK are sent on like other methods: members have to refuse them, as Tomcat does unless allowTrace is set";

/// Whether conditions ask for the methods TRACE and TRACK alone: `RewriteCond %{REQUEST_METHOD} ^TRACE`.
pub(super) fn are_about_it(conditions: &[Vec<String>]) -> bool {
    let is_it = |condition: &Vec<String>| match condition.as_slice() {
        [what, pattern, ..] => {
            let pattern = pattern.to_ascii_uppercase();
            let letters = pattern.trim_matches(['^', '$', '(', ')', '=']);
            let is_trace = |method| {
                matches!(
                    method,
                    "TRACE" | "TRACK" | "TRAC[EK]" | ".*TRACE" | ".*TRACK"
                )
            };
            what.eq_ignore_ascii_case("%{REQUEST_METHOD}") && letters.split('|').all(is_trace)
        }
        _ => false,
    };
    !conditions.is_empty() && conditions.iter().all(is_it)
}
