//! `access_log.format`: Apache's LogFormat strings (`modules/loggers/mod_log_config.c`).

/// What a line of the access log holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogFormat {
    /// Nothing is logged.
    Off,
    /// A JSON object.
    Json,
    /// Text and tokens.
    Line(Vec<Item>),
}

/// A part of a LogFormat string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Text as it stands.
    Text(String),
}
