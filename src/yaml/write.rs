//! Writes values as YAML.

use std::ops::Range;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_saphyr::{DoubleQuoted, LitStr};

use super::parse::{must_be_escaped, parse};
use super::plain;
use super::tree::{Content, Style, SyntaxNode};
use super::value::{Node, Value};

/// Writes a document that YAML 1.1 and 1.2 readers read in the same way. It ends with a single newline.
pub fn write(document: &Node) -> String {
    let written = serde_saphyr::to_string_with_options(
        document,
        serde_saphyr::ser_options! {
            // Readers differ most in block scalars, so only the texts that `is_prose` accepts become one.
            prefer_block_scalars: false,
        },
    )
    .expect("null, numbers, text, sequences and mappings with text as keys always have a YAML form");
    if SHORT_ESCAPES.iter().any(|(short, _)| written.contains(short)) {
        with_long_escapes(&written)
    } else {
        written
    }
}

/// YAML's own escapes that Envoy's reader (yaml-cpp) reads as something else, and JSON's for the same characters.
const SHORT_ESCAPES: [(&str, &str); 4] =
    [("\\N", "\\u0085"), ("\\_", "\\u00a0"), ("\\L", "\\u2028"), ("\\P", "\\u2029")];

/// Replaces the short escapes in double quotes. Elsewhere, a backslash is an ordinary character.
fn with_long_escapes(text: &str) -> String {
    fn quoted(node: &SyntaxNode<'_>, spans: &mut Vec<Range<usize>>) {
        match &node.content {
            Content::Scalar(_) if node.style == Style::DoubleQuoted => spans.push(node.span.clone()),
            Content::Scalar(_) | Content::Alias { .. } => {}
            Content::Sequence(items) => items.iter().for_each(|item| quoted(item, spans)),
            Content::Mapping(entries) => {
                for (key, value) in entries {
                    // A key on one line can't have more than 1024 characters.
                    if key.span.len() < 256 {
                        quoted(key, spans);
                    }
                    quoted(value, spans);
                }
            }
        }
    }
    // A document that is too large to be parsed again is too large for a cluster too.
    let Ok(Some(root)) = parse(text, 0..text.len()) else { return text.to_owned() };
    let (mut spans, mut written, mut copied) = (Vec::new(), String::new(), 0);
    quoted(&root, &mut spans);
    for span in spans {
        let mut at = span.start;
        while let Some(next) = text[at..span.end].find('\\') {
            at += next;
            if let Some((short, long)) = SHORT_ESCAPES.iter().find(|(short, _)| text[at..].starts_with(short))
            {
                written.push_str(&text[copied..at]);
                written.push_str(long);
                copied = at + short.len();
            }
            // The character after a backslash belongs to its escape, so it doesn't begin another one.
            at += 2;
        }
    }
    written.push_str(&text[copied..]);
    written
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::mapping;

    #[test]
    fn escapes_are_those_of_json() {
        let document = mapping([
            ("\u{85}", "\\\u{85}\\N\u{2028}\u{2029}\u{7}".into()),
            ("plain", "a\\Nb".into()),
            ("prose", "a\\N\nb\\L\n".into()),
        ]);
        assert_eq!(
            write(&document),
            "\"\\u0085\": \"\\\\\\u0085\\\\N\\u2028\\u2029\\a\"\nplain: a\\Nb\nprose: |\n  a\\N\n  b\\L\n"
        );
    }
}
