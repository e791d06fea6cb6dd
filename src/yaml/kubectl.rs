//! What kubectl makes of a document before it sends JSON to the API server.
//!
//! kubectl reads through sigs.k8s.io/yaml, which is go-yaml v2 and a conversion to JSON: aliases and merge keys are
//! resolved, a later key replaces an earlier one, and keys become text. What kubectl would refuse, such as a list as a
//! key or a tag that doesn't fit its value, is left out or taken for text here: it is a fault to [`super::strict`].

use std::collections::HashMap;
use std::slice;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::plain;
use super::tree::{Content, MAX_BYTES, MAX_DEPTH, Style, SyntaxError, SyntaxNode};
use super::value::{Key, Node, Value};

/// Reads a document.
///
/// # Errors
///
/// If its aliases have no end, or one beyond what is read.
pub fn read(root: &SyntaxNode<'_>) -> Result<Node, SyntaxError> {
    let mut anchors = HashMap::new();
    collect_anchors(root, &mut anchors);
    Reader { anchors, open: Vec::new(), aliases: 0, expanded: 0 }.node(root, 0)
}

/// Whether a key of a mapping is `<<` and means that other mappings are merged into this one.
pub fn is_merge_key(key: &SyntaxNode<'_>) -> bool {
    key.text() == Some("<<")
        && match key.tag() {
            None => key.style == Style::Plain,
            Some(tag) => tag.name == "!" || tag.yaml_name() == Some("merge"),
        }
}

/// The value of a scalar; null for anything else.
pub(super) fn scalar(node: &SyntaxNode<'_>) -> Value {
    let Some(text) = node.text() else { return Value::Null };
    let string = || Value::String(text.to_owned());
    let Some(tag) = node.tag() else {
        return if node.style == Style::Plain { plain::go_yaml(text) } else { string() };
    };
    match (tag.yaml_name(), plain::go_yaml(text)) {
        (Some("null"), value @ Value::Null)
        | (Some("bool"), value @ Value::Bool(_))
        | (Some("int"), value @ Value::Int(_))
        | (Some("float"), value @ Value::Float(_)) => value,
        #[expect(clippy::cast_precision_loss, reason = "the tag asks for a float")]
        (Some("float"), Value::Int(number)) => Value::Float(number as f64),
        (Some("binary"), _) => {
            let digits: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
            let bytes = STANDARD.decode(digits).ok();
            bytes.map_or_else(string, |bytes| Value::String(String::from_utf8_lossy(&bytes).into_owned()))
        }
        _ => string(),
    }
}

/// The text that JSON has for a key; nothing if kubectl refuses such a key.
pub(super) fn key_name(value: &Value) -> Option<String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::Float(number) => Some(float_key(*number)),
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::Seq(_) | Value::Map(_) => None,
    }
}

/// A number as Go's `FormatFloat(number, 'g', -1, 32)` writes it.
fn float_key(number: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "kubectl loses the digits too")]
    let number = number as f32;
    let scientific = format!("{number:e}");
    match scientific.split_once('e').and_then(|(digits, exponent)| Some((digits, exponent.parse().ok()?))) {
        Some((digits, exponent @ (..-4 | 6..))) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", i32::abs(exponent))
        }
        _ => number.to_string(),
    }
}

fn collect_anchors<'d, 't>(node: &'d SyntaxNode<'t>, anchors: &mut HashMap<usize, &'d SyntaxNode<'t>>) {
    if let Some(anchor) = node.anchor() {
        anchors.insert(anchor.id, node);
    }
    match &node.content {
        Content::Scalar(_) | Content::Alias { .. } => {}
        Content::Sequence(items) => items.iter().for_each(|item| collect_anchors(item, anchors)),
        Content::Mapping(entries) => {
            for (key, value) in entries {
                collect_anchors(key, anchors);
                collect_anchors(value, anchors);
            }
        }
    }
}

struct Reader<'d, 't> {
    anchors: HashMap<usize, &'d SyntaxNode<'t>>,
    /// The anchors of the nodes around the one that is read.
    open: Vec<usize>,
    /// How many aliases lead to the node that is read.
    aliases: usize,
    /// What all aliases were resolved to so far: a byte for each node, and its text.
    expanded: usize,
}

