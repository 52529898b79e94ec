//! A request of a sequence, which both front ends get.

use std::fmt;

/// The field with a request's number, for the access logs.
pub(crate) const NUMBER: &str = "X-Number";

/// A request, without the path of its world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    /// Path with path parameters; it begins with a slash.
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    /// The `Cookie` fields.
    pub(crate) cookies: Vec<String>,
    /// The value of the field that tells the node how to answer; `None`: with 200.
    pub(crate) wish: Option<String>,
    /// Length of the answer's body in bytes.
    pub(crate) size: usize,
    /// Length of the request's body in bytes.
    pub(crate) body: usize,
}

impl Request {
    /// A plain GET.
    pub(crate) fn get(path: &str) -> Self {
        Self {
            method: "GET",
            path: path.to_owned(),
            query: None,
            cookies: Vec::new(),
            wish: None,
            size: 0,
            body: 0,
        }
    }

    /// The request's bytes for one world.
    pub(crate) fn bytes(&self, number: usize, world: usize) -> String {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target(world));
        bytes += &format!("Host: oracle.test\r\n{NUMBER}: {number}\r\n");
        for cookie in &self.cookies {
            bytes += &format!("Cookie: {cookie}\r\n");
        }
        if let Some(wish) = &self.wish {
            bytes += &format!("{}: {wish}\r\n", crate::node::wish::FIELD);
        }
        if self.size > 0 {
            bytes += &format!("{}: {}\r\n", crate::node::SIZE, self.size);
        }
        if self.body > 0 {
            bytes += &format!("Content-Length: {}\r\n", self.body);
        }
        bytes + "\r\n" + &"y".repeat(self.body)
    }

    fn target(&self, world: usize) -> String {
        let query = self.query.as_ref().map(|query| format!("?{query}"));
        format!("/w{world}{}{}", self.path, query.unwrap_or_default())
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        if let Some(query) = &self.query {
            write!(f, "?{query}")?;
        }
        for cookie in &self.cookies {
            write!(f, " [Cookie: {cookie}]")?;
        }
        if let Some(wish) = &self.wish {
            write!(f, " [{wish}]")?;
        }
        match (self.size, self.body) {
            (0, 0) => Ok(()),
            (size, body) => write!(f, " [{body} bytes for {size}]"),
        }
    }
}
