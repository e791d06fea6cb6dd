//! The names in the resource are valid in Kubernetes.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::resource::{Field, from_package, kubernetes_label_problem, kubernetes_name_problem};

pub(in crate::check) const RULE: Rule = Rule {
    code: "bad-name",
    severity: Severity::Error,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "`metadata.name`, `spec.imagePullSecret` and the names of targets are DNS subdomains, and \
               `metadata.namespace` is a DNS label.",
        why: "The API server refuses any other name.",
        cure: "Use only `a-z`, `0-9` and `-` (and `.` in a name). If the file has no name, the name \
               of the package is used.",
        log: "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters",
        severities: "",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let root = subject.draft.root();
    let name = text(root.at(&["metadata", "name"])).and_then(|(field, name)| {
        let reason = kubernetes_name_problem(name)?;
        Some(subject.finding(&RULE, &field, &reason, "expected the name of a Kubernetes resource"))
    });
    let namespace = text(root.at(&["metadata", "namespace"])).and_then(|(field, name)| {
        let reason = kubernetes_label_problem(name)?;
        let similar = Some(from_package(name)).filter(|name| kubernetes_label_problem(name).is_none());
        Some(Diagnostic {
            help: similar.map(|name| format!("write `{name}`")).into_iter().collect(),
            ..subject.finding(&RULE, &field, &reason, "expected the name of a namespace")
        })
    });
    let secret = text(root.at(&["spec", "imagePullSecret"])).and_then(|(field, name)| {
        let finding = other_name(subject, &field, name, "expected the name of a Secret")?;
        // As in `NAMESPACE/NAME`.
        let help = name.rsplit_once('/').filter(|(_, name)| kubernetes_name_problem(name).is_none());
        let help =
            help.map(|(_, name)| format!("write `{name}`: the Secret is in the namespace of the resource"));
        Some(Diagnostic { help: help.into_iter().collect(), ..finding })
    });
    let targets = subject.draft.targets();
    let targets = targets.iter().filter_map(|target| {
        let (field, name) = text(target.get("name"))?;
        other_name(subject, &field, name, "expected the name of a Kubernetes resource")
    });
    name.into_iter().chain(namespace).chain(secret).chain(targets).collect()
}

fn text(field: Option<Field<'_>>) -> Option<(Field<'_>, &str)> {
    field.and_then(|field| Some((field.clone(), field.as_str()?)))
}

/// The finding for the name of another resource. The rule `value-length` judges its length.
fn other_name(
    subject: &ResourceSubject<'_>,
    field: &Field<'_>,
    name: &str,
    label: &str,
) -> Option<Diagnostic> {
    let reason = kubernetes_name_problem(name).filter(|_| (1..=253).contains(&name.len()))?;
    Some(subject.finding(&RULE, field, &reason, label))
}
