//! WasmPlugin of `extensions.istio.io/v1alpha1`: its fields and their limits.
//!
//! The limits are those of Istio's CRD and of its validating webhook, the stricter of the two where they differ.

use std::collections::HashSet;

use crate::resource::kind::Row;
use crate::resource::name::{from_package, kubernetes_label_problem, kubernetes_name_problem};
use crate::resource::schema::{Field, Place, Review, Shape};
use crate::resource::url::{Url, is_sha256};
use crate::yaml::{Node, Value};

pub(in crate::resource) const API_VERSION: &str = "extensions.istio.io/v1alpha1";
pub(in crate::resource) const KIND: &str = "WasmPlugin";

pub(in crate::resource) const ROW: Row = Row {
    api_version: Some(API_VERSION),
    file: "wasmplugin.yaml",
    sources: &[&["spec"]],
    convert: |plugin, _, _| plugin.clone(),
};

/// The values of `spec.phase`.
pub(in crate::resource) const PHASES: &[&str] = &["UNSPECIFIED_PHASE", "AUTHN", "AUTHZ", "STATS"];
/// The values of `spec.imagePullPolicy`.
pub(in crate::resource) const PULL_POLICIES: &[&str] = &["UNSPECIFIED_POLICY", "IfNotPresent", "Always"];

/// Kubernetes bounds the whole, not the single text.
const UNBOUNDED: usize = usize::MAX;
const ANY_TEXT: Shape = Shape::Text { min: 0, max: UNBOUNDED };

const DOCUMENT: &[Field] = &[
    Field::new("apiVersion", Shape::Choice(&[API_VERSION])).required(),
    Field::new("kind", Shape::Choice(&[KIND])).required(),
    Field::new("metadata", Shape::OpenRecord(METADATA)),
    Field::new("spec", Shape::Record(SPEC)).rule(spec),
    Field::new("status", Shape::Any),
];

const METADATA: &[Field] = &[
    Field::new("name", ANY_TEXT).rule(name),
    Field::new("namespace", ANY_TEXT).rule(namespace),
    Field::new("labels", Shape::Texts { max: UNBOUNDED }),
    Field::new("annotations", Shape::Texts { max: UNBOUNDED }),
];

const SPEC: &[Field] = &[
    Field::new("selector", Shape::Record(SELECTOR)),
    Field::new("targetRef", TARGET),
    Field::new("targetRefs", Shape::List { of: &TARGET, max: 16 }),
    Field::new("url", Shape::Text { min: 1, max: UNBOUNDED }).rule(url),
    Field::new("sha256", ANY_TEXT).rule(sha256),
    Field::new("imagePullPolicy", Shape::Choice(PULL_POLICIES)),
    Field::new("imagePullSecret", Shape::Text { min: 1, max: 253 }),
    Field::new("verificationKey", ANY_TEXT).rule(|review, place, _| {
        review.warn(place, "has no effect: no version of Istio reads it", "leave it out");
    }),
    Field::new("pluginConfig", Shape::Mapping).rule(plugin_config),
    Field::new("pluginName", Shape::Text { min: 1, max: 256 }),
    Field::new("phase", Shape::Choice(PHASES)),
    Field::new("priority", Shape::Integer { min: i32::MIN as i64, max: i32::MAX as i64 }),
    Field::new("failStrategy", Shape::Choice(&["FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD"])),
    Field::new("vmConfig", Shape::Record(VM_CONFIG)),
    Field::new("match", Shape::List { of: &Shape::Record(MATCH), max: UNBOUNDED }),
    Field::new("type", Shape::Choice(&["UNSPECIFIED_PLUGIN_TYPE", "HTTP", "NETWORK"])),
];

const SELECTOR: &[Field] = &[Field::new("matchLabels", Shape::Texts { max: 4096 }).rule(match_labels)];

const TARGET: Shape = Shape::Record(&[
    Field::new("group", Shape::Text { min: 0, max: 253 }),
    Field::new("kind", Shape::Choice(&["Gateway", "GatewayClass", "Service", "ServiceEntry"])).required(),
    Field::new("name", Shape::Text { min: 1, max: 253 }).required(),
    Field::new("namespace", ANY_TEXT).rule(|review, place, node| {
        if node.as_str() != Some("") {
            review.error(place, "is set", "a target stands in the namespace of the plugin: leave this out");
        }
    }),
]);

const VM_CONFIG: &[Field] =
    &[Field::new("env", Shape::List { of: &Shape::Record(ENV), max: 256 }).rule(environment)];

const ENV: &[Field] = &[
    Field::new("name", Shape::Text { min: 1, max: 256 }).required(),
    Field::new("valueFrom", Shape::Choice(&["INLINE", "HOST"])),
    Field::new("value", Shape::Text { min: 0, max: 2048 }),
];

const MATCH: &[Field] = &[
    Field::new("mode", Shape::Choice(&["UNDEFINED", "CLIENT", "SERVER", "CLIENT_AND_SERVER"])),
    Field::new("ports", Shape::List { of: &Shape::Record(PORT), max: UNBOUNDED }).rule(ports),
];

const PORT: &[Field] = &[Field::new("number", Shape::Integer { min: 1, max: 65535 }).required()];

/// Says all that is wrong or doubtful with a document that is to be a WasmPlugin, in the order of the text.
pub(in crate::resource) fn review(document: &Node) -> Review {
    let mut review = Review::default();
    let root = Place::document(document);
    let kind = document.find("kind").map(|(key, node)| (root.field(key, node), node.as_str()));
    match kind {
        // The fields of another kind would each look wrong.
        Some((place, Some(kind @ ("ServiceMeshExtension" | "TrafficExtension")))) => {
            let complaint = format!("is `{kind}`, a kind that is not handled here");
            review.error(&place, &complaint, &format!("`{KIND}` is expected"));
        }
        _ => review.compare(&Shape::Record(DOCUMENT), &root, document),
    }
    review.errors.sort_by_key(|problem| problem.span.start);
    review.warnings.sort_by_key(|problem| problem.span.start);
    review
}

