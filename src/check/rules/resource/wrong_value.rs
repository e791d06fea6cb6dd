//! The mesh accepts the value of the field.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::resource::MismatchKind;

pub(in crate::check) const RULE: Rule = Rule {
    code: "wrong-value",
    severity: Severity::Error,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "A field with a fixed set of values has one of these values, and a number is within its limits.",
        why: "The API server refuses any other value.",
        cure: "Write one of the values that the finding lists.",
        log: "Unsupported value",
        severities: "",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let found = subject.mismatches.iter();
    found
        .filter_map(|mismatch| match &mismatch.kind {
            MismatchKind::Choice { found, expected, similar } => Some(Diagnostic {
                help: similar
                    .map(|similar| format!("a similar value exists: `{similar}`"))
                    .into_iter()
                    .collect(),
                ..subject.finding(
                    &RULE,
                    &mismatch.field,
                    &format!("is `{found}`"),
                    format!("expected {expected}"),
                )
            }),
            MismatchKind::Range { found, allowed: (min, max) } => Some(subject.finding(
                &RULE,
                &mismatch.field,
                &format!("is {found}"),
                format!("expected a number from {min} to {max}"),
            )),
            _ => None,
        })
        .collect()
}
