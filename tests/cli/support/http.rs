//! An HTTP/1.1 client for one request on one connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::DEADLINE;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    fields: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// The first field of this name.
    pub(crate) fn field(&self, wanted: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.as_str())
    }

    /// The node that answered.
    pub(crate) fn node(&self) -> &str {
        self.field("x-node")
            .unwrap_or_else(|| panic!("no node: {self:?}"))
    }

    /// Name and value of the cookie that it sets.
    pub(crate) fn cookie(&self) -> Option<String> {
        let value = self.field("set-cookie")?;
        Some(value.split(';').next()?.to_owned())
    }
}

/// Sends a GET with these header lines, each ended by CR LF.
pub(crate) fn get(address: SocketAddr, target: &str, fields: &str) -> Answer {
    let mut request = Request::begin(address);
    request.send(&format!(
        "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n"
    ));
    request.answer()
}

/// Sends a request with a JSON body, which may be empty.
pub(crate) fn ask(address: SocketAddr, method: &str, target: &str, body: &str) -> Answer {
    let mut request = Request::begin(address);
    request.send(&format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    request.answer()
}

/// A request that is sent piece by piece.
pub(crate) struct Request(TcpStream);

impl Request {
    pub(crate) fn begin(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, DEADLINE).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Self(stream)
    }

    /// Sends half of an upload, which stays in flight until [`finish`](Self::finish).
    pub(crate) fn begin_upload(address: SocketAddr) -> Self {
        let mut upload = Self::begin(address);
        upload.send("POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab");
        upload
    }

    /// Sends the other half and returns the answer.
    pub(crate) fn finish(mut self) -> Answer {
        self.send("cd");
        self.answer()
    }

    fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    /// Reads the answer up to the end of the connection.
    fn answer(mut self) -> Answer {
        let mut text = String::new();
        self.0.read_to_string(&mut text).unwrap();
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no head: {text:?}"));
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let fields = lines.filter_map(|line| line.split_once(": "));
        Answer {
            status: status.and_then(|status| status.parse().ok()).expect(head),
            fields: fields
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body: body.to_owned(),
        }
    }
}
