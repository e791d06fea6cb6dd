//! Writes values as YAML.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_saphyr::{DoubleQuoted, LitStr};

use super::parse::must_be_escaped;
use super::plain;
use super::value::{Node, Value};

/// Writes a document that YAML 1.1 and 1.2 readers read in the same way. It ends with a single newline.
pub fn write(document: &Node) -> String {
    serde_saphyr::to_string_with_options(
        document,
        serde_saphyr::ser_options! {
            // Readers differ most in block scalars, so only the texts that `is_prose` accepts become one.
            prefer_block_scalars: false,
        },
    )
    .expect("null, numbers, text, sequences and mappings with text as keys always have a YAML form")
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::String(text) if is_prose(text) => LitStr(text).serialize(serializer),
            Value::String(text) => Text(text).serialize(serializer),
            Value::Seq(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| sequence.serialize_element(item))?;
                sequence.end()
            }
            Value::Map(entries) => {
                let mut mapping = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, node)| mapping.serialize_entry(&Text(&key.name), node))?;
                mapping.end()
            }
        }
    }
}

/// Text on one line, in quotes if it could be read as something other than text.
struct Text<'a>(&'a str);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match plain::resolve(self.0) {
            Ok(Value::String(_)) => serializer.serialize_str(self.0),
            _ => DoubleQuoted(self.0).serialize(serializer),
        }
    }
}

/// Whether all readers read these lines in the same way from a block scalar.
fn is_prose(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.contains('\n')
        && !body.starts_with([' ', '\n'])
        && !body.ends_with('\n')
        && body.lines().all(|line| !line.ends_with(char::is_whitespace))
        && body
            .chars()
            .all(|c| c == '\n' || (c != '\t' && c != '\r' && c != '\u{feff}' && !must_be_escaped(c)))
}
