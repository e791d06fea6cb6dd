//! JSON can represent every number.

use crate::check::rule::{Docs, DocumentSubject, Judge, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::yaml::FaultKind;

pub(in crate::check) const RULE: Rule = Rule {
    code: "unsupported-number",
    severity: Severity::Error,
    judge: Judge::Document(judge),
    docs: Docs {
        what: "Every number is finite and fits into 64 bits.",
        why: "The API server gets the resource as JSON, which can't represent other numbers.",
        cure: "Quote the number, and let the plugin read the digits.",
        log: "",
        severities: "",
    },
};

fn judge(subject: &DocumentSubject<'_>) -> Vec<Diagnostic> {
    subject.findings(&RULE, |kind| matches!(kind, FaultKind::UnsupportedNumber { .. }))
}
