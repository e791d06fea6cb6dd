//! A value has the type that the mesh expects.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::resource::MismatchKind;

pub(in crate::check) const RULE: Rule = Rule {
    code: "wrong-type",
    severity: Severity::Error,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "Every value has the type that its field requires.",
        why: "The API server refuses a value of another type.",
        cure: "Write a value of the expected type. Quote a number or a boolean that is meant as a string.",
        log: "Invalid value",
        severities: "",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let found = subject.mismatches.iter();
    found
        .filter_map(|mismatch| match &mismatch.kind {
            MismatchKind::Type { found, expected, needs_quotes } => Some(Diagnostic {
                help: needs_quotes.then(|| "quote it".to_owned()).into_iter().collect(),
                ..subject.finding(
                    &RULE,
                    &mismatch.field,
                    &format!("is {found}"),
                    format!("expected {expected}"),
                )
            }),
            _ => None,
        })
        .collect()
}
