//! Schemas, and the comparison of a document with a schema.

use crate::resource::field::Field;
use crate::text::{nearest, quoted};
use crate::yaml::{Key, Value};

/// A known field of a mapping.
pub(super) struct Property {
    name: &'static str,
    shape: Shape,
    required: bool,
}

/// The type of a value, and its limits.
pub(super) enum Shape {
    /// A string with a length in these limits, in characters.
    Text { min: usize, max: usize },
    /// One of these strings.
    Choice(&'static [&'static str]),
    /// An integer in these limits, inclusive.
    Integer { min: i64, max: i64 },
    /// A list with a maximum number of items.
    List { of: &'static Shape, max: usize },
    /// A mapping with only these fields.
    Record(&'static [Property]),
    /// A mapping of strings to strings with a maximum number of entries.
    Texts { max: usize },
    /// Any mapping.
    Mapping,
    /// Any value.
    Any,
}

/// A part of a document that the schema doesn't allow.
#[derive(Debug, Clone)]
pub struct Mismatch<'d> {
    /// The value; for an unknown or a missing field, the mapping.
    pub field: Field<'d>,
    pub kind: MismatchKind<'d>,
}

/// How a value differs from its schema.
#[derive(Debug, Clone)]
pub enum MismatchKind<'d> {
    /// The mapping has an unknown field.
    UnknownField {
        key: &'d Key,
        /// A similar known name.
        similar: Option<&'static str>,
    },
    /// The mapping lacks this required field.
    MissingField(&'static str),
    /// The value has another type.
    Type {
        /// The type that it has: `a list`.
        found: &'static str,
        /// The type that it has to have.
        expected: String,
        /// Whether quotes would fix it: a string is expected, and the value is another scalar.
        needs_quotes: bool,
    },
    /// The value isn't one of the allowed values.
    Choice {
        found: &'d str,
        /// The allowed values.
        expected: String,
        /// A similar allowed value.
        similar: Option<&'static str>,
    },
    /// The number is too small or too large.
    Range {
        found: i64,
        /// The minimum and the maximum.
        allowed: (i64, i64),
    },
    /// The string is empty.
    Empty,
    /// The string is too long.
    Length {
        /// The length, in characters.
        found: usize,
        /// The maximum length.
        most: usize,
    },
    /// The list or the mapping has too many entries.
    Count {
        /// The number of entries.
        found: usize,
        /// The maximum number.
        most: usize,
    },
}

impl Property {
    pub(super) const fn new(name: &'static str, shape: Shape) -> Self {
        Property { name, shape, required: false }
    }

    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

/// All mismatches between a document and a schema, in no particular order.
pub(super) fn compare<'d>(shape: &Shape, document: &Field<'d>) -> Vec<Mismatch<'d>> {
    let mut comparison = Comparison { mismatches: Vec::new() };
    comparison.value(shape, document);
    comparison.mismatches
}

struct Comparison<'d> {
    mismatches: Vec<Mismatch<'d>>,
}

impl<'d> Comparison<'d> {
    fn value(&mut self, shape: &Shape, field: &Field<'d>) {
        match (shape, &field.node.value) {
            (Shape::Any, _) | (Shape::Mapping, Value::Map(_)) => {}
            (Shape::Text { min, max }, Value::String(text)) => self.length(field, text, *min, *max),
            (Shape::Choice(choices), Value::String(text)) if choices.contains(&text.as_str()) => {}
            (Shape::Choice(choices), Value::String(text)) => {
                let similar = nearest(text, choices.iter().copied());
                self.add(field, MismatchKind::Choice { found: text, expected: shape.describe(), similar });
            }
            (Shape::Integer { min, max }, Value::Int(number)) => {
                if !(*min..=*max).contains(number) {
                    self.add(field, MismatchKind::Range { found: *number, allowed: (*min, *max) });
                }
            }
            (Shape::List { of, max }, Value::Seq(items)) => {
                self.count(field, items.len(), *max);
                field.items().for_each(|item| self.value(of, &item));
            }
            (Shape::Record(properties), Value::Map(_)) => {
                self.record(properties, field);
                for (key, _) in field.node.entries() {
                    if properties.iter().all(|property| property.name != key.name) {
                        let names = properties.iter().map(|property| property.name);
                        let similar = nearest(&key.name, names);
                        self.add(field, MismatchKind::UnknownField { key, similar });
                    }
                }
            }
            (Shape::Texts { max }, Value::Map(entries)) => {
                self.count(field, entries.len(), *max);
                let any = Shape::Text { min: 0, max: usize::MAX };
                field.entries().for_each(|(_, value)| self.value(&any, &value));
            }
            _ => self.mistyped(shape, field),
        }
    }

