//! Text to [`Node`]s. The only file that names the YAML crate.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use crate::fault::Fault;
use crate::node::{Entry, Node, Shape};
use crate::places::{self, Stop};
use crate::report::{Place, Source};

/// Reads one YAML document. It stops at the first place that is not YAML: what follows cannot be trusted.
pub(crate) fn parse(text: &str, source: &Source) -> Result<Node, (Place, Fault)> {
    control_characters(text)?;
    let (places, objection) = match places::places(text) {
        Ok(places) => (places, None),
        Err(Stop::Refused(place, fault)) => return Err((place, fault)),
        Err(Stop::Syntax(place, info)) => (Vec::new(), Some((place, info))),
    };
    let reader = Reader {
        source,
        places: RefCell::new(places.into_iter()),
    };
    let read = reader
        .node()
        .deserialize(serde_yaml::Deserializer::from_str(text));
    match (read, objection) {
        (Err(error), objection) => Err(syntax_error(&error, objection, text)),
        (Ok(_), Some((place, info))) => Err((place, Fault::new(info).hint(INDENTATION))),
        (Ok(node), None) => Ok(node),
    }
}

const INDENTATION: &str = "check the indentation here and in the line above";

/// YAML allows no control characters, and its parsers say so without a place. Characters that end a line for YAML 1.1 and
/// not for editors are refused too: the places of all problems behind them would be wrong.
fn control_characters(text: &str) -> Result<(), (Place, Fault)> {
    for (line, text) in (1..).zip(text.lines()) {
        for (column, c) in (1..).zip(text.chars()) {
            if c.is_control() && c != '\t' || matches!(c, '\u{2028}' | '\u{2029}') {
                let place = Place {
                    file: 0,
                    line,
                    column,
                    length: 1,
                };
                let fault = Fault::new(format!("the character {c:?} cannot stand in a YAML file"))
                    .hint("remove it, or write it as an escape in double quotes");
                return Err((place, fault));
            }
        }
    }
    Ok(())
}

/// The parser's own words, with the place told apart and a hint for the usual slips.
fn syntax_error(
    error: &serde_yaml::Error,
    objection: Option<(Place, String)>,
    text: &str,
) -> (Place, Fault) {
    let said = error.to_string();
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let told = error.location().map(|at| Place {
        file: 0,
        line: number(at.line()),
        column: number(at.column()),
        length: 1,
    });
    let open_quote = said.contains("quoted scalar") && said.contains("end of stream");
    let place = match (told, objection) {
        // The end of the file helps nobody; the other parser tells where the quote starts.
        (_, Some((start, _))) if open_quote => start,
        (Some(told), _) => told,
        (None, Some((start, _))) => start,
        (None, None) => Place::START,
    };
    let own_place = format!(" at line {} column {}", place.line, place.column);
    let message = format!("not YAML: {}", said.replacen(&own_place, "", 1));
    let fault = Fault::new(message);
    let hint = match open_quote {
        true => "this quote is not closed",
        false => hint(&said, character(text, place), line(text, place)),
    };
    (place, fault.hint(hint))
}

fn hint(said: &str, character: Option<char>, line: &str) -> &'static str {
    match character {
        Some('\t') => "indent with spaces: YAML allows no tabs there",
        Some('%' | '@' | '`') => {
            "put the value in quotes: it starts with a character of YAML's own"
        }
        _ if said.contains("anchor") || said.contains("alias") => {
            "put the value in quotes if it is to start with `*` or `&`"
        }
        _ if line.contains("${") && said.contains("flow mapping") => {
            "inside { }, put ${NAME} in quotes: \"${NAME}\""
        }
        _ if said.contains("mapping values") => {
            "put a value that contains `: ` in quotes, or check the indentation"
        }
        _ if said.contains("escape character") => {
            "in double quotes a backslash is written \\\\; in single quotes it stands for itself"
        }
        _ if said.contains("flow") => {
            "is a bracket, a comma or a quote missing, here or where it starts?"
        }
        _ => INDENTATION,
    }
}

fn line(text: &str, place: Place) -> &str {
    let index = (place.line as usize).saturating_sub(1);
    text.lines().nth(index).unwrap_or_default()
}

fn character(text: &str, place: Place) -> Option<char> {
    let index = (place.column as usize).saturating_sub(1);
    line(text, place).chars().nth(index)
}

/// What the values of one document share while they are read.
struct Reader<'a> {
    source: &'a Source,
    places: RefCell<std::vec::IntoIter<Place>>,
}

impl<'a> Reader<'a> {
    fn node(&'a self) -> NodeSeed<'a> {
        NodeSeed { reader: self }
    }
}

/// Reads one value. Each value takes the next place, so the order of calls is the order of the document.
#[derive(Clone, Copy)]
struct NodeSeed<'a> {
    reader: &'a Reader<'a>,
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let place = self.reader.places.borrow_mut().next();
        let visitor = NodeVisitor {
            seed: self,
            place: place.unwrap_or(Place::START),
        };
        deserializer.deserialize_any(visitor)
    }
}

struct NodeVisitor<'a> {
    seed: NodeSeed<'a>,
    place: Place,
}

impl NodeVisitor<'_> {
    fn node<E>(self, shape: Shape) -> Result<Node, E> {
        Ok(Node {
            place: self.place,
            shape,
        })
    }

    /// A number or `true`: as it was written, so that `007` stays `007`.
    fn plain<E>(self, value: impl fmt::Display) -> Result<Node, E> {
        let written = self.seed.reader.source.written(self.place);
        let text = match written.is_empty() {
            true => value.to_string(),
            false => written,
        };
        self.node(Shape::Scalar(text))
    }
}

impl<'de> Visitor<'de> for NodeVisitor<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        self.node(Shape::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        self.node(Shape::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        self.plain(value)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        self.plain(value)
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        self.plain(value)
    }

    fn visit_i128<E>(self, value: i128) -> Result<Node, E> {
        self.plain(value)
    }

    fn visit_u128<E>(self, value: u128) -> Result<Node, E> {
        self.plain(value)
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        self.plain(value)
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        self.node(Shape::Scalar(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.seed)? {
            items.push(item);
        }
        self.node(Shape::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key_seed(self.seed)? {
            let mut value = map.next_value_seed(self.seed)?;
            if matches!(value.shape, Shape::Null) {
                // Nothing has no place of its own.
                value.place = key.place;
            }
            entries.push(Entry { key, value });
        }
        self.node(Shape::Map(entries))
    }

    fn visit_enum<A: serde::de::EnumAccess<'de>>(self, _: A) -> Result<Node, A::Error> {
        Err(A::Error::custom("a YAML tag means nothing here"))
    }
}
