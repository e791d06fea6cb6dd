//! The labels in a selector are valid.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::resource::{label_key_problem, label_value_problem};

pub(in crate::check) const RULE: Rule = Rule {
    code: "bad-selector",
    severity: Severity::Error,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "The labels in `spec.selector.matchLabels` are labels that pods can have, without wildcards.",
        why: "Istio's webhook refuses a label with a wildcard, without a name, or with a value of more than 63 \
              characters. Kubernetes refuses other labels on pods, so no pod would load the plugin.",
        cure: "Write each label exactly as it is on the pods.",
        log: "wildcard is not supported in selector",
        severities: "",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let Some(labels) = subject.draft.root().at(&["spec", "selector", "matchLabels"]) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (key, field) in labels.entries() {
        let value = field.as_str().unwrap_or_default();
        if key.name.is_empty() {
            found.push(subject.finding(&RULE, &field, "has an empty key", "expected the name of a label"));
        } else if key.name.contains('*') || value.contains('*') {
            found.push(subject.finding(
                &RULE,
                &field,
                "contains `*`",
                "wildcards aren't allowed in a selector",
            ));
        } else if let Some(problem) = label_key_problem(&key.name) {
            found.push(subject.finding(&RULE, &field, &format!("has a key that {problem}"), NO_POD));
        } else if let Some(problem) = label_value_problem(value) {
            found.push(subject.finding(&RULE, &field, &problem, NO_POD));
        }
    }
    found
}

const NO_POD: &str = "no pod can have this label";
