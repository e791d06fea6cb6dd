//! The fields of a resource that the command line sets.

use super::draft::Draft;
use crate::yaml::{Node, Value, mapping};

/// What the command line says of the resource. Each value takes the place of the field in the file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `spec.url`
    pub url: Option<String>,
    /// `metadata.namespace`
    pub namespace: Option<String>,
    /// `spec.selector.matchLabels`; empty where it is not said. No label stands there twice.
    pub selector: Vec<(String, String)>,
    /// `spec.phase`
    pub phase: Option<String>,
    /// `spec.priority`
    pub priority: Option<i64>,
    /// `spec.imagePullPolicy`
    pub image_pull_policy: Option<String>,
    /// `spec.imagePullSecret`
    pub image_pull_secret: Option<String>,
}

/// A value for a field, and the flag that gave it.
pub struct Override {
    /// The flag.
    pub flag: &'static str,
    parent: &'static str,
    field: &'static str,
    value: Node,
}

impl Overrides {
    /// In the order in which a resource is written.
    pub fn list(&self) -> Vec<Override> {
        let text = |flag, parent, field, value: &Option<String>| {
            let value = value.as_deref()?.into();
            Some(Override { flag, parent, field, value })
        };
        let labels = self.selector.iter().map(|(label, value)| (label.as_str(), value.as_str().into()));
        let selector = mapping([("matchLabels", mapping(labels))]);
        let has_selector = !self.selector.is_empty();
        let selector = Override { flag: "--selector", parent: "spec", field: "selector", value: selector };
        let priority = self.priority.map(|priority| Override {
            flag: "--priority",
            parent: "spec",
            field: "priority",
            value: Value::Int(priority).into(),
        });
        [
            text("--namespace", "metadata", "namespace", &self.namespace),
            text("--url", "spec", "url", &self.url),
            has_selector.then_some(selector),
            text("--phase", "spec", "phase", &self.phase),
            priority,
            text("--image-pull-policy", "spec", "imagePullPolicy", &self.image_pull_policy),
            text("--image-pull-secret", "spec", "imagePullSecret", &self.image_pull_secret),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Override {
    /// Sets the field in `draft`.
    pub fn apply(self, draft: &mut Draft) {
        let parent = draft.document.entry(self.parent, usize::MAX);
        // The url comes first, as when it is filled in.
        *parent.entry(self.field, if self.field == "url" { 0 } else { usize::MAX }) = self.value;
    }
}
