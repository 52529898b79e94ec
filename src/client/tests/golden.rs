//! The table `golden.txt`.

use std::fmt::Write as _;

use super::*;

const TABLE: &str = include_str!("golden.txt");

/// A row without its expectation.
fn fields(text: &str) -> Fields {
    let mut fields = Fields::default();
    let mut host = Some("shop:8080".to_owned());
    for field in text.split(" | ").filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once(':').unwrap_or_else(|| panic!("{field}"));
        let value = value.trim_matches([' ']);
        let name = match name {
            "own Host" => {
                host = (value != "none").then(|| value.to_owned());
                continue;
            }
            "For" | "Proto" | "Host" | "Port" => &format!("X-Forwarded-{name}"),
            "Fwd" => "Forwarded",
            "Real" => "X-Real-IP",
            name => name,
        };
        fields.push(name.as_bytes(), &bytes(value));
    }
    if let Some(host) = host {
        fields.push(b"Host", host.as_bytes());
    }
    fields
}

/// `\xe9` is one byte.
fn bytes(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).unwrap());
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}

/// Who the client is, as far as it differs from the connection and the request's own Host.
fn shown(connection: &Arc<Client>, head: &RequestHead) -> String {
    let client = of_request(Arc::clone(connection), head, &trusted());
    let own = head
        .fields
        .get("host")
        .map(|host| std::str::from_utf8(host).unwrap());
    let own = own.map_or(Host::NONE, |host| Host::parse(host).unwrap());
    let host = client.host_said().unwrap_or(own);
    let mut shown = String::new();
    if client.address != connection.address {
        let _ = match client.address.port() {
            0 => write!(shown, " ip={}", client.ip),
            _ => write!(shown, " ip={}", client.address),
        };
    }
    if client.is_secure != connection.is_secure {
        let _ = write!(shown, " s={}", client.scheme());
    }
    let (port, usual) = (client.port_told(&host), "shop:8080");
    if (host.text, port) != (usual, 8080) {
        let _ = write!(shown, " h={} p={port}", host.text);
    }
    shown
}

#[test]
fn each_row_of_the_table_holds() {
    let mut connection = Arc::new(client("10.0.0.1"));
    let (mut rows, mut wrong) = (0, String::new());
    for line in TABLE.lines() {
        if let Some(section) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            let (address, scheme) = section.split_once(' ').unwrap_or((section, ""));
            let mut of_section = client(address);
            of_section.is_secure = scheme == "https";
            connection = Arc::new(of_section);
            continue;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        rows += 1;
        let (said, expected) = line.split_once("=>").unwrap_or_else(|| panic!("{line}"));
        let found = shown(&connection, &head(fields(said.trim_end_matches([' ']))));
        if found.trim() != expected.trim() {
            let _ = writeln!(wrong, "{}: {said} => {}", connection.ip, found.trim());
        }
    }
    assert!(rows >= 150, "{rows}");
    assert!(wrong.is_empty(), "\n{wrong}");
}
