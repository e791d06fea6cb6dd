//! The resource doesn't come from a cluster.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::source::Location;
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::text::quoted;

pub(in crate::check) const RULE: Rule = Rule {
    code: "server-field",
    severity: Severity::Note,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "`wasmplugin.yaml` has no fields that the API server sets: `status`, `metadata.resourceVersion`, \
               `metadata.uid` and similar ones, as in the output of `kubectl get -o yaml`.",
        why: "They belong to the resource in one cluster. The API server refuses to create a resource with a \
              `resourceVersion`, so these fields are left out.",
        cure: "Remove them from the file.",
        log: "resourceVersion should not be set on objects to be created",
        severities: "",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let fields = subject.draft.server_fields();
    let Some(first) = fields.first() else { return Vec::new() };
    let location = subject.draft.source().map(|file| Location {
        file: file.clone(),
        span: first.span.clone(),
        label: String::new(),
    });
    let message = match fields {
        [_] => format!("`{}` is set by the cluster, and is left out", first.path),
        _ => format!(
            "{} are set by the cluster, and are left out",
            quoted(fields.iter().map(|field| field.path.as_str()))
        ),
    };
    vec![
        RULE.finding(message, [Place::Field { path: first.path.clone(), location }])
            .help("remove them from the file"),
    ]
}
