//! Texts and lists are as long as the mesh allows.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::resource::MismatchKind;

pub(in crate::check) const RULE: Rule = Rule {
    code: "limit",
    severity: Severity::Error,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "No text is empty that must not be, and no text or list is longer than the mesh allows.",
        why: "The API server refuses it.",
        cure: "Shorten it.",
        log: "Too long: may not be more than 253 bytes",
        levels: "",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let found = subject.mismatches.iter();
    found
        .filter_map(|mismatch| match &mismatch.kind {
            MismatchKind::Empty => {
                Some(subject.finding(&RULE, &mismatch.field, "is empty", "a value is expected"))
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
