//! JSON values, with the spans that they were read from.

use std::ops::Range;

/// A value with its span.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The bytes in the text; empty if the value is omitted or was not read from a text.
    pub span: Range<usize>,
    /// The value without its position.
    pub value: Value,
}

/// A JSON value. Mappings keep the order of the text.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, `~` or an omitted value.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A finite number with a fraction or an exponent.
    Float(f64),
    /// Text, without quotes and escapes.
    String(String),
    /// A sequence; its items can have different types.
    Seq(Vec<Node>),
    /// A mapping without duplicate keys.
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping with its span.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// The bytes in the text; empty if the key was not read from a text.
    pub span: Range<usize>,
    /// The text of the key, without quotes and escapes.
    pub name: String,
}

impl Node {
    /// The key and its value, if this is a mapping that contains the key. A null counts as missing, because the API server
    /// prunes nulls.
    pub fn find(&self, key: &str) -> Option<(&Key, &Node)> {
        let (key, node) = self.entries().iter().find(|(Key { name, .. }, _)| name == key)?;
        (node.value != Value::Null).then_some((key, node))
    }

    /// The value that [`Node::find`] returns.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.find(key).map(|(_, node)| node)
    }

    /// The keys and values of a mapping; empty for anything else.
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The position of `key` among the keys of a mapping.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.entries().iter().position(|(Key { name, .. }, _)| name == key)
    }

    /// The value of `key`, for changing it. If the mapping doesn't contain the key, it is added at `index`, or at the end
    /// if the mapping is shorter. Anything else is replaced by a mapping.
    pub fn entry(&mut self, key: &str, index: usize) -> &mut Node {
        let found = self.position(key);
        if !matches!(self.value, Value::Map(_)) {
            self.value = Value::Map(Vec::new());
        }
        let Value::Map(entries) = &mut self.value else { unreachable!("it was replaced by a mapping above") };
        let index = found.unwrap_or_else(|| {
            let index = index.min(entries.len());
            entries.insert(index, (Key::from(key), Value::Null.into()));
            index
        });
        &mut entries[index].1
    }

    /// The items of a sequence; empty for anything else.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::Seq(items) => items,
            _ => &[],
        }
    }

    /// The text, if the value is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Int(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::String(value) => value.as_str().into(),
            Value::Seq(items) => items.iter().map(Node::to_json).collect(),
            Value::Map(entries) => {
                entries.iter().map(|(key, node)| (key.name.clone(), node.to_json())).collect()
            }
        }
    }
}

/// A mapping that was not read from a text. The keys must be unique.
pub fn mapping<'k>(entries: impl IntoIterator<Item = (&'k str, Node)>) -> Node {
    Value::Map(entries.into_iter().map(|(key, node)| (Key::from(key), node)).collect()).into()
}

/// A sequence that was not read from a text.
pub fn sequence(items: impl IntoIterator<Item = Node>) -> Node {
    Value::Seq(items.into_iter().collect()).into()
}

/// A node that was not read from a text.
impl From<Value> for Node {
    fn from(value: Value) -> Self {
        Node { span: 0..0, value }
    }
}

/// A string that was not read from a text.
impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Value::String(text.to_owned()).into()
    }
}

impl From<&str> for Key {
    fn from(name: &str) -> Self {
        Key { span: 0..0, name: name.to_owned() }
    }
}
