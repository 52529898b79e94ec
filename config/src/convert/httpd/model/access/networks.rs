//! Networks as httpd writes them.

use ipnet::IpNet;
use std::net::IpAddr;

/// `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `10.1`, `192.168.1.7` or `2001:db8::/32`, in the spelling of this program.
pub(super) fn network(text: &str) -> Option<String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_string());
    }
    if let Ok(network) = text.parse::<IpNet>() {
        return Some(network.trunc().to_string());
    }
    if let Some((address, mask)) = text.split_once('/') {
        let (address, mask) = (
            address.parse::<IpAddr>().ok()?,
            mask.parse::<IpAddr>().ok()?,
        );
        let length = ipnet::ip_mask_to_prefix(mask).ok()?;
        return IpNet::new(address, length)
            .ok()
            .map(|network| network.trunc().to_string());
    }
    partial(text)
}

/// `10.1` is `10.1.0.0/16`.
fn partial(text: &str) -> Option<String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let parts: Vec<u8> = text
        .split('.')
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let mut bytes = [0; 4];
    for (byte, part) in bytes.iter_mut().zip(&parts) {
        *byte = *part;
    }
    let length = u8::try_from(parts.len().checked_mul(8)?).ok()?;
    let network = IpNet::new(IpAddr::from(bytes), length).ok()?;
    (length < 32).then(|| network.to_string())
}

/// What stands behind `Allow from`: a network, or `all`.
pub(super) fn old_network(text: &str) -> Option<String> {
    match text.eq_ignore_ascii_case("all") {
        true => Some("all".to_owned()),
        false => network(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_in_every_spelling() {
        for (text, expected) in [
            ("10", Some("10.0.0.0/8")),
            ("10.1", Some("10.1.0.0/16")),
            ("192.168.1.", Some("192.168.1.0/24")),
            ("192.168.1.7", Some("192.168.1.7")),
            ("10.1.2.3/8", Some("10.0.0.0/8")),
            ("10.0.0.0/255.255.0.0", Some("10.0.0.0/16")),
            ("2001:db8::/32", Some("2001:db8::/32")),
            ("example.com", None),
            ("1.2.3.4.5", None),
            ("300", None),
        ] {
            assert_eq!(network(text).as_deref(), expected, "{text}");
        }
    }
}
