//! How kubectl reads a document before it sends JSON to the API server.
//!
//! kubectl uses sigs.k8s.io/yaml, which is go-yaml v2 and a conversion to JSON: aliases and merge keys are resolved, a
//! later key replaces an earlier one, and keys become text. What kubectl would refuse, such as a list as a key or a tag
//! that doesn't match its value, is skipped or read as text here. `strict` reports it as a fault.

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
/// If an alias contains itself, or if the document with its aliases resolved is too large or too deep.
pub fn read(root: &SyntaxNode<'_>) -> Result<Node, SyntaxError> {
    let mut anchors = HashMap::new();
    collect_anchors(root, &mut anchors);
    Reader { anchors, open: Vec::new(), aliases: 0, expanded: 0 }.node(root, 0)
}

/// Whether a key of a mapping is the merge key `<<`, which merges other mappings into this one.
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

/// The key in JSON; `None` if kubectl refuses such a key.
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
    /// The anchors of the nodes that contain the current one.
    open: Vec<usize>,
    /// How many aliases lead to the current node.
    aliases: usize,
    /// The size of all resolved aliases so far: one byte for each node, plus its text.
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
                let message = format!("the aliases of this document expand to more than {MAX_BYTES} bytes");
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

    /// Resolves an alias. The spans of its value are those at the anchor.
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
        // Point at the outermost alias, which is the one to remove.
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
                // go-yaml merges in the order of the keys, so this also replaces earlier keys.
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

    /// Merges a mapping, or a list of mappings. The first one in the list takes precedence.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse;

    fn read_text(text: &str) -> Result<Node, SyntaxError> {
        read(&parse(text, 0..text.len())?.unwrap())
    }

    fn json(text: &str) -> serde_json::Value {
        read_text(text).unwrap_or_else(|error| panic!("{text:?}: {error:?}")).to_json()
    }

    /// The results come from go-yaml 2.4.0 and the conversion of sigs.k8s.io/yaml.
    #[test]
    fn values_are_read_as_kubectl_reads_them() {
        for (text, expected) in [
            // Scalars.
            (
                "[yes, y, On, no, n, OFF, TRUE, ~, null, '', =, <<]",
                r#"[true,true,true,false,false,false,true,null,null,"","=","<<"]"#,
            ),
            (
                "[012, 08, 0o12, 0O7, 0x1F, -0x1F, 0x1_F, 0b11, -0b11, 00, 0_]",
                "[10,8.0,10,7,31,-31,31,3,-3,0,0]",
            ),
            ("[1_000, 1__0, -_1, _1, 1_e3, ._5, .5_0, 5_.0]", r#"[1000,10,-1,"_1",1000.0,"._5",0.5,5.0]"#),
            (
                "[1e3, .5, -.5, 1., ., +, 1e999, -0.0, +12, 1e21]",
                r#"[1000.0,0.5,-0.5,1.0,".","+","1e999",-0.0,12,1e21]"#,
            ),
            (
                "[12:30, 2026-01-01, 2026-01-01 10:00:00, 1.2.3, 0x, 0x1p3]",
                r#"["12:30","2026-01-01","2026-01-01 10:00:00","1.2.3","0x","0x1p3"]"#,
            ),
            (r#"{"json": "\ud83d\ude00\/"}"#, r#"{"json":"\ud83d\ude00/"}"#),
            ("a:\t\"b\n c\n\n d\"", r#"{"a":"b c\nd"}"#),
            ("['yes', \"012\", 'null']", r#"["yes","012","null"]"#),
            // Tags.
            (
                "[!!str 012, !!str null, !!str , ! 12, !x 12, !!int '12', !!bool 'yes', !!null '']",
                r#"["012","null","","12","12",12,true,null]"#,
            ),
            (
                "[!!float 1, !!float 1.5, !!timestamp 2026-01-01, !!binary aGk=, !!binary '/w==']",
                "[1.0,1.5,\"2026-01-01\",\"hi\",\"\u{fffd}\"]",
            ),
            (
                "[!!seq {a: 1}, !!map [1], !!set {x: null}, !!omap [x: 1]]",
                r#"[{"a":1},[1],{"x":null},[{"x":1}]]"#,
            ),
            // Keys.
            (
                "{8: a, 1.5: a, 1e3: a, yes: a, 012: a, 0.1: a}",
                r#"{"8":"a","1.5":"a","1000":"a","true":"a","10":"a","0.1":"a"}"#,
            ),
            (
                "{16777217.0: a, 123456789.5: a, 1e-7: a, 1e21: a}",
                r#"{"1.6777216e+07":"a","1.2345679e+08":"a","1e-07":"a","1e+21":"a"}"#,
            ),
            ("{a: 1, a: 2, '1': a, 1: b}", r#"{"a":2,"1":"b"}"#),
            // Aliases.
            ("{a: &x 1, b: &x 2, c: *x}", r#"{"a":1,"b":2,"c":2}"#),
            ("{a: &x , b: *x, c: &y [*x], d: *y}", r#"{"a":null,"b":null,"c":[null],"d":[null]}"#),
            ("&a a: *a", r#"{"a":"a"}"#),
            ("{a: &a x, *a : b}", r#"{"a":"x","x":"b"}"#),
            // Merge keys.
            ("{b: &b {x: 1, z: 2}, m: {<<: *b, x: 9}}", r#"{"b":{"x":1,"z":2},"m":{"x":9,"z":2}}"#),
            ("{b: &b {x: 1, z: 2}, m: {x: 9, <<: *b}}", r#"{"b":{"x":1,"z":2},"m":{"x":1,"z":2}}"#),
            ("{<<: [{x: 1}, {x: 2, z: 3}], w: 1}", r#"{"x":1,"z":3,"w":1}"#),
            ("{<<: [{x: 1}, {x: 2, z: 3}], x: 5}", r#"{"x":5,"z":3}"#),
            ("{<<: [&a {x: 1}, *a], <<: {z: 2}}", r#"{"x":1,"z":2}"#),
            ("{<<: {<<: {a: 1}, b: 2}}", r#"{"a":1,"b":2}"#),
            ("{a: {p: 1}, <<: {a: {q: 2}}}", r#"{"a":{"q":2}}"#),
            ("[{! <<: {a: 1}}, {!!merge '<<': {a: 1}}, {<<: []}]", r#"[{"a":1},{"a":1},{}]"#),
            (
                "[{'<<': {a: 1}}, {!!str <<: {a: 1}}, {!x <<: {a: 1}}]",
                r#"[{"<<":{"a":1}},{"<<":{"a":1}},{"<<":{"a":1}}]"#,
            ),
        ] {
            assert_eq!(json(text), serde_json::from_str::<serde_json::Value>(expected).unwrap(), "{text}");
        }
    }

    /// These are errors in kubectl, and faults in a resource.
    #[test]
    fn what_kubectl_refuses_still_has_a_value() {
        for (text, expected) in [
            ("{~: a, [b]: c, {d: e}: f, g: h}", r#"{"g":"h"}"#),
            ("[!!int abc, !!null x, !!binary x, !!int 1.5]", r#"["abc","x","x","1.5"]"#),
            (
                "[.inf, -.INF, .nan, 9223372036854775808]",
                r#"[".inf","-.INF",".nan",9.223372036854775808e18]"#,
            ),
            ("{<<: 1, a: {<<: [1, {b: c}]}}", r#"{"a":{"b":"c"}}"#),
        ] {
            assert_eq!(json(text), serde_json::from_str::<serde_json::Value>(expected).unwrap(), "{text}");
        }
    }

    #[test]
    fn values_keep_the_places_of_their_anchors() {
        let text = "a: &x {b: c}\nd: {<<: *x, e: *x}";
        let document = read_text(text).unwrap();
        let d = document.get("d").unwrap();
        let (key, value) = d.find("b").unwrap();
        assert_eq!((&text[key.span.clone()], &text[value.span.clone()]), ("b", "c"));
        assert_eq!(&text[d.get("e").unwrap().span.clone()], "{b: c}");
    }

    #[test]
    fn aliases_without_end_are_refused() {
        for text in
            ["&a [*a]", "&a {b: *a}", "&a {*a : b}", "&a [{b: [c, *a]}]", "<<: &a [*a]", "&a {<<: *a}"]
        {
            let error = read_text(text).expect_err(text);
            assert_eq!(error.message, "the value of the anchor `&a` contains itself", "{text}");
            assert_eq!(&text[error.span], "*a", "{text}");
        }
    }

    #[test]
    fn laughs_are_refused_at_their_outermost_alias() {
        let level = |name: &str, item: &str| format!("- &{name} [{}]\n", [item; 10].join(", "));
        let few = level("a", "x") + &level("b", "*a") + &level("c", "*b") + &level("d", "*c");
        let items = read_text(&few).unwrap();
        assert_eq!(items.items()[3].items()[9].items()[9].items()[9].items()[9].as_str(), Some("x"));
        let many = few + &level("e", "*d") + &level("f", "*e");
        let error = read_text(&many).unwrap_err();
        assert_eq!(error.message, "the aliases of this document expand to more than 1048576 bytes");
        assert!(["*d", "*e"].contains(&&many[error.span.clone()]), "{error:?}");
        let long = format!("- &a {}\n{}", "x".repeat(500_000), "- *a\n".repeat(100_000));
        assert_eq!(read_text(&long).unwrap_err().message, error.message);
        let merged = format!("- &a {{x: {}}}\n{}", "x".repeat(500_000), "- {<<: [*a, *a]}\n".repeat(2));
        assert_eq!(read_text(&merged).unwrap_err().message, error.message);
    }

    #[test]
    fn a_tower_of_aliases_is_too_deep() {
        let tower = (1..=MAX_DEPTH)
            .fold("- &a0 [x]\n".to_owned(), |text, level| text + &format!("- &a{level} [*a{}]\n", level - 1));
        let error = read_text(&tower).unwrap_err();
        assert_eq!(error.message, "the values are nested more than 64 levels deep");
        assert_eq!(&tower[error.span], "*a62");
    }
}