impl<'d, 't> Reader<'d, 't> {
    fn node(&mut self, node: &'d SyntaxNode<'t>, depth: usize) -> Result<Node, SyntaxError> {
        if let Content::Alias { name, id } = node.content {
            return self.alias(node, name, id, depth);
        }
        if self.aliases > 0 {
            self.expanded += 1 + node.text().map_or(0, str::len);
            if self.expanded > MAX_BYTES {
                let message = format!("the aliases of this document stand for more than {MAX_BYTES} bytes");
                return Err(SyntaxError::new(node.span.clone(), message));
            }
        }
        let anchor = node.anchor().map(|anchor| anchor.id);
        self.open.extend(anchor);
        let value = match &node.content {
            Content::Scalar(_) | Content::Alias { .. } => scalar(node),
            Content::Sequence(_) | Content::Mapping(_) if depth == MAX_DEPTH => {
                return Err(SyntaxError::too_deep(node.span.clone()));
            }
            Content::Sequence(items) => {
                Value::Seq(items.iter().map(|item| self.node(item, depth + 1)).collect::<Result<_, _>>()?)
            }
            Content::Mapping(entries) => Value::Map(self.mapping(entries, depth + 1)?),
        };
        if anchor.is_some() {
            self.open.pop();
        }
        Ok(Node { span: node.span.clone(), value })
    }

    /// Resolves an alias. Its value keeps the places that it has at the anchor.
    fn alias(
        &mut self,
        alias: &SyntaxNode<'t>,
        name: &str,
        id: usize,
        depth: usize,
    ) -> Result<Node, SyntaxError> {
        if self.open.contains(&id) {
            let message = format!("the value of the anchor `&{name}` contains itself");
            return Err(SyntaxError::new(alias.span.clone(), message));
        }
        self.aliases += 1;
        let node = self.node(self.anchors[&id], depth);
        self.aliases -= 1;
        // The outermost alias is what the document has too much of.
        node.map_err(|error| SyntaxError { span: alias.span.clone(), ..error })
    }

    fn mapping(
        &mut self,
        entries: &'d [(SyntaxNode<'t>, SyntaxNode<'t>)],
        depth: usize,
    ) -> Result<Vec<(Key, Node)>, SyntaxError> {
        let mut mapping = Mapping::default();
        for (key, value) in entries {
            if is_merge_key(key) {
                // go-yaml merges when it comes to the key: what is written before it is replaced too.
                self.merge(value, depth, &mut mapping)?;
                continue;
            }
            let key = self.node(key, depth)?;
            let value = self.node(value, depth)?;
            if let Some(name) = key_name(&key.value) {
                mapping.insert(Key { span: key.span, name }, value);
            }
        }
        Ok(mapping.entries)
    }

    /// Merges a mapping, or a list of mappings of which the first takes precedence.
    fn merge(
        &mut self,
        value: &'d SyntaxNode<'t>,
        depth: usize,
        mapping: &mut Mapping,
    ) -> Result<(), SyntaxError> {
        let mappings = match &value.content {
            Content::Sequence(items) => items.as_slice(),
            _ => slice::from_ref(value),
        };
        for merged in mappings.iter().rev() {
            if let Value::Map(entries) = self.node(merged, depth)?.value {
                entries.into_iter().for_each(|(key, node)| mapping.insert(key, node));
            }
        }
        Ok(())
    }
}

/// The entries of a mapping, in which a later value replaces an earlier one.
#[derive(Default)]
struct Mapping {
    entries: Vec<(Key, Node)>,
    positions: HashMap<String, usize>,
}

impl Mapping {
    fn insert(&mut self, key: Key, node: Node) {
        let position = *self.positions.entry(key.name.clone()).or_insert(self.entries.len());
        match self.entries.get_mut(position) {
            Some(entry) => *entry = (key, node),
            None => self.entries.push((key, node)),
        }
    }
}
