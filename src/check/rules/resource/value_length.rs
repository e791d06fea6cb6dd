//! Strings and lists have a length that the mesh allows.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::resource::MismatchKind;

pub(in crate::check) const RULE: Rule = Rule {
    code: "value-length",
    severity: Severity::Error,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "No required string is empty, and no string or list is longer than the mesh allows.",
        why: "The API server refuses the value.",
        cure: "Write a value of an allowed length.",
        log: "Too long: may not be more than 253 bytes",
        severities: "",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let found = subject.mismatches.iter();
    found
        .filter_map(|mismatch| match &mismatch.kind {
            MismatchKind::Empty => {
                Some(subject.finding(&RULE, &mismatch.field, "is empty", "expected a value"))
            }
            MismatchKind::Length { found, most } => Some(subject.finding(
                &RULE,
                &mismatch.field,
                &format!("has {found} characters"),
                format!("at most {most} are allowed"),
            )),
            MismatchKind::Count { found, most } => Some(subject.finding(
                &RULE,
                &mismatch.field,
                &format!("has {found} entries"),
                format!("at most {most} are allowed"),
            )),
            _ => None,
        })
        .collect()
}
