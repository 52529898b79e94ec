//! The text of a file.

use std::fs;
use std::io::Read;
use std::path::Path;

use crate::document::MAX_FILE_SIZE;
use crate::input::Input;
use crate::report::Place;

/// Most bytes that are read of a file: one more than it may have.
const MOST: u64 = MAX_FILE_SIZE as u64 + 1;

/// Why a file has no text.
pub(crate) enum ReadError {
    Io(String),
    /// The place of the first byte that is not UTF-8, and the text with U+FFFD in place of such bytes.
    NotUtf8(Place, String),
}

/// The text of the configuration file, which may be a pipe: at most one byte more than it may have.
pub(crate) fn read_text(file: &Path) -> Result<String, ReadError> {
    let mut bytes = Vec::new();
    fs::File::open(file)
        .and_then(|open| open.take(MOST).read_to_end(&mut bytes))
        .map_err(|error| ReadError::Io(error.to_string()))?;
    text_of(bytes)
}

/// The text of another file, which the configuration names: at most one byte more than it may have.
pub(crate) fn read_named(file: &Path) -> Result<String, ReadError> {
    let bytes = Input::open(file).and_then(|input| Ok(input.first(MOST)?));
    text_of(bytes.map_err(|error| ReadError::Io(error.to_string()))?)
}

fn text_of(bytes: Vec<u8>) -> Result<String, ReadError> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        // The bound may have cut a character in two.
        Err(error) if error.as_bytes().len() > MAX_FILE_SIZE => {
            Ok(String::from_utf8_lossy(error.as_bytes()).into_owned())
        }
        Err(error) => {
            let place = place_of(error.as_bytes(), error.utf8_error().valid_up_to());
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            Err(ReadError::NotUtf8(place, text))
        }
    }
}

/// The place of the byte behind `valid` bytes of UTF-8.
fn place_of(bytes: &[u8], valid: usize) -> Place {
    let before = String::from_utf8_lossy(bytes.get(..valid).unwrap_or_default());
    let last = before.rsplit('\n').next().unwrap_or_default();
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place {
        file: 0,
        line: number(before.matches('\n').count() + 1),
        column: number(last.chars().count() + 1),
        length: 1,
    }
}
