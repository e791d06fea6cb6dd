//! A key is in its mapping once.

use crate::check::rule::{Docs, DocumentSubject, Judge, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::yaml::FaultKind;

pub(in crate::check) const RULE: Rule = Rule {
    code: "duplicate-key",
    severity: Severity::Error,
    judge: Judge::Document(judge),
    docs: Docs {
        what: "No mapping has the same key twice.",
        why: "Readers differ on which of the two counts; a strict one refuses the file.",
        cure: "Remove one of the two.",
        log: "key \"spec\" already set in map",
        levels: "",
    },
};

fn judge(subject: &DocumentSubject<'_>) -> Vec<Diagnostic> {
    subject.findings(&RULE, |kind| matches!(kind, FaultKind::DuplicateKey { .. }))
}
