//! What a resource from a cluster (`kubectl get -o yaml`) has and a new one doesn't.

use std::ops::Range;

use crate::yaml::{Node, Value};

/// A field that the API server or a client of it sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerField {
    /// The path: `metadata.uid`.
    pub path: String,
    /// The span of its key.
    pub span: Range<usize>,
}

/// The fields of `metadata` that the API server sets. It refuses to create a resource with a `resourceVersion`.
const METADATA: &[&str] = &[
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// The annotations in which kubectl keeps a copy of the resource.
const ANNOTATIONS: &[&str] = &["kubectl.kubernetes.io/last-applied-configuration"];

/// Removes these fields from a document, and nulls outside of `spec.pluginConfig`, which the API server prunes. Returns
/// the fields.
pub(super) fn clean(document: &mut Node) -> Vec<ServerField> {
    let mut found = Vec::new();
    remove(document, "", &["status"], &mut found);
    if let Some(metadata) = child(document, "metadata") {
        remove(metadata, "metadata", METADATA, &mut found);
        if let Some(annotations) = child(metadata, "annotations") {
            remove(annotations, "metadata.annotations", ANNOTATIONS, &mut found);
            if annotations.entries().is_empty() && !found.is_empty() {
                remove(metadata, "metadata", &["annotations"], &mut Vec::new());
            }
        }
    }
    prune_nulls(document, "");
    found
}

fn remove(node: &mut Node, outer: &str, keys: &[&str], found: &mut Vec<ServerField>) {
    let Value::Map(entries) = &mut node.value else { return };
    entries.retain(|(key, _)| {
        let is_removed = keys.contains(&key.name.as_str());
        if is_removed {
            let path = if outer.is_empty() { key.name.clone() } else { format!("{outer}.{}", key.name) };
            found.push(ServerField { path, span: key.span.clone() });
        }
        !is_removed
    });
}

/// Removes nulls, except those that the plugin gets, and those that are filled in where they are.
fn prune_nulls(node: &mut Node, path: &str) {
    match &mut node.value {
        Value::Map(entries) => entries.retain_mut(|(key, value)| {
            let path = format!("{path}/{}", key.name);
            match path.as_str() {
                "/spec/pluginConfig" => value.value != Value::Null,
                "/spec/url" | "/spec/sha256" => true,
                _ => {
                    prune_nulls(value, &path);
                    value.value != Value::Null
                }
            }
        }),
        Value::Seq(items) => items.iter_mut().for_each(|item| prune_nulls(item, path)),
        _ => {}
    }
}

fn child<'n>(node: &'n mut Node, name: &str) -> Option<&'n mut Node> {
    let Value::Map(entries) = &mut node.value else { return None };
    entries
        .iter_mut()
        .find(|(key, value)| key.name == name && value.value != Value::Null)
        .map(|(_, value)| value)
}
