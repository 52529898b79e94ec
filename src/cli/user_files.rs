//! Checks of files of users before anything starts.

use ajpgate_config::{Loaded, Problem};

use super::tls_files::Found;
use crate::identity;

const ADD: &str = "`htpasswd -B FILE USER` writes a line that can be used";

/// The problems of the files of users, one for each line that cannot be used, and warnings about files without users.
pub(super) fn look(loaded: &Loaded) -> (Vec<Found>, Vec<Problem>) {
    let (mut found, mut doubts) = (Vec::new(), Vec::new());
    for (index, mapping) in loaded.config.mappings.iter().enumerate() {
        let identity = mapping.identity.as_ref();
        let basic = identity.and_then(|identity| identity.basic.as_ref());
        // A name that could not be read is empty.
        let named = basic.filter(|basic| !basic.users.as_os_str().is_empty());
        let Some(basic) = named else {
            continue;
        };
        let at = format!("proxy_pass[{index}].auth.basic.users");
        match identity::read(&basic.users) {
            Ok(users) if users.count() == 0 => {
                let message = format!("users: {} has no users", basic.users.display());
                let problem = loaded.problem(&at, message, Some(ADD.to_owned()));
                doubts.push(problem.into_warning());
            }
            Ok(_) => {}
            Err(error) => {
                let hint = match error.is_missing() {
                    true => "file names are relative to the folder of the configuration file",
                    false => ADD,
                };
                found.extend(error.lines().into_iter().map(|line| Found {
                    is_missing: error.is_missing(),
                    problem: loaded.problem(&at, format!("users: {line}"), Some(hint.to_owned())),
                }));
            }
        }
    }
    (found, doubts)
}
