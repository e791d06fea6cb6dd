//! Labels in a selector are ones that a pod can have.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};

pub(in crate::check) const RULE: Rule = Rule {
    code: "bad-selector",
    severity: Severity::Error,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "The labels in `spec.selector.matchLabels` have names, values of at most 63 characters, and no \
               wildcards.",
        why: "The webhook of Istio refuses others.",
        cure: "Write each label as the pods have it.",
        log: "wildcard is not supported in selector",
        levels: "",
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
            found.push(subject.finding(&RULE, &field, "has an empty key", "a label has a name"));
        }
        if key.name.contains('*') || value.contains('*') {
            found.push(subject.finding(&RULE, &field, "contains `*`", "a selector has no wildcards"));
        }
        let length = value.chars().count();
        if length > 63 {
            let complaint = format!("has {length} characters");
            found.push(subject.finding(&RULE, &field, &complaint, "at most 63 are allowed"));
        }
    }
    found
}
