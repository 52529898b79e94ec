//! What stands in brackets behind a `RewriteRule`.

/// The flags that decide what becomes of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) forbids: bool,
    pub(super) is_gone: bool,
    pub(super) is_proxied: bool,
    /// The status of `[R]`.
    pub(super) status: Option<u16>,
    pub(super) passes_through: bool,
    pub(super) is_last: bool,
    /// `[C]`: the next rule belongs to this one.
    pub(super) chains: bool,
    /// `[S=2]`: so many rules are left out.
    pub(super) skips: usize,
    /// `[N]`
    pub(super) repeats: bool,
    pub(super) any_case: bool,
    pub(super) appends_query: bool,
    pub(super) drops_query: bool,
}

impl Flags {
    pub(super) fn of(text: &str) -> Self {
        let text = text.trim().trim_start_matches('[').trim_end_matches(']');
        let mut flags = Self::default();
        for flag in text.split(',') {
            let (name, value) = flag.trim().split_once('=').unwrap_or((flag.trim(), ""));
            match &*name.to_ascii_lowercase() {
                "f" | "forbidden" => flags.forbids = true,
                "g" | "gone" => flags.is_gone = true,
                "p" | "proxy" => flags.is_proxied = true,
                "r" | "redirect" => flags.status = Some(status(value)),
                "pt" | "passthrough" => {
                    flags.passes_through = true;
                    // What is passed through is not rewritten further.
                    flags.is_last = true;
                }
                "l" | "last" | "end" => flags.is_last = true,
                "c" | "chain" => flags.chains = true,
                "s" | "skip" => flags.skips = value.parse().unwrap_or(0),
                "n" | "next" => flags.repeats = true,
                "nc" | "nocase" => flags.any_case = true,
                "qsa" | "qsappend" => flags.appends_query = true,
                "qsd" | "qsdiscard" => flags.drops_query = true,
                _ => {}
            }
        }
        flags
    }
}

fn status(value: &str) -> u16 {
    match &*value.to_ascii_lowercase() {
        "permanent" => 301,
        "seeother" => 303,
        number => number.parse().unwrap_or(302),
    }
}
