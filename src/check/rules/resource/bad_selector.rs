//! The labels in a selector are valid.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};

pub(in crate::check) const RULE: Rule = Rule {
    code: "bad-selector",
    severity: Severity::Error,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "The labels in `spec.selector.matchLabels` have a name, a value of at most 63 characters, and no \
               wildcards.",
        why: "Istio's webhook refuses any other label.",
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
        }
        if key.name.contains('*') || value.contains('*') {
            found.push(subject.finding(
                &RULE,
                &field,
                "contains `*`",
                "wildcards aren't allowed in a selector",
            ));
        }
        let length = value.chars().count();
        if length > 63 {
            let complaint = format!("has {length} characters");
            found.push(subject.finding(&RULE, &field, &complaint, "at most 63 are allowed"));
        }
    }
    found
}
