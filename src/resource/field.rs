//! Values of a document, each with its path.

use std::fmt;
use std::ops::Range;

use crate::resource::path::Path;
use crate::yaml::{Key, Node, Value};

/// A value of a document.
#[derive(Debug, Clone)]
pub struct Field<'d> {
    pub node: &'d Node,
    /// The span to point at: the value if it is a scalar; the key if it is a collection, which can have many lines.
    span: Range<usize>,
    path: Path<'d>,
}

impl<'d> Field<'d> {
    /// The whole document.
    pub fn document(node: &'d Node) -> Self {
        let start = node.span.start;
        let span = first_key(node).unwrap_or(start..node.span.end.min(start + 1));
        Field { node, span, path: Path::document() }
    }

    /// The value under `key`. A null counts as missing, because the API server prunes nulls.
    pub fn get(&self, key: &str) -> Option<Field<'d>> {
        let (key, node) = self.node.find(key)?;
        Some(self.below(key, node))
    }

    /// The value at the end of a path of keys: `["spec", "url"]`.
    pub fn at(&self, keys: &[&str]) -> Option<Field<'d>> {
        keys.iter().try_fold(self.clone(), |field, key| field.get(key))
    }

    /// The keys and values of a mapping; empty for other values.
    pub fn entries(&self) -> impl Iterator<Item = (&'d Key, Field<'d>)> {
        self.node.entries().iter().map(|(key, node)| (key, self.below(key, node)))
    }

    /// The items of a sequence; empty for other values.
    pub fn items(&self) -> impl Iterator<Item = Field<'d>> {
        self.node.items().iter().enumerate().map(|(index, node)| {
            let span = scalar(node).or_else(|| first_key(node)).unwrap_or_else(|| self.span.clone());
            Field { node, span, path: self.path.item(index) }
        })
    }

    /// The value, if it is a string.
    pub fn as_str(&self) -> Option<&'d str> {
        self.node.as_str()
    }

    /// The span in the file to point at; empty if the value isn't in a file.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The path, `spec.match[0].mode`; empty for the whole document.
    pub fn path(&self) -> String {
        self.path.plain()
    }

    /// The path of a field below this one.
    pub fn path_below(&self, key: &str) -> String {
        let path = self.path();
        if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
    }

    /// Whether the value is a mapping.
    pub fn is_mapping(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    fn below(&self, key: &'d Key, node: &'d Node) -> Field<'d> {
        let span = scalar(node).unwrap_or_else(|| key.span.clone());
        Field { node, span, path: self.path.key(&key.name) }
    }
}

/// `` `spec.match[0].mode` ``, or the document.
impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)
    }
}

fn scalar(node: &Node) -> Option<Range<usize>> {
    let is_scalar = !matches!(node.value, Value::Seq(_) | Value::Map(_));
    (is_scalar && !node.span.is_empty()).then(|| node.span.clone())
}

fn first_key(node: &Node) -> Option<Range<usize>> {
    // Keys that were added have an empty span.
    node.entries().iter().map(|(key, _)| key.span.clone()).find(|span| !span.is_empty())
}