fn name(review: &mut Review, place: &Place<'_>, node: &Node) {
    if let Some(reason) = node.as_str().and_then(kubernetes_name_problem) {
        review.error(place, &reason, "the name of a Kubernetes resource is expected");
    }
}

fn namespace(review: &mut Review, place: &Place<'_>, node: &Node) {
    let name = node.as_str().unwrap_or_default();
    if let Some(reason) = kubernetes_label_problem(name) {
        let help = Some(from_package(name)).filter(|near| kubernetes_label_problem(near).is_none());
        let help = help.map(|near| format!("write `{near}`"));
        review.error_with_help(place, &reason, "the name of a namespace is expected", help);
    }
}

fn spec(review: &mut Review, place: &Place<'_>, node: &Node) {
    let mut targets = ["selector", "targetRef", "targetRefs"].map(|field| node.find(field));
    targets.sort_by_key(|found| found.map(|(key, _)| key.span.start));
    let mut targets = targets.into_iter().flatten();
    let Some((first, _)) = targets.next() else { return };
    for (key, node) in targets {
        review.error(
            &place.field(key, node),
            &format!("stands beside `{}`", first.name),
            "only one of `selector`, `targetRef`, `targetRefs` may be set",
        );
    }
}

fn match_labels(review: &mut Review, place: &Place<'_>, node: &Node) {
    if node.entries().is_empty() {
        review.warn(
            place,
            "is empty, so every workload is selected",
            "leave `selector` out if that is meant",
        );
    }
    for (key, node) in node.entries() {
        let (place, value) = (place.field(key, node), node.as_str().unwrap_or_default());
        if key.name.is_empty() {
            review.error(&place, "has an empty key", "a label has a name");
        }
        if key.name.contains('*') || value.contains('*') {
            review.error(&place, "holds `*`", "a selector has no wildcards");
        }
        let length = value.chars().count();
        if length > 63 {
            review.error(&place, &format!("has {length} characters"), "at most 63 are allowed");
        }
    }
}

fn url(review: &mut Review, place: &Place<'_>, node: &Node) {
    if let Some(Err(refusal)) = node.as_str().map(Url::parse) {
        review.error_with_help(place, &refusal.reason, "", Some(refusal.help));
    }
}

fn sha256(review: &mut Review, place: &Place<'_>, node: &Node) {
    let text = node.as_str().unwrap_or_default();
    if text.is_empty() || is_sha256(text) {
        return;
    }
    let bare = text.strip_prefix("sha256:").unwrap_or(text).to_lowercase();
    let help = is_sha256(&bare).then(|| format!("write `{bare}`"));
    review.error_with_help(place, "is not a hash that Istio takes", "64 of `0-9a-f` are expected", help);
}

fn plugin_config(review: &mut Review, place: &Place<'_>, node: &Node) {
    if let Some((key, node)) = node.find("verificationKey") {
        review.warn(
            &place.field(key, node),
            "only reaches the plugin: old documentation lists it here, but it is a field of `spec`",
            "leave it out: no version of Istio reads it there either",
        );
    }
    exact_numbers(review, place, node);
}

/// The configuration travels as a protobuf Struct, whose numbers are 64-bit floats.
fn exact_numbers(review: &mut Review, place: &Place<'_>, node: &Node) {
    match &node.value {
        Value::Int(number) if number.unsigned_abs() > 1 << 53 => review.warn(
            place,
            "loses digits on its way to the plugin: the mesh keeps numbers as 64-bit floats",
            &format!("quote it, and let the plugin read the digits: `\"{number}\"`"),
        ),
        Value::Seq(items) => {
            for (index, item) in items.iter().enumerate() {
                exact_numbers(review, &place.item(index, item), item);
            }
        }
        Value::Map(entries) => {
            for (key, node) in entries {
                exact_numbers(review, &place.field(key, node), node);
            }
        }
        _ => {}
    }
}

fn environment(review: &mut Review, place: &Place<'_>, node: &Node) {
    let mut names = HashSet::new();
    for (index, item) in node.items().iter().enumerate() {
        let place = place.item(index, item);
        if let Some((key, node)) = item.find("name") {
            let (place, name) = (place.field(key, node), node.as_str().unwrap_or_default());
            if !names.insert(name) {
                review.error(&place, &format!("is `{name}` a second time"), "each variable stands once");
            }
            if name.starts_with("ISTIO_META_") {
                review.warn(
                    &place,
                    "never reaches the plugin: Istio keeps `ISTIO_META_` to itself",
                    "rename it",
                );
            }
        }
        let is_host = item.get("valueFrom").and_then(Node::as_str) == Some("HOST");
        if let Some((key, node)) = item.find("value").filter(|_| is_host) {
            let label = "with `valueFrom: HOST` the proxy's environment has the value";
            review.error(&place.field(key, node), "is set", label);
        }
    }
}

fn ports(review: &mut Review, place: &Place<'_>, node: &Node) {
    let mut numbers = HashSet::new();
    for (index, item) in node.items().iter().enumerate() {
        if let Some((key, node @ Node { value: Value::Int(number), .. })) = item.find("number")
            && !numbers.insert(number)
        {
            let item = place.item(index, item);
            review.error(
                &item.field(key, node),
                &format!("is {number} a second time"),
                "each port stands once",
            );
        }
    }
}

#[cfg(test)]
#[path = "wasm_plugin_tests.rs"]
mod tests;
