//! Listeners.

use std::collections::HashMap;

use super::{Builder, Need};
use crate::defaults;
use crate::field::{Field, Scalar};
use crate::file;
use crate::model::Listener;
use crate::report::Place;
use crate::value::Network;

impl Builder<'_> {
    /// The listeners, each with the place of its `bind`.
    pub(super) fn listeners(
        &self,
        field: Field<Vec<Field<file::Listener>>>,
        trusted_proxies: &Field<Vec<Scalar<Network>>>,
        file: Place,
    ) -> Vec<(Place, Listener)> {
        let Some((place, listeners)) = self.required(
            field,
            file,
            Need {
                of: "a configuration",
                key: "listeners",
                example: "[{ bind: \"0.0.0.0:8080\" }]",
            },
        ) else {
            return Vec::new();
        };
        if listeners.is_empty() {
            self.report.error_with_hint(
                place,
                "listeners: the list is empty",
                "write at least `- bind: 0.0.0.0:8080`",
            );
        }
        let built: Vec<_> = listeners
            .into_iter()
            .filter_map(Field::given)
            .inspect(|(_, listener)| self.trust_for_proxy_protocol(listener, trusted_proxies))
            .filter_map(|(place, listener)| self.listener(listener, place))
            .collect();
        self.different_binds(&built);
        built
    }

    /// `None` when `bind` is missing or unreadable.
    fn listener(&self, listener: file::Listener, place: Place) -> Option<(Place, Listener)> {
        let tls = listener
            .tls
            .given()
            .map(|(place, tls)| self.listener_tls(tls, place));
        let (place, bind) = self.required(
            listener.bind,
            place,
            Need {
                of: "a listener",
                key: "bind",
                example: "0.0.0.0:8080",
            },
        )?;
        let http2 = listener.http2.or(tls.is_some());
        let built = Listener {
            bind: bind.0,
            proxy_protocol: listener.proxy_protocol.or(defaults::PROXY_PROTOCOL),
            tls,
            http2,
        };
        Some((place, built))
    }

    fn different_binds(&self, listeners: &[(Place, Listener)]) {
        let mut seen = HashMap::new();
        for (place, listener) in listeners
            .iter()
            .filter(|(_, listener)| listener.bind.port() != 0)
        {
            match seen.get(&listener.bind) {
                None => {
                    seen.insert(listener.bind, place.line);
                }
                Some(line) => self.report.error_with_hint(
                    *place,
                    format!(
                        "bind: {} is taken by the listener in line {line}",
                        listener.bind
                    ),
                    "remove one of them, or give it another port",
                ),
            }
        }
    }
}
