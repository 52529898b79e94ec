//! The strictest reading of a stream of requests: it ends at the first byte that can be read in two ways.

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) target: String,
    /// The length of its body; `None` when the body breaks off.
    pub(super) body: Option<usize>,
}

impl Found {
    /// Whether a container may get this of `allowed`.
    pub(super) fn fits(&self, allowed: &Self) -> bool {
        self.target == allowed.target && (self.body.is_none() || self.body == allowed.body)
    }
}

/// The requests of a stream, up to the first that is invalid.
pub(super) fn read(stream: &[u8]) -> Vec<Found> {
    let (mut found, mut rest) = (Vec::new(), stream);
    while let Some((target, body, behind)) = request(rest) {
        found.push(Found { target, body });
        match body {
            Some(_) => rest = behind,
            None => break,
        }
    }
    found
}

/// Target, length of the body, and the bytes behind it.
fn request(stream: &[u8]) -> Option<(String, Option<usize>, &[u8])> {
    // Empty lines before a request line are ignored (RFC 9112 section 2.2).
    let mut stream = stream;
    while let Some(rest) = stream.strip_prefix(b"\r\n").or(stream.strip_prefix(b"\n")) {
        stream = rest;
    }
    let (head, behind) = cut(stream, b"\r\n\r\n")?;
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n");
    let mut line = lines.next()?.split(' ');
    let (method, target, version) = (line.next()?, line.next()?, line.next()?);
    if line.next().is_some() || !is_token(method) || !["HTTP/1.0", "HTTP/1.1"].contains(&version) {
        return None;
    }
    let (mut lengths, mut encodings) = (Vec::new(), Vec::new());
    for line in lines {
        let (name, value) = line.split_once(':').filter(|(name, _)| is_token(name))?;
        if value.chars().any(|c| c.is_ascii_control() && c != '\t') {
            return None;
        }
        match name.to_ascii_lowercase().as_str() {
            "content-length" => lengths.push(value.trim_matches([' ', '\t'])),
            "transfer-encoding" => encodings.push(value.trim_matches([' ', '\t'])),
            _ => {}
        }
    }
    let (body, behind) = match (&lengths[..], &encodings[..]) {
        ([], []) => (Some(0), behind),
        ([length], []) if length.bytes().all(|b| b.is_ascii_digit()) => {
            let length = length.parse().ok()?;
            match behind.get(length..) {
                Some(behind) => (Some(length), behind),
                None => (None, behind),
            }
        }
        ([], [coding]) if coding.eq_ignore_ascii_case("chunked") && version == "HTTP/1.1" => {
            match chunks(behind) {
                Some((length, behind)) => (Some(length), behind),
                None => (None, behind),
            }
        }
        _ => return None,
    };
    Some((target.to_owned(), body, behind))
}

/// The length of a chunked body and the bytes behind it; `None` when it is malformed or breaks off.
fn chunks(mut stream: &[u8]) -> Option<(usize, &[u8])> {
    let mut length = 0;
    loop {
        let (line, rest) = cut(stream, b"\r\n")?;
        let line = std::str::from_utf8(line)
            .ok()
            .filter(|line| !line.contains(['\r', '\n']))?;
        let size = line.split(';').next()?.trim_end_matches([' ', '\t']);
        let digits = !size.is_empty() && size.bytes().all(|b| b.is_ascii_hexdigit());
        let size = usize::from_str_radix(size, 16).ok().filter(|_| digits)?;
        stream = rest;
        if size == 0 {
            break;
        }
        stream = stream.get(size..)?.strip_prefix(b"\r\n")?;
        length += size;
    }
    loop {
        let (line, rest) = cut(stream, b"\r\n")?;
        stream = rest;
        if line.is_empty() {
            return Some((length, stream));
        }
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// The bytes before and behind the first occurrence of `separator`.
fn cut<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let place = bytes.windows(at.len()).position(|window| window == at)?;
    Some((&bytes[..place], &bytes[place + at.len()..]))
}
