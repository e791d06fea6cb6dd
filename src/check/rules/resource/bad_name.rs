//! The name and the namespace of the resource are valid in Kubernetes.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::resource::{from_package, kubernetes_label_problem, kubernetes_name_problem};

pub(in crate::check) const RULE: Rule = Rule {
    code: "bad-name",
    severity: Severity::Error,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "`metadata.name` is a DNS subdomain, and `metadata.namespace` a DNS label.",
        why: "The API server refuses any other name.",
        cure: "Use only `a-z`, `0-9` and `-` (and `.` in a name). If the file has no name, the name \
               of the package is used.",
        log: "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters",
        severities: "",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let text = |field: &str| {
        let field = subject.draft.root().at(&["metadata", field])?;
        field.as_str().map(|text| (field, text))
    };
    let name = text("name").and_then(|(field, name)| {
        let reason = kubernetes_name_problem(name)?;
        Some(subject.finding(&RULE, &field, &reason, "expected the name of a Kubernetes resource"))
    });
    let namespace = text("namespace").and_then(|(field, name)| {
        let reason = kubernetes_label_problem(name)?;
        let similar = Some(from_package(name)).filter(|name| kubernetes_label_problem(name).is_none());
        Some(Diagnostic {
            help: similar.map(|name| format!("write `{name}`")).into_iter().collect(),
            ..subject.finding(&RULE, &field, &reason, "expected the name of a namespace")
        })
    });
    name.into_iter().chain(namespace).collect()
}
