//! Configuration keys that are known and not built yet.
//!
//! Their default values are accepted, because they change nothing. Any other value is refused before anything is bound,
//! so that no key is ignored in silence.

use ajpgate_config::{Config, Loaded, Problem, Problems};

/// The keys that `run` refuses, each as a problem at its line.
pub(crate) fn problems(loaded: &Loaded) -> Option<Problems> {
    let hint = "leave it out, or see CHANGELOG.md for the version that has it";
    let problem = |path: String| loaded.problem(&path, message(&path), Some(hint.to_owned()));
    Problems::new(paths(&loaded.config).into_iter().map(problem).collect())
}

/// The same keys as warnings, for `check`.
pub(crate) fn warnings(loaded: &Loaded) -> Vec<Problem> {
    let hint = "`run` refuses this file until it is";
    let warning = |path: String| {
        let problem = loaded.problem(&path, message(&path), Some(hint.to_owned()));
        problem.into_warning()
    };
    paths(&loaded.config).into_iter().map(warning).collect()
}

/// `tls: not built yet`
fn message(path: &str) -> String {
    let key = path.rsplit('.').next().unwrap_or(path);
    format!("{key}: not built yet")
}

fn paths(config: &Config) -> Vec<String> {
    let mut found = Found::default();
    for (index, listener) in config.listeners.iter().enumerate() {
        let at = format!("listeners[{index}]");
        found.when(listener.proxy_protocol, &at, "proxy_protocol");
        found.when(listener.tls.is_some(), &at, "tls");
        found.when(listener.http2, &at, "http2");
    }
    found.when(!config.trusted_proxies.is_empty(), "", "trusted_proxies");
    found.0
}

#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn when(&mut self, set: bool, parent: &str, key: &str) {
        if set {
            let dot = if parent.is_empty() { "" } else { "." };
            self.0.push(format!("{parent}{dot}{key}"));
        }
    }
}
