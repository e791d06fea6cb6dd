//! A selector isn't empty.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};

pub(in crate::check) const RULE: Rule = Rule {
    code: "empty-selector",
    severity: Severity::Warning,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "`spec.selector`, if it is set, has at least one label.",
        why: "An empty selector selects every workload in the namespace, or in the whole mesh if it is in the \
              root namespace.",
        cure: "Add a label, or remove `selector` to select every workload.",
        log: "",
        severities: "",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let selector = subject.draft.root().at(&["spec", "selector"]);
    let labels = selector.map(|selector| selector.get("matchLabels").unwrap_or(selector));
    let empty = labels.filter(|labels| labels.is_mapping() && labels.entries().next().is_none());
    let finding = |field| {
        subject
            .finding(&RULE, &field, "is empty, so it selects every workload", "")
            .help("add a label, or remove `selector` to select every workload")
    };
    empty.map(finding).into_iter().collect()
}
