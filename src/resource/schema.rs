//! What a document may hold, as a table, and the comparison of a document with it.

use std::ops::Range;

use super::yaml::{Key, Node, Value};
use crate::error::{Problem, nearest};

/// What is wrong with a document, and what is doubtful.
#[derive(Debug, Default)]
pub(super) struct Review {
    pub(super) errors: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

/// A field of a record.
pub(super) struct Field {
    name: &'static str,
    shape: Shape,
    required: bool,
    rule: Rule,
}

/// What the shape cannot say. It is asked where the shape fits.
pub(super) type Rule = fn(&mut Review, &Place, &Node);

/// What a value looks like.
pub(super) enum Shape {
    /// Text of so many characters.
    Text { min: usize, max: usize },
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// A whole number between these, both included.
    Integer { min: i64, max: i64 },
    /// A list of at most so many items.
    List { of: &'static Shape, max: usize },
    /// A mapping with these fields and no others.
    Record(&'static [Field]),
    /// A mapping with these fields and any others.
    OpenRecord(&'static [Field]),
    /// A mapping of text to text with at most so many entries.
    Texts { max: usize },
    /// A mapping of anything.
    Mapping,
    /// Anything at all.
    Any,
}

/// A value as it is called and shown.
pub(super) struct Place {
    /// `spec.match[0].mode`; empty for the document.
    pub(super) path: String,
    /// What to point at: a scalar itself, the key of all else.
    pub(super) span: Range<usize>,
}

impl Field {
    pub(super) const fn new(name: &'static str, shape: Shape) -> Self {
        Field {
            name,
            shape,
            required: false,
            rule: |_, _, _| {},
        }
    }

    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) const fn rule(mut self, rule: Rule) -> Self {
        self.rule = rule;
        self
    }
}

impl Place {
    /// The place of a whole document.
    pub(super) fn document(node: &Node) -> Self {
        Place {
            path: String::new(),
            span: first(node).unwrap_or(0..0),
        }
    }

    /// The place of the value under a key of the value at this place.
    pub(super) fn field(&self, key: &Key, node: &Node) -> Self {
        let span = scalar(node).unwrap_or_else(|| key.span.clone());
        Place {
            path: self.named(&key.name),
            span,
        }
    }

    /// The place of an item of the list at this place.
    pub(super) fn item(&self, index: usize, node: &Node) -> Self {
        let span = scalar(node)
            .or_else(|| first(node))
            .unwrap_or_else(|| self.span.clone());
        Place {
            path: format!("{}[{index}]", self.path),
            span,
        }
    }

    fn called(&self) -> String {
        if self.path.is_empty() {
            "the document".to_owned()
        } else {
            format!("`{}`", self.path)
        }
    }

    fn named(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }
}

/// Where a scalar stands; nothing for a collection, whose lines would fill the screen.
fn scalar(node: &Node) -> Option<Range<usize>> {
    let is_scalar = !matches!(node.value, Value::Seq(_) | Value::Map(_));
    (is_scalar && !node.span.is_empty()).then(|| node.span.clone())
}

fn first(node: &Node) -> Option<Range<usize>> {
    node.entries().first().map(|(key, _)| key.span.clone())
}

impl Review {
    /// Compares the value at `place` with a shape.
    pub(super) fn compare(&mut self, shape: &Shape, place: &Place, node: &Node) {
        match (shape, &node.value) {
            (Shape::Any, _) | (Shape::Mapping, Value::Map(_)) => {}
            (Shape::Text { min, max }, Value::String(text)) => self.length(place, text, *min, *max),
            (Shape::Choice(choices), Value::String(text)) => {
                if !choices.contains(&text.as_str()) {
                    let near = nearest(text, choices.iter().copied());
                    let help = near.map(|near| format!("a similar value exists: `{near}`"));
                    let expected = format!("{} is expected", shape.describe());
                    self.errors
                        .push(problem(place, &format!("is `{text}`"), expected, help));
                }
            }
            (Shape::Integer { min, max }, Value::Int(number)) => {
                if !(*min..=*max).contains(number) {
                    self.error(
                        place,
                        format!("is {number}"),
                        format!("a number from {min} to {max} is expected"),
                    );
                }
            }
            (Shape::List { of, max }, Value::Seq(items)) => {
                self.count(place, items.len(), *max);
                for (index, item) in items.iter().enumerate() {
                    self.compare(of, &place.item(index, item), item);
                }
            }
            (Shape::Record(fields), Value::Map(entries)) => {
                self.record(fields, place, node);
                for (key, _) in entries {
                    if fields.iter().all(|field| field.name != key.name) {
                        self.unknown(place, key, fields);
                    }
                }
            }
            (Shape::OpenRecord(fields), Value::Map(_)) => self.record(fields, place, node),
            (Shape::Texts { max }, Value::Map(entries)) => {
                self.count(place, entries.len(), *max);
                for (key, node) in entries {
                    if node.as_str().is_none() {
                        self.mistyped(
                            &place.field(key, node),
                            node,
                            &Shape::Text {
                                min: 0,
                                max: usize::MAX,
                            },
                        );
                    }
                }
            }
            _ => self.mistyped(place, node, shape),
        }
    }

    /// Notes that the value at `place` is wrong: `complaint` follows its name, `expected` labels it.
    pub(super) fn error(&mut self, place: &Place, complaint: impl AsRef<str>, expected: impl Into<String>) {
        self.errors
            .push(problem(place, complaint.as_ref(), expected.into(), None));
    }

    /// Notes that the value at `place` is doubtful.
    pub(super) fn warn(&mut self, place: &Place, complaint: impl AsRef<str>, help: impl Into<String>) {
        self.warnings.push(problem(
            place,
            complaint.as_ref(),
            String::new(),
            Some(help.into()),
        ));
    }

    fn record(&mut self, fields: &[Field], place: &Place, node: &Node) {
        for field in fields {
            // The API server prunes nulls, so a field without a value is not there.
            let found = node.entries().iter().find(|(key, _)| key.name == field.name);
            let Some((key, value)) = found.filter(|(_, value)| value.value != Value::Null) else {
                if field.required {
                    let missing = Place {
                        path: place.named(field.name),
                        span: place.span.clone(),
                    };
                    self.error(
                        &missing,
                        "is missing",
                        format!("`{}` is required here", field.name),
                    );
                }
                continue;
            };
            let place = place.field(key, value);
            let errors = self.errors.len();
            self.compare(&field.shape, &place, value);
            if self.errors.len() == errors {
                (field.rule)(self, &place, value);
            }
        }
    }

    fn unknown(&mut self, place: &Place, key: &Key, fields: &[Field]) {
        let message = format!("unknown field `{}`", key.name);
        let (span, label) = (key.span.clone(), format!("no known field of {}", place.called()));
        match nearest(&key.name, fields.iter().map(|field| field.name)) {
            Some(near) => {
                let help = Some(format!("a field with a similar name exists: `{near}`"));
                self.errors.push(Problem {
                    span,
                    message,
                    label,
                    help,
                });
            }
            None => {
                let help =
                    Some("it is kept; a cluster that does not know it drops it or refuses it".to_owned());
                self.warnings.push(Problem {
                    span,
                    message,
                    label,
                    help,
                });
            }
        }
    }

    fn length(&mut self, place: &Place, text: &str, min: usize, max: usize) {
        let length = text.chars().count();
        if length == 0 && min > 0 {
            self.error(place, "is empty", "text is expected");
        } else if length > max {
            self.error(
                place,
                format!("has {length} characters"),
                format!("at most {max} are allowed"),
            );
        }
    }

    fn count(&mut self, place: &Place, count: usize, max: usize) {
        if count > max {
            self.error(
                place,
                format!("has {count} entries"),
                format!("at most {max} are allowed"),
            );
        }
    }

    fn mistyped(&mut self, place: &Place, node: &Node, shape: &Shape) {
        let (found, is_scalar) = match node.value {
            Value::Null => ("nothing", false),
            Value::Bool(_) => ("a boolean", true),
            Value::Int(_) | Value::Float(_) => ("a number", true),
            Value::String(_) => ("text", false),
            Value::Seq(_) => ("a list", false),
            Value::Map(_) => ("a mapping", false),
        };
        let (complaint, expected) = (format!("is {found}"), format!("{} is expected", shape.describe()));
        let help = (is_scalar && matches!(shape, Shape::Text { .. })).then(|| "quote it".to_owned());
        self.errors.push(problem(place, &complaint, expected, help));
    }
}

impl Shape {
    fn describe(&self) -> String {
        match self {
            Shape::Text { .. } => "text".to_owned(),
            Shape::Choice(choices) => {
                let choices: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
                let one_of = if choices.len() > 1 { "one of " } else { "" };
                format!("{one_of}{}", choices.join(", "))
            }
            Shape::Integer { .. } => "a whole number".to_owned(),
            Shape::List { .. } => "a list".to_owned(),
            Shape::Texts { .. } => "a mapping of text to text".to_owned(),
            Shape::Record(_) | Shape::OpenRecord(_) | Shape::Mapping => "a mapping".to_owned(),
            Shape::Any => "any value".to_owned(),
        }
    }
}

/// A problem whose message is the name of the place and then the complaint.
pub(super) fn problem(place: &Place, complaint: &str, label: String, help: Option<String>) -> Problem {
    Problem {
        span: place.span.clone(),
        message: format!("{} {complaint}", place.called()),
        label,
        help,
    }
}
