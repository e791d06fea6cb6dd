//! No mapping has duplicate keys.

use crate::check::rule::{Docs, DocumentSubject, Judge, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::yaml::FaultKind;

pub(in crate::check) const RULE: Rule = Rule {
    code: "duplicate-key",
    severity: Severity::Error,
    judge: Judge::Document(judge),
    docs: Docs {
        what: "No mapping has duplicate keys.",
        why: "YAML parsers differ on which of the two values they use; a strict parser refuses the file.",
        cure: "Remove one of the two keys.",
        log: "key \"spec\" already set in map",
        severities: "",
    },
};

fn judge(subject: &DocumentSubject<'_>) -> Vec<Diagnostic> {
    subject.findings(&RULE, |kind| matches!(kind, FaultKind::DuplicateKey { .. }))
}
