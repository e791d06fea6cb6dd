//! WasmPlugin of `extensions.istio.io/v1alpha1`: its fields and their limits.
//!
//! The limits are those of Istio's CRD and of its validating webhook. If they differ, the stricter limit is used.

use crate::resource::conversion::Conversion;
use crate::resource::schema::{Property, Shape};

pub(in crate::resource) const API_VERSION: &str = "extensions.istio.io/v1alpha1";
pub(in crate::resource) const KIND: &str = "WasmPlugin";

pub(super) const CONVERSION: Conversion = Conversion {
    name: KIND,
    api_version: Some(API_VERSION),
    file: "wasmplugin.yaml",
    image_path: Some(&["spec"]),
    since: None,
    convert: |plugin, _, _| plugin.clone(),
};

/// The values of `spec.phase`.
pub(in crate::resource) const PHASES: &[&str] = &["UNSPECIFIED_PHASE", "AUTHN", "AUTHZ", "STATS"];
/// The values of `spec.imagePullPolicy`.
pub(in crate::resource) const PULL_POLICIES: &[&str] = &["UNSPECIFIED_POLICY", "IfNotPresent", "Always"];

/// Kubernetes limits only the size of the whole resource.
const UNBOUNDED: usize = usize::MAX;
const ANY_TEXT: Shape = Shape::Text { min: 0, max: UNBOUNDED };

/// The schema of the whole document.
pub(in crate::resource) fn schema() -> Shape {
    Shape::Record(DOCUMENT)
}

const DOCUMENT: &[Property] = &[
    Property::new("apiVersion", Shape::Choice(&[API_VERSION])).required(),
    Property::new("kind", Shape::Choice(&[KIND])).required(),
    Property::new("metadata", Shape::Record(METADATA)),
    Property::new("spec", Shape::Record(SPEC)),
];

const METADATA: &[Property] = &[
    Property::new("name", ANY_TEXT),
    Property::new("generateName", ANY_TEXT),
    Property::new("namespace", ANY_TEXT),
    Property::new("labels", Shape::Texts { max: UNBOUNDED }),
    Property::new("annotations", Shape::Texts { max: UNBOUNDED }),
    Property::new("finalizers", Shape::Any),
    Property::new("ownerReferences", Shape::Any),
];

/// Fields of other kinds and of Envoy's own configuration, and where a WasmPlugin has them.
const RENAMED: &[(&str, &str)] = &[
    // ServiceMeshExtension
    ("spec.config", "spec.pluginConfig"),
    ("spec.image", "spec.url"),
    ("spec.imagePullSecrets", "spec.imagePullSecret"),
    ("spec.workloadSelector", "spec.selector.matchLabels"),
    ("spec.selector.labels", "spec.selector.matchLabels"),
    // EnvoyExtensionPolicy
    ("spec.code", "spec.url"),
    ("spec.env", "spec.vmConfig.env"),
    ("spec.failOpen", "spec.failStrategy"),
    ("spec.pullPolicy", "spec.imagePullPolicy"),
    ("spec.pullSecretRef", "spec.imagePullSecret"),
    ("spec.rootID", "spec.pluginName"),
    // Envoy
    ("spec.configuration", "spec.pluginConfig"),
    ("spec.fail_open", "spec.failStrategy"),
    ("spec.root_id", "spec.pluginName"),
    ("spec.vm_config", "spec.vmConfig"),
];

/// The path that a field of another kind has in a WasmPlugin.
pub fn renamed(path: &str) -> Option<&'static str> {
    RENAMED.iter().find(|(other, _)| *other == path).map(|(_, path)| *path)
}

const SPEC: &[Property] = &[
    Property::new("selector", Shape::Record(SELECTOR)),
    Property::new("targetRef", TARGET),
    Property::new("targetRefs", Shape::List { of: &TARGET, max: 16 }),
    Property::new("url", Shape::Text { min: 1, max: UNBOUNDED }),
    Property::new("sha256", ANY_TEXT),
    Property::new("imagePullPolicy", Shape::Choice(PULL_POLICIES)),
    Property::new("imagePullSecret", Shape::Text { min: 1, max: 253 }),
    Property::new("verificationKey", ANY_TEXT),
    Property::new("pluginConfig", Shape::Mapping),
    Property::new("pluginName", Shape::Text { min: 1, max: 256 }),
    Property::new("phase", Shape::Choice(PHASES)),
    Property::new("priority", Shape::Integer { min: i32::MIN as i64, max: i32::MAX as i64 }),
    Property::new("failStrategy", Shape::Choice(&["FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD"])),
    Property::new("vmConfig", Shape::Record(VM_CONFIG)),
    Property::new("match", Shape::List { of: &Shape::Record(MATCH), max: UNBOUNDED }),
    Property::new("type", Shape::Choice(&["UNSPECIFIED_PLUGIN_TYPE", "HTTP", "NETWORK"])),
];

const SELECTOR: &[Property] = &[Property::new("matchLabels", Shape::Texts { max: 4096 })];

const TARGET: Shape = Shape::Record(&[
    Property::new("group", Shape::Text { min: 0, max: 253 }),
    // The rule `bad-target` judges the kind together with the group.
    Property::new("kind", Shape::Text { min: 1, max: 63 }).required(),
    Property::new("name", Shape::Text { min: 1, max: 253 }).required(),
    Property::new("namespace", ANY_TEXT),
    // A part of the target, which only a policy of Envoy Gateway can select.
    Property::new("sectionName", Shape::Text { min: 1, max: 253 }),
]);

const VM_CONFIG: &[Property] = &[Property::new("env", Shape::List { of: &Shape::Record(ENV), max: 256 })];

const ENV: &[Property] = &[
    Property::new("name", Shape::Text { min: 1, max: 256 }).required(),
    Property::new("valueFrom", Shape::Choice(&["INLINE", "HOST"])),
    Property::new("value", Shape::Text { min: 0, max: 2048 }),
];

const MATCH: &[Property] = &[
    Property::new("mode", Shape::Choice(&["UNDEFINED", "CLIENT", "SERVER", "CLIENT_AND_SERVER"])),
    Property::new("ports", Shape::List { of: &Shape::Record(PORT), max: UNBOUNDED }),
];

const PORT: &[Property] = &[Property::new("number", Shape::Integer { min: 1, max: 65535 }).required()];
