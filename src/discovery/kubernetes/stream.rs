//! The events of a watch: one JSON document in each line.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::client::Body;
use kube::core::WatchEvent;
use memchr::memchr;

use super::trouble::Trouble;

/// Most bytes of a line: an object of the largest size, and the words around it.
const LONGEST_LINE: usize = 4 * 1024 * 1024;

/// What a watch says.
pub(super) type Event = WatchEvent<EndpointSlice>;

/// A watch that has been opened.
pub(super) struct Stream {
    body: Body,
    lines: Lines,
}

impl Stream {
    pub(super) fn of(body: Body) -> Self {
        Self {
            body,
            lines: Lines::default(),
        }
    }

    /// The next event; `None` when the server has ended the watch. It may be dropped and called again.
    ///
    /// # Errors
    /// The connection is lost, also within a line; or a line is too long or is no event.
    pub(super) async fn next(&mut self) -> Result<Option<Event>, Trouble> {
        loop {
            if let Some(line) = self.lines.next()? {
                if line.trim_ascii().is_empty() {
                    continue;
                }
                return Ok(Some(serde_json::from_slice(&line)?));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.lines.add(&data);
                    }
                }
                Some(Err(error)) => return Err(Trouble::Connection(error.to_string())),
                None if self.lines.is_empty() => return Ok(None),
                None => return Err(Trouble::Connection("half an event".to_owned())),
            }
        }
    }
}

/// Cuts bytes into lines.
#[derive(Debug, Default)]
struct Lines {
    held: BytesMut,
    /// The bytes that have no end of a line, from the start on.
    searched: usize,
}

impl Lines {
    fn add(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// A whole line, without its end.
    fn next(&mut self) -> Result<Option<Bytes>, Trouble> {
        let fresh = self.held.get(self.searched..).unwrap_or_default();
        match memchr(b'\n', fresh) {
            Some(at) => {
                let line = self.held.split_to(self.searched + at + 1).freeze();
                self.searched = 0;
                Ok(Some(line.slice(..line.len() - 1)))
            }
            None if self.held.len() > LONGEST_LINE => Err(Trouble::TooLarge(LONGEST_LINE)),
            None => {
                self.searched = self.held.len();
                Ok(None)
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_are_the_same_however_the_bytes_are_cut(
            text in "[a-c\n]{0,40}",
            cuts in proptest::collection::vec(1_usize..8, 0..20),
        ) {
            let mut lines = Lines::default();
            let (mut found, mut rest) = (Vec::new(), text.as_bytes());
            for cut in cuts.into_iter().chain([text.len()]) {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                lines.add(now);
                rest = later;
                while let Some(line) = lines.next().unwrap() {
                    found.push(String::from_utf8(line.to_vec()).unwrap());
                }
            }
            let mut expected: Vec<&str> = text.split('\n').collect();
            let half = expected.pop().unwrap();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(&lines.held[..], half.as_bytes());
        }
    }

    #[test]
    fn a_line_without_an_end_is_given_up() {
        let mut lines = Lines::default();
        let part = vec![b'x'; 64 * 1024];
        let refused = (0..100).find(|_| {
            lines.add(&part);
            lines.next().is_err()
        });
        assert_eq!(refused, Some(64));
    }

    #[test]
    fn events_are_read_as_the_api_writes_them() {
        let bookmark = r#"{"type":"BOOKMARK","object":{"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1",
            "metadata":{"resourceVersion":"12746","creationTimestamp":null},"addressType":"","endpoints":null,"ports":null}}"#;
        let Ok(WatchEvent::Bookmark(bookmark)) = serde_json::from_str::<Event>(bookmark) else {
            panic!("no bookmark");
        };
        assert_eq!(bookmark.metadata.resource_version, "12746");
        let error = r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",
            "message":"too old resource version: 1 (7)","reason":"Expired","code":410}}"#;
        let Ok(WatchEvent::Error(status)) = serde_json::from_str::<Event>(error) else {
            panic!("no error");
        };
        let said = "the API answers 410: too old resource version: 1 (7)";
        assert_eq!(Trouble::event(&status).to_string(), said);
        for broken in [
            "",
            "{",
            "[]",
            r#"{"type":"ADDED"}"#,
            r#"{"type":"RENAMED","object":{}}"#,
        ] {
            assert!(serde_json::from_str::<Event>(broken).is_err(), "{broken}");
        }
    }
}
