//! Checks of the files that say who asks a source of members, before anything starts.

use ajpgate_config::{DiscoverFrom, Loaded};

use super::tls_files::Found;
use crate::discovery;

/// The problems of the kubeconfigs of sources.
pub(super) fn problems(loaded: &Loaded) -> Vec<Found> {
    let mut found = Vec::new();
    for balancer in &loaded.config.balancers {
        for (index, source) in balancer.discover.iter().enumerate() {
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
                    is_missing: std::fs::File::open(file).is_err(),
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
