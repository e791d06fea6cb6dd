//! What of a document a resource must not have.
//!
//! A resource of ours is read once and written anew for other readers, so it may only have what all of them read the
//! same: keys are text, no key is there twice, and there are no anchors, aliases, merge keys or tags.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use super::fault::{Fault, FaultKind};
use super::tree::{Content, Style, SyntaxNode};
use super::value::Value;
use super::{kubectl, plain};

/// All faults of a document, in the order of the text.
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
        Content::Alias { name, .. } => visit_alias(&node.span, name, faults),
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
        Content::Alias { name, .. } => return visit_alias(&key.span, name, faults),
        Content::Sequence(_) | Content::Mapping(_) => return fault(FaultKind::NonTextKey { text: None }),
        Content::Scalar(_) if kubectl::is_merge_key(key) => return fault(FaultKind::MergeKey),
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

fn visit_alias(span: &Range<usize>, name: &str, faults: &mut Vec<Fault>) {
    faults.push(Fault { span: span.clone(), kind: FaultKind::Alias { name: name.to_owned() } });
}

fn visit_properties(node: &SyntaxNode<'_>, faults: &mut Vec<Fault>) {
    let anchor = node.anchor().map(|anchor| Fault {
        span: anchor.span.clone(),
        kind: FaultKind::Anchor { name: anchor.name.to_owned() },
    });
    let tag = node.tag().filter(|tag| node.text().is_none() || tag.yaml_name() != Some("str"));
    let tag =
        tag.map(|tag| Fault { span: tag.span.clone(), kind: FaultKind::Tag { tag: tag.written.to_owned() } });
    let mut found: Vec<_> = anchor.into_iter().chain(tag).collect();
    found.sort_by_key(|fault| fault.span.start);
    faults.append(&mut found);
}

/// The value of a scalar, if all readers agree on it. What a tag makes of it is a fault of the tag.
fn value(scalar: &SyntaxNode<'_>) -> Result<Value, FaultKind> {
    match scalar.text() {
        Some(text) if scalar.style == Style::Plain && scalar.tag().is_none() => plain::resolve(text),
        _ => Ok(kubectl::scalar(scalar)),
    }
}
