//! The fields that tell a backend who the client is.
//!
//! What a client says about itself is removed, and the fields are set anew. Behind a trusted proxy `X-Forwarded-For` and
//! `Forwarded` are appended to, and the others kept: each of them says the same as [`Client`](crate::client::Client) does.

use std::borrow::Cow;

use super::RequestFields;
use crate::client::{Client, Said};
use crate::head::Known;

impl RequestFields<'_> {
    /// Hands each forwarding field to `put` that is not kept as a trusted proxy has sent it. Behind such a proxy two of them are
    /// lists that go on, else all are set anew.
    pub(super) fn try_each_forwarding<E>(
        &self,
        mut put: impl FnMut(&'static str, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (client, host) = (self.passing.client, self.host);
        let element = self.element(client);
        let said = client.said.as_deref();
        let (chain, elements) = match said {
            None => (client.ip.as_bytes().into(), element.into_bytes()),
            Some(Said { proxy, .. }) => (
                Cow::Owned(self.appended("x-forwarded-for", &client.ip, &proxy.ip, &proxy.ip)),
                self.appended(
                    "forwarded",
                    &element,
                    &self.element(proxy),
                    &forwarded_for(proxy),
                ),
            ),
        };
        let mut put = |name: &'static str, value: &[u8]| {
            let stays = said.is_some()
                && self.sent.get(name).is_some()
                && self.goes_on(Known::of(name.as_bytes()), name.as_bytes());
            match stays || self.overlay.removes(name.as_bytes()) {
                true => Ok(()),
                false => put(name, value),
            }
        };
        put("x-forwarded-for", &chain)?;
        put("x-real-ip", client.ip.as_bytes())?;
        put("x-forwarded-proto", client.scheme().as_bytes())?;
        let mut port = itoa::Buffer::new();
        put("x-forwarded-port", port.format(self.port).as_bytes())?;
        if !host.is_empty() {
            put("x-forwarded-host", host.as_bytes())?;
        }
        put("forwarded", &elements)
    }

    /// A list that ends with the proxy: what it has sent, and `proxy`. Where it has sent nothing of that name, the list
    /// begins with the client, and `proxy_alone` follows if that is another.
    fn appended(&self, name: &str, client: &str, proxy: &str, proxy_alone: &str) -> Vec<u8> {
        let sent = self.sent.all(name).filter(|value| !value.is_empty());
        let mut list = sent.collect::<Vec<_>>().join(&b", "[..]);
        let (first, last) = match list.is_empty() {
            true if client == proxy => ("", client),
            true => (client, proxy_alone),
            false => ("", proxy),
        };
        list.extend_from_slice(first.as_bytes());
        if !list.is_empty() {
            list.extend_from_slice(b", ");
        }
        list.extend_from_slice(last.as_bytes());
        list
    }

    /// An element of `Forwarded` (RFC 7239 section 4) whose `for` parameter is `named`.
    fn element(&self, named: &Client) -> String {
        let (client, host) = (self.passing.client, self.host);
        let mut element = String::with_capacity(128);
        named.put_forwarded_for(&mut element);
        if !host.is_empty() {
            element.push_str(";host=\"");
            element.push_str(host);
            element.push('"');
        }
        element.push_str(";proto=");
        element.push_str(client.scheme());
        element
    }
}

/// An element of `Forwarded` that has a `for` parameter alone.
fn forwarded_for(client: &Client) -> String {
    let mut element = String::new();
    client.put_forwarded_for(&mut element);
    element
}
