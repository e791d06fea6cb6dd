//! Values have no tags.

use crate::check::rule::{Docs, DocumentSubject, Judge, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::yaml::FaultKind;

pub(in crate::check) const RULE: Rule = Rule {
    code: "yaml-tag",
    severity: Severity::Error,
    judge: Judge::Document(judge),
    docs: Docs {
        what: "No value has a tag other than `!!str`.",
        why: "A tag has no meaning in a Kubernetes resource, and YAML parsers treat it differently.",
        cure: "Remove the tag, and quote the value if it is a string.",
        log: "",
        severities: "",
    },
};

fn judge(subject: &DocumentSubject<'_>) -> Vec<Diagnostic> {
    subject.findings(&RULE, |kind| matches!(kind, FaultKind::Tag { .. }))
}
