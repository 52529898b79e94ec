//! Whom the gateway believes what they say about the client.

use super::Builder;
use super::access::is_nobody;
use crate::field::{Field, Scalar};
use crate::file;
use crate::value::Network;

impl Builder<'_> {
    /// A PROXY header is believed whatever it says, so only trusted proxies may send one.
    pub(super) fn trust_for_proxy_protocol(
        &self,
        listener: &file::Listener,
        trusted_proxies: &Field<Vec<Scalar<Network>>>,
    ) {
        if let Field::Given(place, wanted) = &listener.proxy_protocol
            && wanted.0
            && is_nobody(trusted_proxies)
        {
            self.report.error_with_hint(
                *place,
                "proxy_protocol: nobody may connect without `trusted_proxies`",
                "name the load balancers: `trusted_proxies: [10.0.0.5]`",
            );
        }
    }

    /// Warns of networks that hold every address.
    pub(super) fn trust_in_everybody(&self, trusted_proxies: &Field<Vec<Scalar<Network>>>) {
        for network in trusted_proxies.value().into_iter().flatten() {
            if let Field::Given(place, network) = network
                && let network = network.0
                && network.prefix_len() == 0
            {
                self.report.warning(
                    *place,
                    format!("trusted_proxies: {network}: everybody may say who the client is"),
                    "name the proxies alone, like 10.0.0.5",
                );
            }
        }
    }
}
