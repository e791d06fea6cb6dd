//! The fields of a resource that the command line sets.

use super::Template;
use super::kinds::wasm_plugin;
use super::schema::Review;
use crate::error::{Problem, UsageError};
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
struct Override {
    flag: &'static str,
    parent: &'static str,
    field: &'static str,
    value: Node,
}

impl Overrides {
    /// In the order in which a resource is written.
    fn list(&self) -> Vec<Override> {
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

impl Template {
    /// The template with the fields that the command line sets.
    ///
    /// # Errors
    ///
    /// Where Kubernetes or Istio would refuse a value, or a value beside what stands in the file.
    pub fn with(mut self, overrides: &Overrides) -> Result<Template, UsageError> {
        for Override { flag, parent, field, value } in overrides.list() {
            let parent = self.document.entry(parent, usize::MAX);
            // The url comes first, as where it is filled in.
            *parent.entry(field, if field == "url" { 0 } else { usize::MAX }) = value;
            // What was there before is valid, so what is wrong now came with the flag.
            let Review { errors, .. } = wasm_plugin::review(&self.document);
            if let Some(problem) = errors.into_iter().next() {
                return Err(refused(flag, problem));
            }
        }
        self.has_url_of_flag = overrides.url.is_some();
        Ok(self)
    }
}

/// A flag whose value cannot be taken.
pub(super) fn refused(flag: &str, problem: Problem) -> UsageError {
    let Problem { message, label, help, .. } = problem;
    let explained = if label.is_empty() { String::new() } else { format!("; {label}") };
    UsageError {
        message: format!("`{flag}` cannot be taken: {message}{explained}"),
        help: help.into_iter().collect(),
    }
}
