//! Values of the YAML that is written.

use std::time::Duration;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text; the writer puts it in quotes where that is needed.
    Text(String),
    /// A number, `true`, `false`, a size or a duration: written as it stands.
    Plain(String),
    /// A password or secret, which can be written as an environment variable.
    Secret(String),
    /// A list.
    List(Vec<Value>),
    /// Keys with values.
    Map(Keys),
}

impl Value {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A number.
    #[must_use]
    pub fn number(number: u64) -> Self {
        Self::Plain(number.to_string())
    }

    /// `true` or `false`.
    #[must_use]
    pub fn switch(on: bool) -> Self {
        Self::Plain(on.to_string())
    }

    /// A duration in the largest unit that says it exactly; seconds up to two minutes.
    #[must_use]
    pub fn duration(duration: Duration) -> Self {
        let (seconds, milliseconds) = (duration.as_secs(), duration.subsec_millis());
        Self::Plain(match seconds {
            _ if milliseconds > 0 => format!("{}ms", duration.as_millis()),
            3600.. if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
            120.. if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
            _ => format!("{seconds}s"),
        })
    }

    /// A list of texts.
    pub fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }
}

/// Keys with their values, in the order in which they were set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys(Vec<(String, Value)>);

impl Keys {
    /// Sets a key, in place of its former value.
    pub fn set(&mut self, key: &str, value: Value) {
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => *known = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    /// Sets a key where it is not set yet.
    pub fn set_default(&mut self, key: &str, value: Value) {
        if self.get(key).is_none() {
            self.set(key, value);
        }
    }

    /// Adds an item to a key whose value is a list.
    pub fn push(&mut self, key: &str, item: Value) {
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, Value::List(items))) => items.push(item),
            _ => self.set(key, Value::List(vec![item])),
        }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        let found = self.0.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value)
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.0.iter().position(|(known, _)| known == key)?;
        Some(self.0.remove(at).1)
    }

    /// Whether no key is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }

    /// Takes the keys of a later section over: lists of header rules grow, `compress: false` stays, every other key is replaced.
    pub fn merge(&mut self, later: &Self) {
        for (key, value) in later.iter() {
            match (key, value) {
                ("request_headers" | "response_headers", Value::List(items)) => {
                    for item in items {
                        self.push(key, item.clone());
                    }
                }
                ("compress", _) if self.get(key) == Some(&Value::switch(false)) => {}
                ("request_attributes" | "error_pages", Value::Map(inner)) => {
                    let mut merged = match self.get(key) {
                        Some(Value::Map(known)) => known.clone(),
                        _ => Self::default(),
                    };
                    for (name, value) in inner.iter() {
                        merged.set(name, value.clone());
                    }
                    self.set(key, Value::Map(merged));
                }
                _ => self.set(key, value.clone()),
            }
        }
    }
}

impl<const N: usize> From<[(&str, Value); N]> for Keys {
    fn from(pairs: [(&str, Value); N]) -> Self {
        let pairs = pairs.into_iter();
        Self(pairs.map(|(key, value)| (key.to_owned(), value)).collect())
    }
}
