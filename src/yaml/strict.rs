//! Finds what a resource must not contain.
//!
//! Our own resources are read once, as kubectl reads them, and rewritten for other readers. Anchors, aliases and merge
//! keys are resolved. Otherwise they may contain only what all readers read in the same way: keys are text, and there are
//! no duplicate keys and no tags.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use super::fault::{Fault, FaultKind};
use super::tree::{Content, Style, SyntaxNode};
use super::value::Value;
use super::{kubectl, plain};

/// All faults in a document, in the order of the text.
pub fn faults(root: &SyntaxNode<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    visit(root, &mut faults);
    faults
}

fn visit(node: &SyntaxNode<'_>, faults: &mut Vec<Fault>) {
    visit_properties(node, faults);
    match &node.content {
        Content::Scalar(_) => {
            if let Err(kind) = value(node) {
                faults.push(Fault { span: node.span.clone(), kind });
            }
        }
        // The value is visited at its anchor.
        Content::Alias { .. } => {}
        Content::Sequence(items) => items.iter().for_each(|item| visit(item, faults)),
        Content::Mapping(entries) => {
            let mut keys = HashMap::new();
            for (key, value) in entries {
                visit_key(key, &mut keys, faults);
                visit(value, faults);
            }
        }
    }
}

/// Visits a key of a mapping whose earlier keys are `keys`.
fn visit_key<'d>(
    key: &'d SyntaxNode<'_>,
    keys: &mut HashMap<String, &'d Range<usize>>,
    faults: &mut Vec<Fault>,
) {
    visit_properties(key, faults);
    let mut fault = |kind| faults.push(Fault { span: key.span.clone(), kind });
    match &key.content {
        Content::Alias { .. } => return,
        Content::Sequence(_) | Content::Mapping(_) => return fault(FaultKind::NonTextKey { text: None }),
        Content::Scalar(_) if kubectl::is_merge_key(key) => return,
        Content::Scalar(text) => match value(key) {
            Ok(Value::String(_)) => {}
            Ok(_) => fault(FaultKind::NonTextKey { text: Some(text.clone().into_owned()) }),
            Err(kind) => fault(kind),
        },
    }
    if let Some(name) = kubectl::key_name(&kubectl::scalar(key)) {
        match keys.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(&key.span);
            }
            Entry::Occupied(entry) => {
                let (key, first) = (entry.key().clone(), (*entry.get()).clone());
                fault(FaultKind::DuplicateKey { key, first });
            }
        }
    }
}

fn visit_properties(node: &SyntaxNode<'_>, faults: &mut Vec<Fault>) {
    let tag = node.tag().filter(|tag| node.text().is_none() || tag.yaml_name() != Some("str"));
    let fault =
        tag.map(|tag| Fault { span: tag.span.clone(), kind: FaultKind::Tag { tag: tag.written.to_owned() } });
    faults.extend(fault);
}

/// The value of a scalar, if all readers agree on it. A scalar with a tag is read as kubectl reads it: the tag is
/// a fault of its own.
fn value(scalar: &SyntaxNode<'_>) -> Result<Value, FaultKind> {
    match scalar.text() {
        Some(text) if scalar.style == Style::Plain && scalar.tag().is_none() => plain::resolve(text),
        _ => Ok(kubectl::scalar(scalar)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse;

    fn found(text: &str) -> Vec<(FaultKind, &str)> {
        let root = parse(text, 0..text.len()).unwrap_or_else(|error| panic!("{text}: {error:?}")).unwrap();
        faults(&root).into_iter().map(|fault| (fault.kind, &text[fault.span])).collect()
    }

    #[test]
    fn what_all_readers_read_the_same_has_no_fault() {
        for text in [
            "",
            "# a\n---\na: [1, 0.5, true, null, 'yes', text]\n\"n\": {}\n'<<': |\n  yes\n",
            "!!str 012: !!str yes",
            "{a: &x {b: 1}, c: *x, d: {<<: *x}, &y e: f, *y : g}",
        ] {
            assert!(
                parse(text, 0..text.len()).unwrap().is_none_or(|root| faults(&root).is_empty()),
                "{text}"
            );
        }
    }

    #[test]
    fn each_fault_has_its_kind_and_its_place() {
        let text = |text: &str| text.to_owned();
        let duplicate = |key: &str, first| FaultKind::DuplicateKey { key: text(key), first };
        let ambiguous = |scalar: &str, one: &str, other: &str| FaultKind::AmbiguousScalar {
            text: text(scalar),
            readings: [text(one), text(other)],
        };
        let number = |number: &str, is_finite| FaultKind::UnsupportedNumber { text: text(number), is_finite };
        let non_text = |key: Option<&str>| FaultKind::NonTextKey { text: key.map(text) };
        let tag = |tag: &str| FaultKind::Tag { tag: text(tag) };
        for (source, expected) in [
            ("a: yes", vec![(ambiguous("yes", "the boolean true", "text"), "yes")]),
            ("- [<<]", vec![(ambiguous("<<", "a merge key", "text"), "<<")]),
            ("off: 1", vec![(ambiguous("off", "the boolean false", "text"), "off")]),
            (
                "[.nan, 9223372036854775808]",
                vec![
                    (number(".nan", false), ".nan"),
                    (number("9223372036854775808", true), "9223372036854775808"),
                ],
            ),
            (
                "{a: 1, \"a\": 2, 'a': 3}",
                vec![(duplicate("a", 1..2), "\"a\""), (duplicate("a", 1..2), "'a'")],
            ),
            (
                "{'true': 1, true: 2}",
                vec![(non_text(Some("true")), "true"), (duplicate("true", 1..7), "true")],
            ),
            ("{a: {a: 1}, b: [{a: 1}, {a: 1}]}", vec![]),
            ("~: 1", vec![(non_text(Some("~")), "~")]),
            (": 1", vec![(non_text(Some("")), "")]),
            ("{[a]: 1, {b: c}: 2}", vec![(non_text(None), "[a]"), (non_text(None), "{b: c}")]),
            ("{a: &x yes, b: *x}", vec![(ambiguous("yes", "the boolean true", "text"), "yes")]),
            ("{<<: {a: 1}, <<: {b: yes}}", vec![(ambiguous("yes", "the boolean true", "text"), "yes")]),
            ("!!merge <<: {}", vec![(tag("!!merge"), "!!merge")]),
            ("a: !x yes", vec![(tag("!x"), "!x")]),
            ("a: !!str &x yes", vec![]),
            ("a: !!int &x 012", vec![(tag("!!int"), "!!int")]),
            ("!!map {a: !!seq []}", vec![(tag("!!map"), "!!map"), (tag("!!seq"), "!!seq")]),
            ("!!str []", vec![(tag("!!str"), "!!str")]),
        ] {
            assert_eq!(found(source), expected, "{source}");
        }
    }

    #[test]
    fn every_fault_says_what_to_do() {
        let found = found("a: yes\nb: .inf\n1: &x !y 2\n<<: {}\n[a]: *x\n1: 99999999999999999999\n");
        assert_eq!(found.len(), 8);
        for (kind, _) in found {
            assert!(!kind.message().is_empty() && !kind.help().is_empty(), "{kind:?}");
        }
    }
}
