//! There are no anchors, aliases and merge keys.

use crate::check::rule::{Docs, DocumentSubject, Judge, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::yaml::FaultKind;

pub(in crate::check) const RULE: Rule = Rule {
    code: "yaml-anchor",
    severity: Severity::Error,
    judge: Judge::Document(judge),
    docs: Docs {
        what: "There are no anchors (`&name`), aliases (`*name`) and merge keys (`<<`).",
        why: "The API server supports none of them, and YAML parsers differ on merge keys.",
        cure: "Write out the value in each place that uses it.",
        log: "",
        severities: "",
    },
};

fn judge(subject: &DocumentSubject<'_>) -> Vec<Diagnostic> {
    subject.findings(&RULE, |kind| {
        matches!(kind, FaultKind::Anchor { .. } | FaultKind::Alias { .. } | FaultKind::MergeKey)
    })
}
