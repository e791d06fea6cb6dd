//! A mapping has all required fields.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::resource::MismatchKind;

pub(in crate::check) const RULE: Rule = Rule {
    code: "missing-field",
    severity: Severity::Error,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "Every required field is set.",
        why: "The API server refuses a resource that lacks one.",
        cure: "Add the field.",
        log: "Required value",
        severities: "",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let found = subject.mismatches.iter();
    found
        .filter_map(|mismatch| match mismatch.kind {
            MismatchKind::MissingField(name) => Some(subject.finding(
                &RULE,
                &mismatch.field,
                &format!("has no `{name}`"),
                format!("`{name}` is required here"),
            )),
            _ => None,
        })
        .collect()
}