    fn record(&mut self, properties: &[Property], field: &Field<'d>) {
        for property in properties {
            match field.get(property.name) {
                Some(value) => self.value(&property.shape, &value),
                None if property.required => self.add(field, MismatchKind::MissingField(property.name)),
                None => {}
            }
        }
    }

    fn length(&mut self, field: &Field<'d>, text: &str, min: usize, max: usize) {
        let length = text.chars().count();
        if length == 0 && min > 0 {
            self.add(field, MismatchKind::Empty);
        } else if length > max {
            self.add(field, MismatchKind::Length { found: length, most: max });
        }
    }

    fn count(&mut self, field: &Field<'d>, count: usize, max: usize) {
        if count > max {
            self.add(field, MismatchKind::Count { found: count, most: max });
        }
    }

    fn mistyped(&mut self, shape: &Shape, field: &Field<'d>) {
        let (found, is_quotable) = match field.node.value {
            Value::Null => ("null", false),
            Value::Bool(_) => ("a boolean", true),
            Value::Int(_) | Value::Float(_) => ("a number", true),
            Value::String(_) => ("a string", false),
            Value::Seq(_) => ("a list", false),
            Value::Map(_) => ("a mapping", false),
        };
        let needs_quotes = is_quotable && matches!(shape, Shape::Text { .. });
        self.add(field, MismatchKind::Type { found, expected: shape.describe(), needs_quotes });
    }

    fn add(&mut self, field: &Field<'d>, kind: MismatchKind<'d>) {
        self.mismatches.push(Mismatch { field: field.clone(), kind });
    }
}

#[cfg(test)]
impl Shape {
    /// The paths of all fields, and `PATH=VALUE` for each value of a field with a fixed set of values, sorted.
    pub(super) fn parts(&self) -> Vec<String> {
        fn collect(shape: &Shape, path: &str, parts: &mut Vec<String>) {
            match shape {
                Shape::Record(properties) => {
                    for property in *properties {
                        let outer = if path.is_empty() { String::new() } else { format!("{path}.") };
                        let path = format!("{outer}{}", property.name);
                        parts.push(path.clone());
                        collect(&property.shape, &path, parts);
                    }
                }
                Shape::List { of, .. } => collect(of, &format!("{path}[]"), parts),
                Shape::Choice(choices) => {
                    parts.extend(choices.iter().map(|choice| format!("{path}={choice}")));
                }
                _ => {}
            }
        }
        let mut parts = Vec::new();
        collect(self, "", &mut parts);
        parts.sort();
        parts
    }
}

impl Shape {
    fn describe(&self) -> String {
        match self {
            Shape::Text { .. } => "a string".to_owned(),
            Shape::Choice([choice]) => format!("`{choice}`"),
            Shape::Choice(choices) => format!("one of {}", quoted(choices.iter().copied())),
            Shape::Integer { .. } => "an integer".to_owned(),
            Shape::List { .. } => "a list".to_owned(),
            Shape::Texts { .. } => "a mapping of strings to strings".to_owned(),
            Shape::Record(_) | Shape::Mapping => "a mapping".to_owned(),
            Shape::Any => "any value".to_owned(),
        }
    }
}
