//! All keys are strings.

use crate::check::rule::{Docs, DocumentSubject, Judge, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::yaml::FaultKind;

pub(in crate::check) const RULE: Rule = Rule {
    code: "non-text-key",
    severity: Severity::Error,
    judge: Judge::Document(judge),
    docs: Docs {
        what: "Every key is a string, and not a number, a boolean, null or a collection.",
        why: "JSON allows only strings as keys.",
        cure: "Quote the key.",
        log: "",
        severities: "",
    },
};

fn judge(subject: &DocumentSubject<'_>) -> Vec<Diagnostic> {
    subject.findings(&RULE, |kind| matches!(kind, FaultKind::NonTextKey { .. }))
}
