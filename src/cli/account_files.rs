//! Checks of the files that say who asks a source of members, before anything starts.

use ajpgate_config::{DiscoverFrom, Input, Loaded};

use super::tls_files::Found;
use crate::discovery;

/// The problems of the kubeconfigs of sources.
pub(super) fn problems(loaded: &Loaded) -> Vec<Found> {
    let mut found = Vec::new();
    for balancer in &loaded.config.balancers {
        let list = format!("balancers.{}.discover", balancer.name);
        let sources = balancer.discover.iter().enumerate();
        // Of a list with unreadable items it is not known which source has which place.
        let is_whole = loaded.is_whole(&list, balancer.discover.len());
        for (index, source) in sources.filter(|_| is_whole) {
            let DiscoverFrom::Kubernetes(service) = &source.from else {
                continue;
            };
            let Some(file) = &service.kubeconfig else {
                continue;
            };
            if let Err(why) = discovery::look_into_kubeconfig(file) {
                let key = format!("discover[{index}].kubernetes.kubeconfig");
                let at = format!("balancers.{}.{key}", balancer.name);
                let hint = "file names are relative to the folder of the file that names them";
                found.push(Found {
                    is_missing: Input::open(file).is_err_and(|error| error.is_missing()),
                    problem: loaded.problem(
                        &at,
                        format!("kubeconfig: {why}"),
                        Some(hint.to_owned()),
                    ),
                });
            }
        }
    }
    found
}
