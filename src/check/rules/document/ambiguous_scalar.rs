//! All YAML parsers agree on the value of every scalar.

use crate::check::rule::{Docs, DocumentSubject, Judge, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::yaml::FaultKind;

pub(in crate::check) const RULE: Rule = Rule {
    code: "ambiguous-scalar",
    severity: Severity::Error,
    judge: Judge::Document(judge),
    docs: Docs {
        what: "No unquoted scalar has different values in YAML 1.1 and YAML 1.2: `yes`, `on`, `012`, \
               `1_000`, `12:30`, `2026-01-01`.",
        why: "kubectl, Istio and other tools read YAML with different libraries, so the value depends on \
              the reader.",
        cure: "Quote strings. Write booleans as `true` or `false`, and numbers in plain decimal digits.",
        log: "",
        severities: "",
    },
};

fn judge(subject: &DocumentSubject<'_>) -> Vec<Diagnostic> {
    subject.findings(&RULE, |kind| matches!(kind, FaultKind::AmbiguousScalar { .. }))
}
