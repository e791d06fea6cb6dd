//! The labels and annotations of the resource are valid in Kubernetes.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::resource::{Field, label_key_problem, label_value_problem};

pub(in crate::check) const RULE: Rule = Rule {
    code: "bad-label",
    severity: Severity::Error,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "The keys in `metadata.labels` and `metadata.annotations` are names of at most 63 characters, with an \
               optional prefix such as `example.com/`. The values of labels have at most 63 characters, and all \
               annotations together at most 256 KiB.",
        why: "The API server refuses the resource.",
        cure: "Use only letters, digits, `-`, `_` and `.`, and a letter or a digit at both ends. Put other text into an \
               annotation.",
        log: "a valid label must be an empty string or consist of alphanumeric characters",
        severities: "",
    },
};

/// The maximum size of all annotations.
const MOST: usize = 256 * 1024;

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let metadata = subject.draft.root().get("metadata");
    let [labels, annotations] = ["labels", "annotations"].map(|key| metadata.as_ref()?.get(key));
    let mut found = Vec::new();
    for (key, value) in labels.iter().flat_map(Field::entries) {
        if let Some(problem) = label_key_problem(&key.name) {
            found.push(subject.finding(&RULE, &value, &format!("has a key that {problem}"), ""));
        }
        if let Some(problem) = value.as_str().and_then(label_value_problem) {
            found.push(
                subject
                    .finding(&RULE, &value, &problem, "expected the value of a label")
                    .help("other text can be an annotation"),
            );
        }
    }
    let mut size = 0;
    for (key, value) in annotations.iter().flat_map(Field::entries) {
        // The API server compares the keys of annotations in lower case.
        if let Some(problem) = label_key_problem(&key.name.to_lowercase()) {
            found.push(subject.finding(&RULE, &value, &format!("has a key that {problem}"), ""));
        }
        size += key.name.len() + value.as_str().map_or(0, str::len);
    }
    if let Some(annotations) = annotations.filter(|_| size > MOST) {
        let complaint = format!("has {size} bytes");
        found.push(subject.finding(&RULE, &annotations, &complaint, format!("at most {MOST} are allowed")));
    }
    found
}
