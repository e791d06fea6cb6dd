//! A selector that is written selects something.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};

pub(in crate::check) const RULE: Rule = Rule {
    code: "empty-selector",
    severity: Severity::Warning,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "`spec.selector.matchLabels`, if it is there, has a label.",
        why: "An empty selector selects every workload of the namespace, or of the whole mesh in the root \
              namespace.",
        cure: "Add a label, or leave `selector` out if every workload is meant.",
        log: "",
        levels: "",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let labels = subject.draft.root().at(&["spec", "selector", "matchLabels"]);
    let empty = labels.filter(|labels| labels.is_mapping() && labels.entries().next().is_none());
    let finding = |field| Diagnostic {
        help: vec!["leave `selector` out if that is meant".to_owned()],
        ..subject.finding(&RULE, &field, "is empty, so it selects every workload", "")
    };
    empty.map(finding).into_iter().collect()
}
