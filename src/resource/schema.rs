//! What a document may hold, as a table, and the comparison of a document with it.

use std::fmt::{self, Write as _};
use std::ops::Range;

use super::MAX_PROBLEMS;
use crate::error::Problem;
use crate::text::nearest;
use crate::yaml::{Key, Node, Value};

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
pub(super) type Rule = fn(&mut Review, &Place<'_>, &Node);

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

/// A value as it is called and shown. Its path is put together only when it is told: it can be long.
pub(super) struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
    /// What to point at: a scalar itself, the key of all else.
    span: Range<usize>,
}

/// The way to a place from the one around it.
pub(super) enum Step<'a> {
    Document,
    Field(&'a str),
    Item(usize),
}

impl Field {
    pub(super) const fn new(name: &'static str, shape: Shape) -> Self {
        Field { name, shape, required: false, rule: |_, _, _| {} }
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

impl<'a> Place<'a> {
    /// The place of a whole document.
    pub(super) fn document(node: &Node) -> Self {
        Place::whole(first(node).unwrap_or(0..0))
    }

    /// The place of a whole document that is shown by this part of it.
    pub(super) fn whole(span: Range<usize>) -> Self {
        Place { parent: None, step: Step::Document, span }
    }

    /// The place one step below this one.
    pub(super) fn below(&'a self, step: Step<'a>, span: Range<usize>) -> Self {
        Place { parent: Some(self), step, span }
    }

    /// The place of the value under a key of the value at this place.
    pub(super) fn field(&'a self, key: &'a Key, node: &Node) -> Self {
        let span = scalar(node).unwrap_or_else(|| key.span.clone());
        self.below(Step::Field(&key.name), span)
    }

    /// The place of an item of the list at this place.
    pub(super) fn item(&'a self, index: usize, node: &Node) -> Self {
        let span = scalar(node).or_else(|| first(node)).unwrap_or_else(|| self.span.clone());
        self.below(Step::Item(index), span)
    }

    /// What is wrong or doubtful at this place: `complaint` follows its name.
    pub(super) fn problem(&self, complaint: &str, label: impl Into<String>, help: Option<String>) -> Problem {
        Problem { span: self.span.clone(), message: format!("{self} {complaint}"), label: label.into(), help }
    }
}

/// `` `spec.match[0].mode` ``
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut steps = Vec::new();
        let mut place = self;
        while let Some(parent) = place.parent {
            steps.push(&place.step);
            place = parent;
        }
        if steps.is_empty() {
            return f.write_str("the document");
        }
        f.write_char('`')?;
        for (index, step) in steps.into_iter().rev().enumerate() {
            match step {
                Step::Document => {}
                Step::Field(name) if index == 0 => f.write_str(name)?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Item(item) => write!(f, "[{item}]")?,
            }
        }
        f.write_char('`')
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
    pub(super) fn compare(&mut self, shape: &Shape, place: &Place<'_>, node: &Node) {
        match (shape, &node.value) {
            (Shape::Any, _) | (Shape::Mapping, Value::Map(_)) => {}
            (Shape::Text { min, max }, Value::String(text)) => self.length(place, text, *min, *max),
            (Shape::Choice(choices), Value::String(text)) if choices.contains(&text.as_str()) => {}
            (Shape::Choice(choices), Value::String(text)) => {
                let help = nearest(text, choices.iter().copied())
                    .map(|near| format!("a similar value exists: `{near}`"));
                self.error_with_help(place, &format!("is `{text}`"), &expected(shape), help);
            }
            (Shape::Integer { min, max }, Value::Int(number)) => {
                if !(*min..=*max).contains(number) {
                    let expected = format!("a number from {min} to {max} is expected");
                    self.error(place, &format!("is {number}"), &expected);
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
                    self.compare(&Shape::Text { min: 0, max: usize::MAX }, &place.field(key, node), node);
                }
            }
            _ => self.mistyped(place, node, shape),
        }
    }

    /// Notes that the value at `place` is wrong: `complaint` follows its name, `label` says what is expected.
    pub(super) fn error(&mut self, place: &Place<'_>, complaint: &str, label: &str) {
        self.error_with_help(place, complaint, label, None);
    }

    /// Like `error`, with what to write instead.
    pub(super) fn error_with_help(
        &mut self,
        place: &Place<'_>,
        complaint: &str,
        label: &str,
        help: Option<String>,
    ) {
        if self.errors.len() < MAX_PROBLEMS {
            self.errors.push(place.problem(complaint, label, help));
        }
    }

    /// Notes that the value at `place` is doubtful, and what to do about it.
    pub(super) fn warn(&mut self, place: &Place<'_>, complaint: &str, help: &str) {
        if self.warnings.len() < MAX_PROBLEMS {
            self.warnings.push(place.problem(complaint, "", Some(help.to_owned())));
        }
    }

    fn record(&mut self, fields: &[Field], place: &Place<'_>, node: &Node) {
        for field in fields {
            let Some((key, value)) = node.find(field.name) else {
                if field.required {
                    let label = format!("`{}` is required here", field.name);
                    self.error(place, &format!("has no `{}`", field.name), &label);
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

    fn unknown(&mut self, place: &Place<'_>, key: &Key, fields: &[Field]) {
        let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
        let near = nearest(&key.name, names.iter().copied());
        let (list, help) = match near {
            Some(near) => (&mut self.errors, format!("a field with a similar name exists: `{near}`")),
            None => (
                &mut self.warnings,
                "it is kept; a cluster that does not know it drops it or refuses it".to_owned(),
            ),
        };
        if list.len() < MAX_PROBLEMS {
            list.push(Problem {
                span: key.span.clone(),
                message: format!("unknown field `{}`", key.name),
                label: format!("no known field of {place}"),
                help: Some(help),
            });
        }
    }

    fn length(&mut self, place: &Place<'_>, text: &str, min: usize, max: usize) {
        let length = text.chars().count();
        if length == 0 && min > 0 {
            self.error(place, "is empty", "text is expected");
        } else if length > max {
            self.error(place, &format!("has {length} characters"), &format!("at most {max} are allowed"));
        }
    }

    fn count(&mut self, place: &Place<'_>, count: usize, max: usize) {
        if count > max {
            self.error(place, &format!("has {count} entries"), &format!("at most {max} are allowed"));
        }
    }

    fn mistyped(&mut self, place: &Place<'_>, node: &Node, shape: &Shape) {
        let (found, is_scalar) = match node.value {
            Value::Null => ("nothing", false),
            Value::Bool(_) => ("a boolean", true),
            Value::Int(_) | Value::Float(_) => ("a number", true),
            Value::String(_) => ("text", false),
            Value::Seq(_) => ("a list", false),
            Value::Map(_) => ("a mapping", false),
        };
        let quotable = is_scalar && matches!(shape, Shape::Text { .. });
        let help = quotable.then(|| "quote it".to_owned());
        self.error_with_help(place, &format!("is {found}"), &expected(shape), help);
    }
}

fn expected(shape: &Shape) -> String {
    format!("{} is expected", shape.describe())
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
